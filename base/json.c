/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * json.c - JSON values: the tree, its readers and its builders.
 *
 * Members stand in an array in the order in which they were set, because people read what is
 * printed from them; objects are small enough to be searched from the front.
 */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_value.h"
#include "base/text.h"

#define CAPACITY_FIRST 8
#define REPLACEMENT    "\xef\xbf\xbd" /* U+FFFD */

static bool is_container(const struct json *value)
{
	return value && (value->type == JSON_ARRAY || value->type == JSON_OBJECT);
}

static bool is_object(const struct json *value)
{
	return value && value->type == JSON_OBJECT;
}

struct json *json_new(enum json_type type)
{
	struct json *value = calloc(1, sizeof(*value));

	if (value)
		value->type = type;
	return value;
}

struct json *json_new_object(void)
{
	return json_new(JSON_OBJECT);
}

struct json *json_new_array(void)
{
	return json_new(JSON_ARRAY);
}

void json_free(struct json *root)
{
	if (!root)
		return;
	if (root->type == JSON_STRING)
		free(root->string);
	if (is_container(root)) {
		for (size_t i = 0; i < root->count; i++) {
			json_free(root->items[i]);
			if (root->keys)
				free(root->keys[i]);
		}
		free(root->items);
		free(root->keys);
	}
	free(root);
}

/* ---- readers ---- */

enum json_type json_type(const struct json *value)
{
	return value ? value->type : JSON_NULL;
}

/* The place of a member, or the count if there is none. */
static size_t find_index(const struct json *object, const char *key)
{
	size_t i = 0;

	while (i < object->count && strcmp(object->keys[i], key) != 0)
		i++;
	return i;
}

const struct json *json_find(const struct json *object, const char *key)
{
	size_t i;

	if (!is_object(object))
		return NULL;
	i = find_index(object, key);
	return i < object->count ? object->items[i] : NULL;
}

const char *json_string(const struct json *value)
{
	return json_type(value) == JSON_STRING ? value->string : NULL;
}

const char *json_find_string(const struct json *object, const char *key)
{
	return json_string(json_find(object, key));
}

bool json_int(const struct json *value, int64_t *ret)
{
	if (!value || value->type != JSON_INT)
		return false;
	*ret = value->integer;
	return true;
}

bool json_real(const struct json *value, double *ret)
{
	if (!value || (value->type != JSON_INT && value->type != JSON_REAL))
		return false;
	*ret = value->type == JSON_INT ? (double)value->integer : value->real;
	return true;
}

bool json_bool(const struct json *value, bool *ret)
{
	if (!value || value->type != JSON_BOOL)
		return false;
	*ret = value->flag;
	return true;
}

size_t json_count(const struct json *container)
{
	return is_container(container) ? container->count : 0;
}

const struct json *json_at(const struct json *container, size_t i)
{
	return i < json_count(container) ? container->items[i] : NULL;
}

const char *json_key_at(const struct json *object, size_t i)
{
	return is_object(object) && i < object->count ? object->keys[i] : NULL;
}

/* ---- builders ---- */

static bool reserve(struct json *container)
{
	size_t capacity = container->capacity ? container->capacity * 2 : CAPACITY_FIRST;
	struct json **items;
	char **keys;

	if (container->count < container->capacity)
		return true;
	items = reallocarray(container->items, capacity, sizeof(struct json *));
	if (!items)
		return false;
	container->items = items;
	if (container->type == JSON_OBJECT) {
		keys = reallocarray(container->keys, capacity, sizeof(char *));
		if (!keys)
			return false;
		container->keys = keys;
	}
	container->capacity = capacity;
	return true;
}

bool json_attach(struct json *container, char *key, struct json *child)
{
	if (!reserve(container)) {
		free(key);
		json_free(child);
		return false;
	}
	if (container->type == JSON_OBJECT)
		container->keys[container->count] = key;
	container->items[container->count++] = child;
	return true;
}

/* A copy that can be printed: what is no UTF-8 becomes U+FFFD. Names that a tenant chose reach us
 * in messages, and one of them must not make a reply that no client can read. */
static char *copy_clean(const char *string)
{
	struct text text;
	size_t length = strlen(string);
	size_t n;

	text_init(&text);
	for (size_t i = 0; i < length; i += n ? n : 1) {
		n = text_utf8(string + i, length - i);
		if (n > 0)
			text_add_bytes(&text, string + i, n);
		else
			text_add(&text, REPLACEMENT);
	}
	return text_take(&text);
}

static void set_clean(struct json *object, char *key, struct json *child)
{
	size_t i = find_index(object, key);

	if (i == object->count) {
		object->failed |= !json_attach(object, key, child);
		return;
	}
	free(key);
	json_free(object->items[i]);
	object->items[i] = child;
}

void json_set(struct json *object, const char *key, struct json *child)
{
	char *copy = NULL;

	if (is_object(object) && child)
		copy = copy_clean(key);
	if (copy) {
		set_clean(object, copy, child);
		return;
	}
	if (object)
		object->failed = true;
	json_free(child);
}

static struct json *new_string(const char *string)
{
	struct json *value = json_new(string ? JSON_STRING : JSON_NULL);

	if (!value || !string)
		return value;
	value->string = copy_clean(string);
	if (value->string)
		return value;
	json_free(value);
	return NULL;
}

void json_set_string(struct json *object, const char *key, const char *string)
{
	if (object)
		json_set(object, key, new_string(string));
}

void json_set_int(struct json *object, const char *key, int64_t number)
{
	struct json *value = json_new(JSON_INT);

	if (value)
		value->integer = number;
	json_set(object, key, value);
}

void json_set_real(struct json *object, const char *key, double number)
{
	struct json *value = json_new(JSON_REAL);

	if (value)
		value->real = number;
	json_set(object, key, value);
}

void json_set_bool(struct json *object, const char *key, bool flag)
{
	struct json *value = json_new(JSON_BOOL);

	if (value)
		value->flag = flag;
	json_set(object, key, value);
}

void json_set_null(struct json *object, const char *key)
{
	json_set(object, key, json_new(JSON_NULL));
}

struct json *json_take(struct json *object, const char *key)
{
	struct json *taken;
	size_t i, after;

	if (!is_object(object))
		return NULL;
	i = find_index(object, key);
	if (i == object->count)
		return NULL;
	taken = object->items[i];
	free(object->keys[i]);
	after = --object->count - i;
	memmove(&object->items[i], &object->items[i + 1], after * sizeof(struct json *));
	memmove(&object->keys[i], &object->keys[i + 1], after * sizeof(char *));
	return taken;
}

void json_append(struct json *array, struct json *child)
{
	if (json_type(array) == JSON_ARRAY && child) {
		array->failed |= !json_attach(array, NULL, child);
		return;
	}
	if (array)
		array->failed = true;
	json_free(child);
}

void json_append_string(struct json *array, const char *string)
{
	if (array)
		json_append(array, new_string(string));
}

struct json *json_set_object(struct json *object, const char *key)
{
	json_set(object, key, json_new(JSON_OBJECT));
	return (struct json *)json_find(object, key);
}

struct json *json_set_array(struct json *object, const char *key)
{
	json_set(object, key, json_new(JSON_ARRAY));
	return (struct json *)json_find(object, key);
}

struct json *json_append_object(struct json *array)
{
	size_t count = json_count(array);

	json_append(array, json_new(JSON_OBJECT));
	return (struct json *)json_at(array, count);
}

static struct json *copy_scalar(const struct json *value)
{
	struct json *copy = json_new(value->type);

	if (!copy)
		return NULL;
	*copy = *value;
	if (value->type != JSON_STRING)
		return copy;
	copy->string = strdup(value->string);
	if (copy->string)
		return copy;
	free(copy);
	return NULL;
}

static void copy_members(const struct json *value, struct json *copy)
{
	for (size_t i = 0; i < value->count; i++) {
		char *key = value->type == JSON_OBJECT ? strdup(value->keys[i]) : NULL;
		struct json *child = json_copy(value->items[i]);

		if (child && (key || value->type == JSON_ARRAY)) {
			copy->failed |= !json_attach(copy, key, child);
			continue;
		}
		copy->failed = true;
		free(key);
		json_free(child);
	}
}

struct json *json_copy(const struct json *value)
{
	struct json *copy;

	if (!value)
		return json_new(JSON_NULL);
	if (!is_container(value))
		return copy_scalar(value);
	copy = json_new(value->type);
	if (!copy)
		return NULL;
	copy->failed = value->failed;
	copy_members(value, copy);
	return copy;
}
