/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_type.h - how values of one type are read, written and compared: private to setting*.c.
 */
#pragma once

#include "runtime/setting.h"

/* Where a row's value lives. */
static inline uint64_t *setting_number(const struct settings *s, const struct setting *row)
{
	return (uint64_t *)(void *)((char *)s + row->offset);
}

static inline bool *setting_flag(const struct settings *s, const struct setting *row)
{
	return (bool *)((char *)s + row->offset);
}

static inline char **setting_text(const struct settings *s, const struct setting *row)
{
	return (char **)(void *)((char *)s + row->offset);
}

/* One value from text, without the word "default" and without marking it asked. */
int setting_parse(
	struct settings *s, const struct setting *row, const char *text, struct error *err);

/* Puts a number into place if it lies in the row's range. */
int setting_put_number(struct settings *s, const struct setting *row, uint64_t value,
	const char *text, struct error *err);

/* "bad value 'lots' for memory (SIZE: RAM, e.g. 512M)", and the same with the range. */
int setting_bad(const struct setting *row, const char *text, struct error *err);

/* setting_label.c */
int labels_parse(
	struct settings *s, const struct setting *row, const char *text, struct error *err);
int labels_put(struct settings *s, const char *key, const char *value, struct error *err);
int labels_copy(struct settings *to, const struct settings *from, struct error *err);
void labels_done(struct settings *s);
bool labels_equal(const struct settings *a, const struct settings *b);
char *labels_format(const struct settings *s);

/* Labels of letters, digits and '-', joined by dots: what a guest's own tools accept. */
bool hostname_valid(const char *text);

/* setting_list.c */
int list_parse(struct settings *s, const struct setting *row, const char *text, struct error *err);
int list_from_json(
	struct settings *s, const struct setting *row, const struct json *array, struct error *err);
void list_to_json(const struct settings *s, const struct setting *row, struct json *array);
bool list_equal(const struct settings *a, const struct settings *b, const struct setting *row);
char *list_format(const struct settings *s, const struct setting *row);

/* All lists. Forgetting leaves the items to whom they were copied from. */
int lists_copy(struct settings *to, const struct settings *from, struct error *err);
void lists_forget(struct settings *s);
void lists_done(struct settings *s);
