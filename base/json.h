/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * json.h - JSON values: parsed within bounds, built, printed.
 *
 * The only file that knows which library parses JSON. Bounds on what is parsed: 1 MiB of text, 32
 * levels, 65,536 values, no duplicate key in one object, valid UTF-8, no NUL inside a string.
 *
 * A tree is owned by its root. Children are borrowed until the root is freed. Builders may run out
 * of memory at any step; they then mark the root's printing to fail, so that a caller checks once,
 * at json_print(). A setter whose container is NULL does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct json;

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_REAL,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

#define JSON_TEXT_MAX (1 << 20)

int json_parse(const char *text, size_t length, struct json **ret, struct error *err);
void json_free(struct json *root);

static inline void json_free_run(struct json **root)
{
	json_free(*root);
}
#define cleanup_json __attribute__((cleanup(json_free_run)))

/* Readers accept NULL and a wrong type and answer with nothing: NULL, false, 0. */
enum json_type json_type(const struct json *value);
const struct json *json_find(const struct json *object, const char *key);
const char *json_string(const struct json *value);
bool json_int(const struct json *value, int64_t *ret);
bool json_real(const struct json *value, double *ret); /* an int is a real too */
bool json_bool(const struct json *value, bool *ret);
size_t json_count(const struct json *container);
const struct json *json_at(const struct json *container, size_t i);
const char *json_key_at(const struct json *object, size_t i);

/* Short for the common case: the member's string, or NULL. */
const char *json_find_string(const struct json *object, const char *key);

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_copy(const struct json *value);

/* Set replaces a member of the same key in place; a new one goes last. A NULL string sets null. */
void json_set_string(struct json *object, const char *key, const char *string);
void json_set_int(struct json *object, const char *key, int64_t number);
void json_set_real(struct json *object, const char *key, double number);
void json_set_bool(struct json *object, const char *key, bool flag);
void json_set_null(struct json *object, const char *key);
void json_set(struct json *object, const char *key, struct json *child); /* takes the child */

void json_append(struct json *array, struct json *child); /* takes the child */
void json_append_string(struct json *array, const char *string);

/* New containers inside a container, borrowed. */
struct json *json_set_object(struct json *object, const char *key);
struct json *json_set_array(struct json *object, const char *key);
struct json *json_append_object(struct json *array);

/* Takes a member out of its object; the caller owns it. NULL if absent. */
struct json *json_take(struct json *object, const char *key);

/* Prints the whole tree; *ret is owned by the caller. -ENOMEM if any builder step had failed. */
int json_print(const struct json *value, bool pretty, char **ret);
