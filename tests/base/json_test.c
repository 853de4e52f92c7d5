/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * json_test.c - the bounds of what is parsed, and that what is built can be read back.
 */
#include <errno.h>
#include <locale.h>
#include <math.h>

#include "base/json.h"
#include "base/text.h"
#include "tests/base/scratch.h"

static int parse(const char *text, size_t length)
{
	cleanup_json struct json *root = NULL;
	cleanup_free char *copy = malloc(length + 1); /* so that a sanitizer sees the end */
	struct error err = { 0 };
	int r;

	memcpy(copy, text, length);
	copy = realloc(copy, length ? length : 1);
	r = json_parse(copy, length, &root, &err);
	assert_true(r == 0 ? root != NULL && err.code == 0 : root == NULL && err.code == -r);
	return r;
}

static int parse_text(const char *text)
{
	return parse(text, strlen(text));
}

static void round_trip(const char *text)
{
	cleanup_json struct json *root = NULL;
	cleanup_free char *printed = NULL;
	struct error err = { 0 };

	assert_int_equal(json_parse(text, strlen(text), &root, &err), 0);
	assert_int_equal(json_print(root, false, &printed), 0);
	assert_string_equal(printed, text);
}

static void text_comes_back(void **state)
{
	round_trip("{}");
	round_trip("[]");
	round_trip("null");
	round_trip("-9223372036854775808");
	round_trip("9223372036854775807");
	round_trip("[1,0.1,1.5,true,false,null,\"a\",{\"b\":[],\"c\":{}}]");
	round_trip("{\"a\\\"\\\\\\n\":\"\\u0001gr\xc3\xbc\xc3\x9f/\"}");
	round_trip("0.02");
	round_trip("[-0.0,2.0,1e+22]");
	round_trip("1.7976931348623157e+308");
}

static void malformed_text_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", "{", "[", "}", "{\"a\"", "{\"a\":", "{\"a\":1",
		"{\"a\":1,}", "[1,]", "[1 2]", "\"a", "tru", "nul", "-", "1.", ".5", "+1", "1e",
		"{1:2}", "{} {}", "{}x", "// c\n{}", "/* c */ {}", "'a'", "\"\\x\"", "\"\\u12\"",
		"\"a\nb\"", "\xef\xbb\xbf{}", "NaN", "Infinity" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_text(bad[i]) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

/* What a torn write leaves of a record is never taken for the record. */
static void every_truncation_is_refused(void **state)
{
	static const char text[] = "{\"a\":[1,2.5,\"\\u00e9\xc3\xa9\",null],\"b\":{\"c\":true}}";

	assert_int_equal(parse_text(text), 0);
	for (size_t n = 0; n < strlen(text); n++)
		assert_true(parse(text, n) < 0);
}

static void bad_strings_are_refused(void **state)
{
	assert_int_equal(parse("\"a\0b\"", 5), -EINVAL);
	assert_true(parse("{}\0", 3) < 0);
	assert_int_equal(parse_text("\"a\\u0000b\""), -EILSEQ);
	assert_int_equal(parse_text("{\"a\\u0000\":1}"), -EILSEQ);
	assert_true(parse_text("\"\xff\"") < 0);
	assert_true(parse_text("\"\xc0\xaf\"") < 0);
	assert_true(parse_text("\"\xed\xa0\x80\"") < 0);
	assert_true(parse_text("\"\xc3\"") < 0);
	assert_true(parse_text("{\"\xf8\":1}") < 0);
	assert_true(parse_text("\"\\udc00\"") < 0);
	assert_int_equal(parse_text("\"\\ud83d\\ude00\""), 0);
}

static void numbers_out_of_range_are_refused(void **state)
{
	cleanup_free char *digits = malloc(1001);

	assert_int_equal(parse_text("9223372036854775808"), -ERANGE);
	assert_int_equal(parse_text("-9223372036854775809"), -ERANGE);
	assert_int_equal(parse_text("1e999"), -ERANGE);
	memset(digits, '1', 1000);
	digits[1000] = '\0';
	assert_int_equal(parse_text(digits), -ERANGE);
	digits[1] = '.';
	assert_int_equal(parse_text(digits), -ERANGE);
	assert_int_equal(parse_text("1e-999"), 0);
}

static int parse_nested(size_t depth, const char *open, const char *close)
{
	cleanup_text struct text text;

	text_init(&text);
	for (size_t i = 0; i < depth; i++)
		text_add(&text, open);
	text_add(&text, "1");
	for (size_t i = 0; i < depth; i++)
		text_add(&text, close);
	return parse(text.data, text.length);
}

/* What glibc reads of a locale whose point is a comma: it need not be installed. */
static const struct {
	uint32_t magic, n, offset[6];
	char point[2], separator[2], grouping[4];
	uint32_t wide_separator, wide_point;
	char codeset[6];
} comma = {
	0x20031114, /* of LC_NUMERIC, since glibc 2.3 */
	6,
	{ 32, 34, 36, 40, 44, 48 },
	",",
	".",
	"\3\3",
	'.',
	',',
	"UTF-8",
};

static void a_point_is_a_point_in_any_locale(void **state)
{
	char directory[] = "/tmp/vessel-locale-XXXXXX";
	struct json *value = NULL;
	struct error err = { 0 };
	char *name, *text = NULL;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	setenv("LOCPATH", directory, 1);
	assert_true(asprintf(&name, "%s/comma/LC_NUMERIC", directory) > 0);
	*strrchr(name, '/') = '\0';
	assert_int_equal(mkdir(name, 0700), 0);
	name[strlen(name)] = '/';
	file = fopen(name, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(&comma, sizeof(comma), 1, file), 1);
	fclose(file);
	free(name);
	name = setlocale(LC_NUMERIC, "comma");
	assert_int_equal(file_remove_tree(AT_FDCWD, directory, &err), 0);
	unsetenv("LOCPATH");
	if (!name)
		skip(); /* not glibc's format */

	assert_string_equal(localeconv()->decimal_point, ",");
	assert_int_equal(json_parse("1.5", 3, &value, &err), 0);
	assert_int_equal(json_print(value, false, &text), 0);
	setlocale(LC_NUMERIC, "C");
	assert_string_equal(text, "1.5");
	free(text);
	json_free(value);
}

static void depth_is_bounded(void **state)
{
	assert_int_equal(parse_nested(32, "[", "]"), 0);
	assert_int_equal(parse_nested(33, "[", "]"), -E2BIG);
	assert_int_equal(parse_nested(32, "{\"a\":", "}"), 0);
	assert_int_equal(parse_nested(33, "{\"a\":", "}"), -E2BIG);
	assert_int_equal(parse_nested(100000, "[", "]"), -E2BIG);
}

static void duplicate_keys_are_refused(void **state)
{
	assert_int_equal(parse_text("{\"a\":1,\"a\":2}"), -EINVAL);
	assert_int_equal(parse_text("{\"a\":1,\"b\":0,\"\\u0061\":2}"), -EINVAL);
	assert_int_equal(parse_text("[{\"x\":{\"a\":1,\"c\":2,\"a\":3}}]"), -EINVAL);
	assert_int_equal(parse_text("{\"a\":{\"a\":{\"a\":1}},\"A\":1}"), 0);
}

static int parse_array(size_t count)
{
	cleanup_text struct text text;

	text_init(&text);
	text_add(&text, "[1");
	for (size_t i = 1; i < count; i++)
		text_add(&text, ",1");
	text_add(&text, "]");
	return parse(text.data, text.length);
}

static void values_are_bounded(void **state)
{
	assert_int_equal(parse_array(65535), 0); /* the array is one too */
	assert_int_equal(parse_array(65536), -E2BIG);
}

static void many_keys_cost_little(void **state)
{
	cleanup_text struct text text;

	text_init(&text);
	for (int i = 0; i < 65535; i++)
		text_format(&text, "%s\"%x\":1", i ? "," : "{", i);
	text_add(&text, "}");
	assert_int_equal(parse(text.data, text.length), 0);
}

static void size_is_bounded(void **state)
{
	cleanup_free char *text = malloc(JSON_TEXT_MAX + 1);

	memset(text, ' ', JSON_TEXT_MAX + 1);
	memcpy(text, "{}", 2);
	assert_int_equal(parse(text, JSON_TEXT_MAX), 0);
	assert_int_equal(parse(text, JSON_TEXT_MAX + 1), -EFBIG);
	memset(text, 'a', JSON_TEXT_MAX);
	text[0] = text[JSON_TEXT_MAX - 1] = '"';
	assert_int_equal(parse(text, JSON_TEXT_MAX), 0);
}

static void readers_take_anything(void **state)
{
	cleanup_json struct json *object = json_new_object();
	int64_t integer = 7;
	double real = 7;
	bool flag = true;

	assert_null(json_find(NULL, "a"));
	assert_null(json_string(NULL));
	assert_null(json_find_string(NULL, "a"));
	assert_null(json_at(NULL, 0));
	assert_null(json_key_at(NULL, 0));
	assert_int_equal(json_count(NULL), 0);
	assert_int_equal(json_type(NULL), JSON_NULL);
	assert_false(json_int(NULL, &integer));
	assert_null(json_string(object));
	assert_false(json_int(object, &integer));
	assert_false(json_real(object, &real));
	assert_false(json_bool(object, &flag));
	assert_null(json_at(object, 0));
	assert_true(integer == 7 && real == 7 && flag);
	json_set_int(object, "i", 3);
	assert_true(json_real(json_find(object, "i"), &real));
	assert_true(real == 3);
	assert_string_equal(json_key_at(object, 0), "i");
	json_free(NULL);
	assert_null(json_take(NULL, "a"));
	json_set_int(NULL, "a", 1);
	json_append(NULL, json_new_object());
	json_set(NULL, "a", json_new_object());
}

static void set_replaces_in_place(void **state)
{
	cleanup_json struct json *root = json_new_object();
	cleanup_json struct json *taken = NULL;
	cleanup_json struct json *copy = NULL;
	cleanup_free char *text = NULL;
	struct json *array;

	json_set_string(root, "a", "x");
	json_set_int(root, "b", 2);
	json_set_null(root, "c");
	json_set_bool(root, "a", true);
	json_set_string(root, "d", NULL);
	json_set_real(root, "e", 0.5);
	json_set_real(root, "f", (double)INFINITY);
	array = json_set_array(root, "g");
	json_append_string(array, "s");
	json_set_int(json_append_object(array), "n", 1);
	json_set_string(json_set_object(root, "h"), "bad\xff", "\xc3");
	taken = json_take(root, "b");
	json_free(json_take(root, "c"));
	assert_null(json_take(root, "nothing"));
	assert_null(json_take(root, "b"));
	assert_int_equal(json_type(taken), JSON_INT);

	copy = json_copy(root);
	json_set_int(root, "a", 0);
	assert_int_equal(json_print(copy, false, &text), 0);
	assert_string_equal(text,
		"{\"a\":true,\"d\":null,\"e\":0.5,\"f\":null,\"g\":[\"s\",{\"n\":1}],"
		"\"h\":{\"bad\xef\xbf\xbd\":\"\xef\xbf\xbd\"}}");
}

static void pretty_text_has_lines(void **state)
{
	cleanup_json struct json *root = json_new_object();
	cleanup_free char *text = NULL;

	json_set_int(root, "a", 1);
	assert_int_equal(json_print(root, true, &text), 0);
	assert_string_equal(text, "{\n  \"a\": 1\n}\n");
}

static void failed_builder_fails_the_print(void **state)
{
	cleanup_json struct json *root = json_new_object();
	char *text = NULL;

	json_set(json_set_object(root, "inner"), "lost", NULL); /* what a failed json_new gives */
	assert_int_equal(json_print(root, false, &text), -ENOMEM);
	assert_int_equal(json_print(NULL, false, &text), -ENOMEM);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(bad_strings_are_refused),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(a_point_is_a_point_in_any_locale),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(duplicate_keys_are_refused),
		cmocka_unit_test(values_are_bounded),
		cmocka_unit_test(many_keys_cost_little),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(readers_take_anything),
		cmocka_unit_test(set_replaces_in_place),
		cmocka_unit_test(pretty_text_has_lines),
		cmocka_unit_test(failed_builder_fails_the_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
