/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * parse_test.c - what the parsers take, refuse and leave alone.
 */
#include <errno.h>
#include <signal.h>

#include "base/parse.h"
#include "tests/base/scratch.h"

#define UNTOUCHED 4242

struct row {
	const char *text;
	int result;
	uint64_t value;
};

static void check(int (*parse)(const char *, uint64_t *), const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = UNTOUCHED;
		int r = parse(rows[i].text, &value);

		if (r != rows[i].result || value != (r ? UNTOUCHED : rows[i].value))
			fail_msg("'%s': %d, %llu", rows[i].text, r, (unsigned long long)value);
	}
}

static void sizes(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "1K", 0, 1024 },
		{ "512M", 0, UINT64_C(512) << 20 },
		{ "1.5G", 0, UINT64_C(1610612736) },
		{ "2T", 0, UINT64_C(2) << 40 },
		{ "0.001K", 0, 1 },
		{ "16777215T", 0, UINT64_C(16777215) << 40 },
		{ "18446744073709551614", 0, UINT64_MAX - 1 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "16777216T", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "1MB", -EINVAL, 0 },
		{ "1MiB", -EINVAL, 0 },
		{ "1m", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1.G", -EINVAL, 0 },
		{ ".5G", -EINVAL, 0 },
		{ "1.5555G", -EINVAL, 0 },
		{ "1.5.5G", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "none", -EINVAL, 0 },
	};

	check(parse_size, rows, ARRAY_SIZE(rows));
}

static void rates(void **state)
{
	static const struct row rows[] = {
		{ "8000", 0, 8000 },
		{ "1K", 0, 1000 },
		{ "100M", 0, 100000000 },
		{ "1.5G", 0, UINT64_C(1500000000) },
		{ "18446744T", 0, UINT64_C(18446744000000000000) },
		{ "18446745T", -ERANGE, 0 },
		{ "1Mbit", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "none", -EINVAL, 0 },
	};

	check(parse_rate, rows, ARRAY_SIZE(rows));
}

static void formatted_rates_read_back(void **state)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} rows[] = {
		{ 999, "999" },
		{ 1024, "1024" },
		{ 8000, "8K" },
		{ 1250000, "1.25M" },
		{ 1234567, "1234567" },
		{ UINT64_C(100000000000), "100G" },
		{ PARSE_NONE, "none" },
	};
	char buffer[FORMAT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t back = PARSE_NONE;

		assert_string_equal(format_rate(rows[i].bits, buffer), rows[i].text);
		if (rows[i].bits != PARSE_NONE)
			assert_int_equal(parse_rate(buffer, &back), 0);
		assert_true(back == rows[i].bits);
	}
}

static void counts(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551614", 0, UINT64_MAX - 1 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
		{ "-0", -EINVAL, 0 },
		{ "\n1", -EINVAL, 0 },
	};

	check(parse_count, rows, ARRAY_SIZE(rows));
}

static void thousandths(void **state)
{
	static const struct row rows[] = {
		{ "0.5", 0, 500 },
		{ "2", 0, 2000 },
		{ "0.05", 0, 50 },
		{ "1.001", 0, 1001 },
		{ "0.0001", -EINVAL, 0 },
		{ "1.", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 },
		{ "1,5", -EINVAL, 0 },
		{ "18446744073709552", -ERANGE, 0 },
	};

	check(parse_thousandths, rows, ARRAY_SIZE(rows));
}

static void ids_have_no_minus_one(void **state)
{
	uid_t id = UNTOUCHED;

	assert_int_equal(parse_id("4294967295", &id), -ERANGE);
	assert_int_equal(parse_id("4294967296", &id), -ERANGE);
	assert_int_equal(parse_id("18446744073709551616", &id), -ERANGE);
	assert_int_equal(parse_id("-1", &id), -EINVAL);
	assert_int_equal(parse_id("root", &id), -EINVAL);
	assert_int_equal(id, UNTOUCHED);
	assert_int_equal(parse_id("4294967294", &id), 0);
	assert_true(id == 4294967294U);
}

static void signals(void **state)
{
	static const char *const bad[] = { "", "SIG", "0", "65", "-9", "term", "SIGSIGTERM",
		"RTMIN+", "RTMIN-1", "RTMIN+31", "RTMIN+999999999999", "TERM ", "9x" };
	int number = UNTOUCHED;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(parse_signal(bad[i], &number) < 0);
	assert_int_equal(number, UNTOUCHED);
	assert_int_equal(parse_signal("TERM", &number), 0);
	assert_int_equal(number, SIGTERM);
	assert_int_equal(parse_signal("SIGSYS", &number), 0);
	assert_int_equal(number, SIGSYS);
	assert_int_equal(parse_signal("15", &number), 0);
	assert_int_equal(number, 15);
	assert_int_equal(parse_signal("SIGRTMIN+3", &number), 0);
	assert_int_equal(number, SIGRTMIN + 3);
	assert_int_equal(parse_signal("RTMIN", &number), 0);
	assert_int_equal(number, SIGRTMIN);
}

static void booleans(void **state)
{
	bool flag = true;

	assert_int_equal(parse_bool("no", &flag), 0);
	assert_false(flag);
	assert_int_equal(parse_bool("yes", &flag), 0);
	assert_true(flag);
	assert_int_equal(parse_bool("true", &flag), -EINVAL);
	assert_int_equal(parse_bool("", &flag), -EINVAL);
}

static void names(void **state)
{
	static const char *const bad[] = { "", "-a", "a-", "A", "a_b", "a.b", "a/b", "..", "a\n",
		"\xc3\xa9" };
	char name[NAME_LENGTH + 2];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(name_valid(bad[i]));
	assert_true(name_valid("web1"));
	assert_true(name_valid("101"));
	assert_true(name_valid("a"));
	assert_true(name_valid("a-b"));
	memset(name, 'a', sizeof(name));
	name[NAME_LENGTH + 1] = '\0';
	assert_false(name_valid(name));
	name[NAME_LENGTH] = '\0';
	assert_true(name_valid(name));

	assert_true(name_valid_object("debian-12.5_x"));
	assert_false(name_valid_object(".."));
	assert_false(name_valid_object(".a"));
	assert_false(name_valid_object("a."));
	assert_false(name_valid_object("a/b"));
}

static void clean_strings(void **state)
{
	assert_true(string_clean("", 0));
	assert_true(string_clean("gr\xc3\xbc\xc3\x9f", 7));
	assert_false(string_clean("abc", 2));
	assert_false(string_clean("a\nb", 10));
	assert_false(string_clean("a\x1b[0m", 10));
	assert_false(string_clean("a\x7f", 10));
	assert_false(string_clean("a\xc2\x9b", 10)); /* CSI in one character */
	assert_false(string_clean("a\xff", 10));
	assert_false(string_clean("a\xc3", 10));
	assert_true(string_clean("\xc2\xa0", 10));
}

static void formatted_sizes_read_back(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1000, "1000" },
		{ 1024, "1K" },
		{ 1536, "1.5K" },
		{ 1280, "1.25K" },
		{ UINT64_C(1610612736), "1.5G" },
		{ UINT64_C(1) << 40, "1T" },
		{ (UINT64_C(1) << 40) + 1, "1099511627777" },
		{ UINT64_MAX - 1, "18446744073709551614" },
		{ UINT64_MAX - 1023, "18014398509481983K" },
		{ PARSE_NONE, "none" },
	};
	char buffer[FORMAT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t back = PARSE_NONE;
		const char *text = format_size(rows[i].bytes, buffer);

		assert_string_equal(text, rows[i].text);
		if (rows[i].bytes != PARSE_NONE)
			assert_int_equal(parse_size(text, &back), 0);
		assert_true(back == rows[i].bytes);
	}
}

static void formatted_thousandths(void **state)
{
	char buffer[FORMAT_SIZE];

	assert_string_equal(format_thousandths(500, buffer), "0.5");
	assert_string_equal(format_thousandths(2000, buffer), "2");
	assert_string_equal(format_thousandths(0, buffer), "0");
	assert_string_equal(format_thousandths(10050, buffer), "10.05");
	assert_string_equal(format_thousandths(UINT64_MAX - 1, buffer), "18446744073709551.614");
	assert_string_equal(format_thousandths(PARSE_NONE, buffer), "none");
}

static void times(void **state)
{
	static const char *const bad[] = { "", "2026-11-22", "2026-11-22T11:46:21",
		"2026-11-22T11:46:21+00:00", "2026-11-22T11:46:21Zx", "2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-22T24:00:00Z",
		"2026-11-22T11:46:60Z", "2026-11-22 11:46:21Z", "02026-11-22T11:46:21Z" };
	char buffer[FORMAT_TIME];
	int64_t seconds = UNTOUCHED;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(parse_time_utc(bad[i], &seconds) < 0);
	assert_int_equal(seconds, UNTOUCHED);
	assert_int_equal(parse_time_utc("2026-11-22T11:46:21Z", &seconds), 0);
	assert_int_equal(seconds, 1795347981);
	assert_string_equal(format_time_utc(seconds, buffer), "2026-11-22T11:46:21Z");
	assert_string_equal(format_time_utc(0, buffer), "1970-01-01T00:00:00Z");
	assert_int_equal(parse_time_utc("2024-02-29T23:59:59Z", &seconds), 0);
	assert_string_equal(format_time_utc(INT64_MAX, buffer), "invalid time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(rates),
		cmocka_unit_test(formatted_rates_read_back),
		cmocka_unit_test(counts),
		cmocka_unit_test(thousandths),
		cmocka_unit_test(ids_have_no_minus_one),
		cmocka_unit_test(signals),
		cmocka_unit_test(booleans),
		cmocka_unit_test(names),
		cmocka_unit_test(clean_strings),
		cmocka_unit_test(formatted_sizes_read_back),
		cmocka_unit_test(formatted_thousandths),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
