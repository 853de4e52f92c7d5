/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * json_text.c - JSON text to values and back, by yajl's stream parser and generator.
 *
 * yajl is no longer maintained, so little is left to it: cutting the text into tokens and writing
 * them. Numbers, UTF-8, depth, duplicates and sizes are judged here. It lets overlong UTF-8 and
 * lone surrogates through, and its own integers wrap into an error without a reason.
 */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json_value.h"
#include "base/text.h"

#define DEPTH_MAX  32
#define VALUES_MAX 65536
#define NUMBER_TEXT                                                                                \
	400          /* the longest plain double has 309 digits before the point, and people stop */
#define REAL_TEXT 32 /* "%.17g" is sign, 17 digits, point, "e-308": 24, and ".0" fits behind */

struct parser {
	struct json *root;
	struct json *open[DEPTH_MAX]; /* the containers around the current place, borrowed */
	size_t depth;
	size_t values;
	char *key; /* of the value that comes next */
	int code;  /* with problem: why a callback refused */
	const char *problem;
};

static int refuse(struct parser *parser, int code, const char *problem)
{
	parser->code = code;
	parser->problem = problem;
	return 0; /* yajl's word for "stop" */
}

/* Puts a value where the parser stands, and owns it. */
static int place(struct parser *parser, struct json *value)
{
	char *key = take_ptr(&parser->key);

	if (!value || ++parser->values > VALUES_MAX) {
		free(key);
		json_free(value);
		return value ? refuse(parser, E2BIG, "more than 65536 values")
			     : refuse(parser, ENOMEM, "out of memory");
	}
	if (parser->depth == 0) {
		parser->root = value;
		return 1;
	}
	if (!json_attach(parser->open[parser->depth - 1], key, value))
		return refuse(parser, ENOMEM, "out of memory");
	return 1;
}

/* An owned copy of a token; NULL with the reason set. */
static char *copy_token(struct parser *parser, const unsigned char *token, size_t length)
{
	const char *string = (const char *)token;
	char *copy;
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		n = text_utf8(string + i, length - i);
		if (n == 0 || string[i] == '\0') {
			refuse(parser, EILSEQ,
				n ? "NUL inside a string" : "a string is not valid UTF-8");
			return NULL;
		}
	}
	copy = malloc(length + 1);
	if (!copy) {
		refuse(parser, ENOMEM, "out of memory");
		return NULL;
	}
	if (length > 0)
		memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

static int on_null(void *context)
{
	return place(context, json_new(JSON_NULL));
}

static int on_bool(void *context, int flag)
{
	struct json *value = json_new(JSON_BOOL);

	if (value)
		value->flag = flag;
	return place(context, value);
}

/* Digits with an optional '-'; yajl has checked the grammar. */
static bool read_integer(const char *text, size_t length, int64_t *ret)
{
	bool negative = length > 0 && text[0] == '-';
	int64_t value = 0;

	for (size_t i = negative; i < length; i++) {
		int64_t digit = negative ? '0' - text[i] : text[i] - '0';

		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret = value;
	return true;
}

static bool read_real(const char *text, size_t length, double *ret)
{
	char copy[NUMBER_TEXT];

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*ret = strtod(copy, NULL);
	return isfinite(*ret);
}

static int on_number(void *context, const char *text, size_t length)
{
	bool is_real =
		memchr(text, '.', length) || memchr(text, 'e', length) || memchr(text, 'E', length);
	int64_t integer = 0;
	double real = 0;
	struct json *value;

	if (is_real ? !read_real(text, length, &real) : !read_integer(text, length, &integer))
		return refuse(context, ERANGE, "a number is out of range");
	value = json_new(is_real ? JSON_REAL : JSON_INT);
	if (value && is_real)
		value->real = real;
	else if (value)
		value->integer = integer;
	return place(context, value);
}

static int on_string(void *context, const unsigned char *token, size_t length)
{
	char *copy = copy_token(context, token, length);
	struct json *value;

	if (!copy)
		return 0;
	value = json_new(JSON_STRING);
	if (value)
		value->string = copy;
	else
		free(copy);
	return place(context, value);
}

static int on_key(void *context, const unsigned char *token, size_t length)
{
	struct parser *parser = context;

	parser->key = copy_token(parser, token, length);
	return parser->key ? 1 : 0;
}

static int on_start(struct parser *parser, enum json_type type)
{
	struct json *value;

	if (parser->depth == DEPTH_MAX)
		return refuse(parser, E2BIG, "more than 32 levels");
	value = json_new(type);
	if (!place(parser, value))
		return 0;
	parser->open[parser->depth++] = value;
	return 1;
}

static int on_start_object(void *context)
{
	return on_start(context, JSON_OBJECT);
}

static int on_start_array(void *context)
{
	return on_start(context, JSON_ARRAY);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, so that an object of 65,536 members costs no 65,536 squared. */
static int on_end_object(void *context)
{
	struct parser *parser = context;
	const struct json *object = parser->open[--parser->depth];
	cleanup_free char **keys = NULL;

	if (object->count < 2)
		return 1;
	keys = calloc(object->count, sizeof(*keys));
	if (!keys)
		return refuse(parser, ENOMEM, "out of memory");
	memcpy(keys, object->keys, object->count * sizeof(*keys));
	qsort(keys, object->count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < object->count; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return refuse(parser, EINVAL, "a key stands twice in an object");
	return 1;
}

static int on_end_array(void *context)
{
	struct parser *parser = context;

	parser->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_object,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* yajl's own reason, which quotes nothing of the text, without its line feed. */
static int report_syntax(yajl_handle handle, struct error *err)
{
	unsigned char *reason = yajl_get_error(handle, 0, NULL, 0);
	int length = reason ? (int)strcspn((const char *)reason, "\n") : 0;
	int r = error_set(err, EINVAL, "not JSON at byte %zu: %.*s",
		yajl_get_bytes_consumed(handle), length, reason ? (const char *)reason : "");

	if (reason)
		yajl_free_error(handle, reason);
	return r;
}

static int run_parser(yajl_handle handle, struct parser *parser, const char *text, size_t length,
	struct error *err)
{
	yajl_status status = yajl_parse(handle, (const unsigned char *)text, length);

	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	if (parser->problem)
		return error_set(err, parser->code, "JSON refused at byte %zu: %s",
			yajl_get_bytes_consumed(handle), parser->problem);
	if (status != yajl_status_ok)
		return report_syntax(handle, err);
	if (!parser->root || parser->depth > 0)
		return error_set(err, EINVAL, "not JSON: it ends too early");
	return 0;
}

/* In JSON the point is a point, whatever a client's program has made it for this thread. */
struct plain_locale {
	locale_t plain, before;
};

static void plain_locale_leave(struct plain_locale *locale)
{
	if (!locale->plain)
		return;
	uselocale(locale->before);
	freelocale(locale->plain);
}
#define cleanup_locale __attribute__((cleanup(plain_locale_leave)))

static int plain_locale_enter(struct plain_locale *locale)
{
	locale->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!locale->plain)
		return -ENOMEM;
	locale->before = uselocale(locale->plain);
	return 0;
}

int json_parse(const char *text, size_t length, struct json **ret, struct error *err)
{
	cleanup_locale struct plain_locale locale = { 0 };
	struct parser parser = { 0 };
	yajl_handle handle;
	int r;

	if (length > JSON_TEXT_MAX)
		return error_set(err, EFBIG, "JSON refused: larger than 1 MiB");
	if (plain_locale_enter(&locale) < 0)
		return error_memory(err);
	handle = yajl_alloc(&callbacks, NULL, &parser);
	if (!handle)
		return error_memory(err);
	r = run_parser(handle, &parser, text, length, err);
	yajl_free(handle);
	free(parser.key);
	if (r < 0)
		json_free(parser.root);
	else
		*ret = parser.root;
	return r;
}

/* ---- printing ---- */

static bool print_value(yajl_gen gen, const struct json *value);

static bool print_string(yajl_gen gen, const char *string)
{
	return yajl_gen_string(gen, (const unsigned char *)string, strlen(string)) ==
	       yajl_gen_status_ok;
}

/* The shortest form that reads back as the same number, and as a real ("2.0", "-0.0"); JSON has no
 * word for infinity. */
static bool print_real(yajl_gen gen, double real)
{
	char buffer[REAL_TEXT];

	if (!isfinite(real))
		return yajl_gen_null(gen) == yajl_gen_status_ok;
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buffer, sizeof(buffer), "%.*g", digits, real);
		if (strtod(buffer, NULL) == real)
			break;
	}
	if (buffer[strspn(buffer, "-0123456789")] == '\0')
		memcpy(buffer + strlen(buffer), ".0", sizeof(".0"));
	return yajl_gen_number(gen, buffer, strlen(buffer)) == yajl_gen_status_ok;
}

static bool print_object(yajl_gen gen, const struct json *object)
{
	if (object->failed || yajl_gen_map_open(gen) != yajl_gen_status_ok)
		return false;
	for (size_t i = 0; i < object->count; i++)
		if (!print_string(gen, object->keys[i]) || !print_value(gen, object->items[i]))
			return false;
	return yajl_gen_map_close(gen) == yajl_gen_status_ok;
}

static bool print_array(yajl_gen gen, const struct json *array)
{
	if (array->failed || yajl_gen_array_open(gen) != yajl_gen_status_ok)
		return false;
	for (size_t i = 0; i < array->count; i++)
		if (!print_value(gen, array->items[i]))
			return false;
	return yajl_gen_array_close(gen) == yajl_gen_status_ok;
}

static bool print_value(yajl_gen gen, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		return yajl_gen_null(gen) == yajl_gen_status_ok;
	case JSON_BOOL:
		return yajl_gen_bool(gen, value->flag) == yajl_gen_status_ok;
	case JSON_INT:
		return yajl_gen_integer(gen, value->integer) == yajl_gen_status_ok;
	case JSON_REAL:
		return print_real(gen, value->real);
	case JSON_STRING:
		return print_string(gen, value->string);
	case JSON_ARRAY:
		return print_array(gen, value);
	case JSON_OBJECT:
		return print_object(gen, value);
	}
	return false;
}

static void print_piece(void *context, const char *piece, size_t length)
{
	text_add_bytes(context, piece, length);
}

/* A scalar's `failed` is never set; a container's fails the print of all that hold it. */
int json_print(const struct json *value, bool pretty, char **ret)
{
	cleanup_locale struct plain_locale locale = { 0 };
	cleanup_text struct text text;
	yajl_gen gen;
	char *taken;
	bool done;

	text_init(&text);
	gen = value && plain_locale_enter(&locale) == 0 ? yajl_gen_alloc(NULL) : NULL;
	if (!gen)
		return -ENOMEM;
	yajl_gen_config(gen, yajl_gen_beautify, pretty);
	yajl_gen_config(gen, yajl_gen_indent_string, "  ");
	yajl_gen_config(gen, yajl_gen_print_callback, print_piece, &text);
	done = print_value(gen, value);
	yajl_gen_free(gen);
	taken = done ? text_take(&text) : NULL;
	if (!taken)
		return -ENOMEM;
	*ret = taken;
	return 0;
}
