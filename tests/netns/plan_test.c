/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan_test.c - which address is given next, and which never.
 */
#include "netns/plan.h"
#include "tests/base/scratch.h"

#define MAX 300

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

static struct prefix range_of(const char *text)
{
	struct prefix range;

	assert_int_equal(prefix_parse(text, &range), 0);
	return range;
}

/* The address that comes next, as text, or the empty string. */
static const char *next(const char *range_text, const struct ip *used, size_t n, const char *after)
{
	static char text[IP_TEXT];
	struct prefix range = range_of(range_text);
	struct ip after_ip, ip;
	struct error err = { 0 };
	int r;

	if (after)
		after_ip = ip_of(after);
	r = plan_next(&range, used, n, after ? &after_ip : NULL, &ip, &err);
	assert_true(r == 0 || (r == -ENOSPC && err.code == ENOSPC));
	return r == 0 ? ip_format(&ip, text) : "";
}

static void the_first_address_means_the_subnet(void **state)
{
	(void)state;
	assert_string_equal(next("10.77.0.0/16", NULL, 0, NULL), "10.77.0.1");
	assert_string_equal(next("fd00:77::/64", NULL, 0, NULL), "fd00:77::1");
}

static void used_addresses_are_passed_over(void **state)
{
	struct ip used[] = { ip_of("10.77.0.3"), ip_of("fd00::1"), ip_of("10.77.0.1"),
		ip_of("10.77.0.2"), ip_of("10.77.0.2"), ip_of("10.77.0.5") };

	(void)state;
	assert_string_equal(next("10.77.0.0/16", used, ARRAY_SIZE(used), NULL), "10.77.0.4");
}

static void a_freed_address_rests(void **state)
{
	struct ip used[] = { ip_of("10.77.0.1"), ip_of("10.77.0.3") };

	(void)state;
	assert_string_equal(next("10.77.0.0/16", used, 2, "10.77.0.3"), "10.77.0.4");
	assert_string_equal(next("10.77.0.0/30", used, 2, "10.77.0.3"), "10.77.0.2");
	assert_string_equal(next("10.77.0.0/16", used, 2, "192.0.2.1"), "10.77.0.2");
}

static void a_full_range_says_so(void **state)
{
	struct ip used[] = { ip_of("10.0.0.1"), ip_of("10.0.0.2") };

	(void)state;
	assert_string_equal(next("10.0.0.0/30", used, 2, NULL), "");
	assert_string_equal(next("10.0.0.0/30", used, 2, "10.0.0.1"), "");
}

static void small_ranges_have_no_subnet(void **state)
{
	struct ip used[] = { ip_of("10.0.0.0") };

	(void)state;
	assert_string_equal(next("10.0.0.7/32", NULL, 0, NULL), "10.0.0.7");
	assert_string_equal(next("10.0.0.0/31", NULL, 0, NULL), "10.0.0.0");
	assert_string_equal(next("10.0.0.0/31", used, 1, NULL), "10.0.0.1");
}

static void the_end_of_all_addresses_is_an_end(void **state)
{
	struct ip used[] = { ip_of("ffff::") };

	(void)state;
	/* Multicast from end to end: nothing to give, and the search comes back. */
	assert_string_equal(next("255.255.255.0/24", NULL, 0, NULL), "");
	assert_string_equal(next("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124", used, 1, NULL), "");
}

static void a_range_gives_each_address_once(void **state)
{
	static struct ip used[MAX];
	size_t n = 0;

	(void)state;
	while (n < MAX) {
		const char *text = next("10.9.8.0/24", used, n, n ? "10.9.8.77" : NULL);

		if (!*text)
			break;
		used[n] = ip_of(text);
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(ip_compare(&used[i], &used[n]), 0);
		n++;
	}
	assert_int_equal(n, 254);
}

static void refusal_says_why(void **state)
{
	struct ip used[] = { ip_of("10.0.0.1"), ip_of("fd00::5") };
	struct ip multicast = ip_of("224.0.0.5"), taken = ip_of("fd00::5"),
		  fine = ip_of("10.0.0.2");
	struct error err = { 0 };
	size_t holder = 77;

	(void)state;
	assert_int_equal(plan_check(&multicast, used, 2, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "224.0.0.5 is a multicast address");
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_int_equal(plan_check(&taken, used, 2, &holder, &err), -EEXIST);
	assert_int_equal(err.kind, ERROR_STATE);
	assert_int_equal(holder, 1);
	assert_int_equal(plan_check(&fine, used, 2, &holder, &err), 0);
}

static void ranges_are_a_list_without_overlap(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "'' is no range" },
		{ "10.0.0.0/8,", "'' is no range" },
		{ "10.0.0.0/8,10.7.0.0/16", "10.7.0.0/16 overlaps another range" },
		{ "10.0.0.1/8", "'10.0.0.1/8' is no range" },
		{ "127.0.0.0/8", "127.0.0.0/8 is a loopback address" },
		{ "10.0.0.0/8,11.0.0.0/8,12.0.0.0/8,13.0.0.0/8", "more than 3 ranges" },
	};
	struct prefix ranges[3];
	struct error err = { 0 };

	(void)state;
	assert_int_equal(plan_parse("10.77.0.0/16,fd00:77::/64", ranges, 3, &err), 2);
	assert_int_equal(ranges[1].length, 64);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(plan_parse(bad[i].text, ranges, 3, &err) < 0);
		assert_non_null(strstr(err.text, bad[i].why));
		assert_int_equal(err.kind, ERROR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_address_means_the_subnet),
		cmocka_unit_test(used_addresses_are_passed_over),
		cmocka_unit_test(a_freed_address_rests),
		cmocka_unit_test(a_full_range_says_so),
		cmocka_unit_test(small_ranges_have_no_subnet),
		cmocka_unit_test(the_end_of_all_addresses_is_an_end),
		cmocka_unit_test(a_range_gives_each_address_once),
		cmocka_unit_test(refusal_says_why),
		cmocka_unit_test(ranges_are_a_list_without_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
