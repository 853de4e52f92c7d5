/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * parse.c - from an operator's words to numbers and names, and back.
 *
 * Numbers are read digit by digit with an overflow check: strtoull() takes signs, spaces and
 * locale, and one such accident has made a user root before (property P11).
 */
#include "parse.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/text.h"

#define FRACTION_DIGITS 3
#define TIME_FIELDS     6
#define TIME_MIN        INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define TIME_MAX        INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

#define UNITS 4

struct unit {
	char suffix;
	uint64_t factor;
};

static const struct unit sizes[UNITS] = {
	{ 'T', UINT64_C(1) << 40 },
	{ 'G', UINT64_C(1) << 30 },
	{ 'M', UINT64_C(1) << 20 },
	{ 'K', UINT64_C(1) << 10 },
};
static const struct unit rates[UNITS] = {
	{ 'T', UINT64_C(1000000000000) },
	{ 'G', UINT64_C(1000000000) },
	{ 'M', UINT64_C(1000000) },
	{ 'K', UINT64_C(1000) },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits at *text and moves behind them. At least one. */
static int read_number(const char **text, uint64_t *ret)
{
	const char *at = *text;
	uint64_t value = 0;

	if (!is_digit(*at))
		return -EINVAL;
	for (; is_digit(*at); at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return -ERANGE;
	*text = at;
	*ret = value;
	return 0;
}

/* Reads ".5" as 500: at most three digits, at least one. No point is 0. */
static int read_fraction(const char **text, uint64_t *ret)
{
	const char *at = *text;
	uint64_t value = 0;
	int digits = 0;

	*ret = 0;
	if (*at != '.')
		return 0;
	for (at++; is_digit(*at) && digits < FRACTION_DIGITS; at++, digits++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (digits == 0 || is_digit(*at))
		return -EINVAL;
	for (; digits < FRACTION_DIGITS; digits++)
		value *= 10;
	*text = at;
	*ret = value;
	return 0;
}

static const struct unit *unit_find(const struct unit units[UNITS], char suffix)
{
	for (size_t i = 0; i < UNITS; i++)
		if (units[i].suffix == suffix)
			return &units[i];
	return NULL;
}

static int parse_units(const char *text, const struct unit units[UNITS], uint64_t *ret)
{
	const struct unit *unit;
	uint64_t whole, part, value;
	bool point;
	int r;

	r = read_number(&text, &whole);
	if (r < 0)
		return r;
	point = *text == '.';
	r = read_fraction(&text, &part);
	if (r < 0)
		return r;

	unit = unit_find(units, *text);
	if (unit)
		text++;
	if (*text != '\0' || (point && !unit))
		return -EINVAL;
	value = whole;
	if (unit && (__builtin_mul_overflow(whole, unit->factor, &value) ||
			    __builtin_add_overflow(value, part * unit->factor / 1000, &value)))
		return -ERANGE;
	if (value == PARSE_NONE)
		return -ERANGE; /* this number means "none" */
	*ret = value;
	return 0;
}

int parse_size(const char *text, uint64_t *ret)
{
	return parse_units(text, sizes, ret);
}

int parse_rate(const char *text, uint64_t *ret)
{
	return parse_units(text, rates, ret);
}

int parse_count(const char *text, uint64_t *ret)
{
	uint64_t value;
	int r = read_number(&text, &value);

	if (r < 0)
		return r;
	if (*text != '\0')
		return -EINVAL;
	if (value == PARSE_NONE)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_thousandths(const char *text, uint64_t *ret)
{
	uint64_t whole, part, value;
	int r;

	r = read_number(&text, &whole);
	if (r < 0)
		return r;
	r = read_fraction(&text, &part);
	if (r < 0)
		return r;
	if (*text != '\0')
		return -EINVAL;
	if (__builtin_mul_overflow(whole, 1000, &value) ||
		__builtin_add_overflow(value, part, &value) || value == PARSE_NONE)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_bool(const char *text, bool *ret)
{
	bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0)
		return -EINVAL;
	*ret = yes;
	return 0;
}

int parse_id(const char *text, uid_t *ret)
{
	uint64_t value;
	int r = parse_count(text, &value);

	if (r < 0)
		return r;
	if (value >= UINT32_MAX) /* (uid_t)-1 means "leave it" to setresuid(2) and chown(2) */
		return -ERANGE;
	*ret = (uid_t)value;
	return 0;
}

static int signal_find(const char *name)
{
	for (int i = 1; i < SIGSYS + 1; i++) {
		const char *known = sigabbrev_np(i);

		if (known && strcmp(known, name) == 0)
			return i;
	}
	return -EINVAL;
}

/* "RTMIN" or "RTMIN+N". What the C library keeps of the kernel's first real-time signals is not
 * for anyone: SIGRTMIN is 34 here and in every guest with glibc. */
static int signal_real_time(const char *name, int *ret)
{
	uint64_t offset = 0;
	int r = 0;

	if (*name == '+')
		r = parse_count(name + 1, &offset);
	else if (*name != '\0')
		r = -EINVAL;
	if (r < 0)
		return r;
	if (offset > (uint64_t)(SIGRTMAX - SIGRTMIN))
		return -ERANGE;
	*ret = SIGRTMIN + (int)offset;
	return 0;
}

int parse_signal(const char *text, int *ret)
{
	uint64_t number;
	int found;

	if (is_digit(*text)) {
		int r = parse_count(text, &number);

		if (r < 0)
			return r;
		if (number < 1 || number > (uint64_t)SIGRTMAX)
			return -ERANGE;
		*ret = (int)number;
		return 0;
	}
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	if (strncmp(text, "RTMIN", 5) == 0)
		return signal_real_time(text + 5, ret);
	found = signal_find(text);
	if (found < 0)
		return found;
	*ret = found;
	return 0;
}

static bool is_label(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z');
}

/* Label characters at both ends, those of `inside` as well in between. */
static bool name_check(const char *text, const char *inside)
{
	size_t length = strnlen(text, NAME_LENGTH + 1);

	if (length == 0 || length > NAME_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_label(text[i]) && !strchr(inside, text[i]))
			return false;
	return is_label(text[0]) && is_label(text[length - 1]);
}

bool name_valid(const char *text)
{
	return name_check(text, "-");
}

bool name_valid_object(const char *text)
{
	return name_check(text, "-._");
}

/* C0, DEL, and the C1 range that some terminals obey (U+0080 to U+009F, two bytes in UTF-8). */
static bool is_control(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return b[0] < 0x20 || b[0] == 0x7f || (b[0] == 0xc2 && b[1] < 0xa0);
}

bool string_clean(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);
	size_t n;

	if (length > max)
		return false;
	for (size_t i = 0; i < length; i += n) {
		n = text_utf8(text + i, length - i);
		if (n == 0 || is_control(text + i))
			return false;
	}
	return true;
}

/* Exactly, or not at all: the largest unit that can say it with at most two decimals. */
static bool format_unit(uint64_t number, const struct unit *unit, char buffer[FORMAT_SIZE])
{
	uint64_t whole = number / unit->factor;
	uint64_t hundredths = number % unit->factor * 100;
	unsigned int part = (unsigned int)(hundredths / unit->factor);

	if (whole == 0 || part * unit->factor != hundredths)
		return false;
	if (part == 0)
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "%c", whole, unit->suffix);
	else if (whole >= 10000)
		return false;
	else if (part % 10 == 0)
		snprintf(buffer, FORMAT_SIZE, "%u.%u%c", (unsigned int)whole, part / 10,
			unit->suffix);
	else
		snprintf(buffer, FORMAT_SIZE, "%u.%02u%c", (unsigned int)whole, part, unit->suffix);
	return true;
}

static const char *format_units(
	uint64_t number, const struct unit units[UNITS], char buffer[FORMAT_SIZE])
{
	if (number == PARSE_NONE)
		return "none";
	for (size_t i = 0; i < UNITS; i++)
		if (format_unit(number, &units[i], buffer))
			return buffer;
	snprintf(buffer, FORMAT_SIZE, "%" PRIu64, number);
	return buffer;
}

const char *format_size(uint64_t bytes, char buffer[FORMAT_SIZE])
{
	return format_units(bytes, sizes, buffer);
}

const char *format_rate(uint64_t bits, char buffer[FORMAT_SIZE])
{
	return format_units(bits, rates, buffer);
}

const char *format_thousandths(uint64_t thousandths, char buffer[FORMAT_SIZE])
{
	size_t end;

	if (thousandths == PARSE_NONE)
		return "none";
	snprintf(buffer, FORMAT_SIZE, "%" PRIu64 ".%03" PRIu64, thousandths / 1000,
		thousandths % 1000);
	for (end = strlen(buffer); buffer[end - 1] == '0'; end--)
		;
	buffer[buffer[end - 1] == '.' ? end - 1 : end] = '\0';
	return buffer;
}

const char *format_time_utc(int64_t seconds, char buffer[FORMAT_TIME])
{
	time_t when = seconds;
	struct tm tm;

	if (seconds < TIME_MIN || seconds > TIME_MAX || !gmtime_r(&when, &tm) ||
		strftime(buffer, FORMAT_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return "invalid time";
	return buffer;
}

/* Exactly n digits at *text. */
static int read_digits(const char **text, int n, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*text)++) {
		if (!is_digit(**text))
			return -EINVAL;
		value = value * 10 + (**text - '0');
	}
	*ret = value;
	return 0;
}

/* Each field is followed by its mark; the last mark is the end of the string too. */
static int read_time(const char *text, int fields[TIME_FIELDS])
{
	static const char marks[] = { '-', '-', 'T', ':', ':', 'Z' };

	for (size_t i = 0; i < TIME_FIELDS; i++) {
		int r = read_digits(&text, i == 0 ? 4 : 2, &fields[i]);

		if (r < 0 || *text++ != marks[i])
			return -EINVAL;
	}
	return *text == '\0' ? 0 : -EINVAL;
}

int parse_time_utc(const char *text, int64_t *ret)
{
	char check[FORMAT_TIME];
	int fields[TIME_FIELDS];
	struct tm tm = { 0 };
	int64_t seconds;

	if (read_time(text, fields) < 0)
		return -EINVAL;
	tm.tm_year = fields[0] - 1900;
	tm.tm_mon = fields[1] - 1;
	tm.tm_mday = fields[2];
	tm.tm_hour = fields[3];
	tm.tm_min = fields[4];
	tm.tm_sec = fields[5];
	seconds = timegm(&tm);

	/* timegm() takes the 31st of April for the 1st of May: what does not come back is refused
	 */
	if (strcmp(format_time_utc(seconds, check), text) != 0)
		return -ERANGE;
	*ret = seconds;
	return 0;
}
