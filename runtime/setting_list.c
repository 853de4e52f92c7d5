/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_list.c - lists among the settings: "A,B" replaces, "+A" adds, "-A" removes.
 *
 * One walker for items of every kind. A change is built beside the old list and put in its place
 * when all of it was good. A word ("auto", "host") may stand for a whole list whose items are not
 * known here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "runtime/setting_item.h"

#define LIST_MAX 64

struct list {
	const struct setting *row;
	const struct item_kind *kind;
	char *items;
	size_t n;
	bool word; /* the row's word stands for it */
};

bool setting_is_list(const struct setting *row)
{
	return item_kind_of(row) != NULL;
}

static struct list list_new(const struct setting *row)
{
	return (struct list){ .row = row, .kind = item_kind_of(row) };
}

/* The list in its place, with the items that the settings own. */
static struct list list_of(const struct settings *s, const struct setting *row)
{
	const char *base = (const char *)s;
	struct list list = list_new(row);

	memcpy(&list.items, base + row->offset, sizeof(list.items));
	memcpy(&list.n, base + row->count, sizeof(list.n));
	if (row->n_words > 0)
		memcpy(&list.word, base + row->word, sizeof(list.word));
	return list;
}

static void list_put(struct settings *s, const struct list *list)
{
	char *base = (char *)s;

	memcpy(base + list->row->offset, &list->items, sizeof(list->items));
	memcpy(base + list->row->count, &list->n, sizeof(list->n));
	if (list->row->n_words > 0)
		memcpy(base + list->row->word, &list->word, sizeof(list->word));
}

static union item item_at(const struct list *list, size_t i)
{
	union item item = { 0 };

	memcpy(&item, list->items + i * list->kind->size, list->kind->size);
	return item;
}

static void item_done(const struct item_kind *kind, union item *item)
{
	if (kind->done)
		kind->done(item);
}

static void list_done(struct list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		union item item = item_at(list, i);

		item_done(list->kind, &item);
	}
	free(list->items);
	list->items = NULL;
	list->n = 0;
}

/* Takes what the item owns when it succeeds. */
static int append(struct list *list, const union item *item, struct error *err)
{
	size_t size = list->kind->size;
	char *larger = reallocarray(list->items, list->n + 1, size);

	if (!larger)
		return error_memory(err);
	list->items = larger;
	memcpy(larger + list->n++ * size, item, size);
	return 0;
}

static int append_all(struct list *to, const struct list *from, struct error *err)
{
	int r = 0;

	to->word = from->word;
	for (size_t i = 0; r == 0 && i < from->n; i++) {
		union item item = item_at(from, i);

		if (from->kind->copy && from->kind->copy(&item, &item) < 0)
			return error_memory(err);
		r = append(to, &item, err);
		if (r < 0 && from->kind->copy)
			item_done(from->kind, &item);
	}
	return r;
}

static bool find(const struct list *list, const union item *item,
	bool (*alike)(const union item *a, const union item *b), size_t *ret)
{
	for (size_t i = 0; alike && i < list->n; i++) {
		union item other = item_at(list, i);

		if (alike(&other, item)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static void drop(struct list *list, size_t i)
{
	union item item = item_at(list, i);
	size_t size = list->kind->size;

	item_done(list->kind, &item);
	list->n--;
	memmove(list->items + i * size, list->items + (i + 1) * size, (list->n - i) * size);
}

static int refuse_clash(const struct list *list, size_t i, const char *text, struct error *err)
{
	union item other = item_at(list, i);
	cleanup_text struct text name;

	text_init(&name);
	list->kind->format(&other, &name);
	return error_refuse(err, ERROR_USAGE, "%s and %s cannot both be in %s", name.data, text,
		list->row->name);
}

/* An item for the list; sets *ret_there, and takes nothing, if it has the same one. */
static int place(struct list *list, const union item *item, const char *text, bool *ret_there,
	struct error *err)
{
	size_t i;

	*ret_there = find(list, item, list->kind->same, &i);
	if (*ret_there)
		return 0;
	if (find(list, item, list->kind->clash, &i))
		return refuse_clash(list, i, text, err);
	if (list->n >= LIST_MAX)
		return error_refuse(
			err, ERROR_USAGE, "more than %d values for %s", LIST_MAX, list->row->name);
	return append(list, item, err);
}

/* "none", or the row's own: it is no item, whatever the items look like. */
static bool is_word(const struct setting *row, const char *text)
{
	return strcmp(text, "none") == 0 || (row->n_words > 0 && strcmp(text, row->words[0]) == 0);
}

static int parse_item(const struct list *list, const char *text, union item *ret, struct error *err)
{
	const char *why = NULL;
	int r;

	if (is_word(list->row, text))
		return error_refuse(err, ERROR_USAGE, "'%s' stands for all of %s: give it alone",
			text, list->row->name);
	r = list->kind->parse(list->row, text, ret, &why);
	if (r == -ENOMEM)
		return error_memory(err);
	if (r < 0 && why)
		return error_refuse(
			err, ERROR_USAGE, "bad value '%s' for %s (%s)", text, list->row->name, why);
	return r < 0 ? setting_bad(list->row, text, err) : 0;
}

/* Adds one; `again`: one that is there already is no error. */
static int add(struct list *list, const char *text, bool again, struct error *err)
{
	union item item = { 0 };
	bool there = false;
	int r = parse_item(list, text, &item, err);

	if (r < 0)
		return r;
	r = place(list, &item, text, &there, err);
	if (r < 0 || there)
		item_done(list->kind, &item);
	if (there && !again)
		return error_refuse(
			err, ERROR_USAGE, "%s stands twice in %s", text, list->row->name);
	return r;
}

static int take_away(struct list *list, const char *text, struct error *err)
{
	union item item = { 0 };
	size_t i;
	int r = parse_item(list, text, &item, err);

	if (r < 0)
		return r;
	if (find(list, &item, list->kind->same, &i))
		drop(list, i);
	item_done(list->kind, &item);
	return 0;
}

/* "A", "+A" or "-A". */
static int take_item(struct list *list, const char *text, struct error *err)
{
	if (*text == '-')
		return take_away(list, text + 1, err);
	if (*text == '+' && list->word)
		return error_refuse(err, ERROR_USAGE,
			"cannot add %s: %s is '%s', which is no list (name all of them)", text + 1,
			list->row->name, list->row->words[0]);
	return add(list, *text == '+' ? text + 1 : text, *text == '+', err);
}

/* What the text makes of the list before it. */
static int build(struct list *next, const struct list *before, const char *text, struct error *err)
{
	const struct setting *row = before->row;
	cleanup_free char *copy = strdup(text);
	char *rest = copy;
	char *item;
	int r = copy ? 0 : error_memory(err);

	if (strcmp(text, "none") == 0)
		return r;
	next->word = row->n_words > 0 && strcmp(text, row->words[0]) == 0;
	if (next->word)
		return r;
	if (r == 0 && (*text == '+' || *text == '-'))
		r = append_all(next, before, err);
	while (r == 0 && (item = strsep(&rest, ",")))
		r = take_item(next, item, err);
	return r;
}

int list_parse(struct settings *s, const struct setting *row, const char *text, struct error *err)
{
	struct list before = list_of(s, row);
	struct list next = list_new(row);
	int r;

	if (!string_clean(text, row->max))
		return error_refuse(err, ERROR_USAGE,
			"bad value for %s: control characters, or more than %ju bytes", row->name,
			(uintmax_t)row->max);
	r = build(&next, &before, text, err);
	if (r < 0) {
		list_done(&next);
		return r;
	}
	list_done(&before);
	list_put(s, &next);
	return 0;
}

static int take_array(struct list *next, const struct json *array, struct error *err)
{
	const struct setting *row = next->row;
	const char *first = json_string(json_at(array, 0));
	int r = 0;

	next->word = first && json_count(array) == 1 && row->n_words > 0 &&
		     strcmp(first, row->words[0]) == 0;
	for (size_t i = 0; !next->word && r == 0 && i < json_count(array); i++) {
		const char *text = json_string(json_at(array, i));

		if (!text || !string_clean(text, row->max))
			r = error_refuse(err, ERROR_USAGE,
				"value %zu of %s is not a string that could be one", i + 1,
				row->name);
		else
			r = add(next, text, false, err);
	}
	return r;
}

int list_from_json(
	struct settings *s, const struct setting *row, const struct json *array, struct error *err)
{
	struct list before = list_of(s, row);
	struct list next = list_new(row);
	int r = take_array(&next, array, err);

	if (r < 0) {
		list_done(&next);
		return r;
	}
	list_done(&before);
	list_put(s, &next);
	return 0;
}

void list_to_json(const struct settings *s, const struct setting *row, struct json *array)
{
	struct list list = list_of(s, row);

	if (list.word)
		json_append_string(array, row->words[0]);
	for (size_t i = 0; i < list.n; i++) {
		union item item = item_at(&list, i);
		cleanup_text struct text text;

		text_init(&text);
		list.kind->format(&item, &text);
		json_append_string(array, text.data);
	}
}

bool list_equal(const struct settings *a, const struct settings *b, const struct setting *row)
{
	struct list left = list_of(a, row);
	struct list right = list_of(b, row);

	if (left.n != right.n || left.word != right.word)
		return false;
	for (size_t i = 0; i < left.n; i++) {
		union item l = item_at(&left, i), r = item_at(&right, i);

		if (!left.kind->same(&l, &r))
			return false;
	}
	return true;
}

char *list_format(const struct settings *s, const struct setting *row)
{
	struct list list = list_of(s, row);
	struct text text;

	text_init(&text);
	for (size_t i = 0; i < list.n; i++) {
		union item item = item_at(&list, i);

		text_add(&text, i > 0 ? "," : "");
		list.kind->format(&item, &text);
	}
	if (list.n == 0)
		text_add(&text, list.word ? row->words[0] : "none");
	return text_take(&text);
}

int lists_copy(struct settings *to, const struct settings *from, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < settings_count; i++) {
		struct list before, next;

		if (!setting_is_list(&settings_table[i]))
			continue;
		before = list_of(from, &settings_table[i]);
		next = list_new(&settings_table[i]);
		r = append_all(&next, &before, err);
		list_put(to, &next); /* also half of one: it is theirs to free */
	}
	return r;
}

void lists_forget(struct settings *s)
{
	for (size_t i = 0; i < settings_count; i++) {
		struct list none = list_new(&settings_table[i]);

		if (none.kind)
			list_put(s, &none);
	}
}

void lists_done(struct settings *s)
{
	for (size_t i = 0; i < settings_count; i++) {
		struct list list;

		if (!setting_is_list(&settings_table[i]))
			continue;
		list = list_of(s, &settings_table[i]);
		list_done(&list);
		list_put(s, &list);
	}
}
