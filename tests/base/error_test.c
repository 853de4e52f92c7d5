/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * error_test.c - errors and the growing text that messages are built from.
 */
#include <errno.h>

#include "base/text.h"
#include "tests/base/scratch.h"

static void system_error_names_the_errno(void **state)
{
	struct error err = { 0 };

	errno = ENOENT;
	assert_int_equal(error_sys(&err, "cannot open %s", "x"), -ENOENT);
	assert_string_equal(err.text, "cannot open x: ENOENT");
	assert_int_equal(err.kind, ERROR_FAILED);
	errno = 0;
	assert_int_equal(error_sys(&err, "odd"), -EIO);
	errno = 4000;
	assert_int_equal(error_sys(&err, "odd"), -4000);
	assert_string_equal(err.text, "odd: unknown error");
}

static void refusal_maps_kind_to_code(void **state)
{
	struct error err = { 0 };

	assert_int_equal(error_refuse(&err, ERROR_USAGE, "a"), -EINVAL);
	assert_int_equal(error_refuse(&err, ERROR_NOT_FOUND, "a"), -ENOENT);
	assert_int_equal(error_refuse(&err, ERROR_STATE, "a"), -EBUSY);
	assert_int_equal(error_refuse(&err, ERROR_UNSUPPORTED, "a"), -EOPNOTSUPP);
	assert_int_equal(error_refuse(&err, ERROR_DENIED, "a"), -EACCES);
	assert_int_equal(err.kind, ERROR_DENIED);
}

static void wrap_keeps_code_and_kind(void **state)
{
	struct error err = { 0 };

	error_refuse(&err, ERROR_STATE, "it is stopped");
	assert_int_equal(error_wrap(&err, "cannot pause VE %s", "web"), -EBUSY);
	assert_string_equal(err.text, "cannot pause VE web: it is stopped");
	assert_int_equal(err.kind, ERROR_STATE);
}

static void long_text_is_cut_between_characters(void **state)
{
	struct error err = { 0 };
	char text[1200];

	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', sizeof(text));
		for (size_t i = shift; i + 3 < sizeof(text) - 1; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3); /* the euro sign */
		text[sizeof(text) - 2] = '\0';
		error_set(&err, EIO, "%s", text);
		for (int wraps = 0; wraps < 3; wraps++) {
			size_t length = strlen(err.text), n;

			assert_true(length > ERROR_TEXT - 8 && length < ERROR_TEXT);
			for (size_t i = 0; i < length; i += n) {
				n = text_utf8(err.text + i, length - i);
				assert_true(n > 0);
			}
			error_wrap(&err, "x");
		}
	}
}

static void text_is_always_a_string(void **state)
{
	cleanup_text struct text text;
	cleanup_free char *taken = NULL;

	text_init(&text);
	assert_string_equal(text.data, "");
	text_drop(&text, 5);
	text_add(&text, "");
	for (int i = 0; i < 1000; i++)
		text_format(&text, "%d,", i);
	assert_int_equal(text.length, 3890);
	text_drop(&text, 3886);
	assert_string_equal(text.data, "999,");
	text_drop(&text, 100);
	assert_string_equal(text.data, "");
	taken = text_take(&text);
	assert_string_equal(taken, "");
	assert_string_equal(text.data, "");
}

static void failed_text_gives_nothing(void **state)
{
	cleanup_text struct text text;

	text_init(&text);
	text_add(&text, "first");
	text_add_bytes(&text, "x", SIZE_MAX / 2);
	text_add(&text, "second");
	assert_string_equal(text.data, "first");
	assert_null(text_take(&text));
	assert_false(text.failed);
}

static void utf8_is_strict(void **state)
{
	assert_int_equal(text_utf8("a", 1), 1);
	assert_int_equal(text_utf8("a", 0), 0);
	assert_int_equal(text_utf8("\xc3\xa9", 2), 2);
	assert_int_equal(text_utf8("\xc3\xa9", 1), 0);
	assert_int_equal(text_utf8("\xf4\x8f\xbf\xbf", 4), 4);
	assert_int_equal(text_utf8("\xf4\x90\x80\x80", 4), 0); /* above U+10FFFF */
	assert_int_equal(text_utf8("\xc0\x80", 2), 0);         /* overlong NUL */
	assert_int_equal(text_utf8("\xe0\x80\x80", 3), 0);
	assert_int_equal(text_utf8("\xed\xa0\x80", 3), 0); /* surrogate */
	assert_int_equal(text_utf8("\x80", 1), 0);
	assert_int_equal(text_utf8("\xe2\x82x", 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_error_names_the_errno),
		cmocka_unit_test(refusal_maps_kind_to_code),
		cmocka_unit_test(wrap_keeps_code_and_kind),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(text_is_always_a_string),
		cmocka_unit_test(failed_text_gives_nothing),
		cmocka_unit_test(utf8_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
