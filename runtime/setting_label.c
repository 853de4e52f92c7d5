/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_label.c - labels: a small set of K=V that an operator groups VEs by, sorted by key.
 *
 * A change is built beside the old list and put in its place when all of it was good.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "runtime/setting_type.h"

#define LABELS_MAX  64
#define LABEL_KEY   63
#define LABEL_VALUE 255

static bool key_valid(const char *key)
{
	static const char marks[] = "-_./";
	size_t length = strnlen(key, LABEL_KEY + 1);

	if (length == 0 || length > LABEL_KEY || strchr(marks, key[0]))
		return false;
	for (size_t i = 0; i < length; i++) {
		bool letter = (key[i] >= 'a' && key[i] <= 'z') ||
			      (key[i] >= 'A' && key[i] <= 'Z') || (key[i] >= '0' && key[i] <= '9');

		if (!letter && !strchr(marks, key[i]))
			return false;
	}
	return true;
}

/* The place of the key, or where it would stand. */
static size_t place_of(const struct settings *s, const char *key, bool *ret_there)
{
	size_t i = 0;
	int order = 1;

	for (; i < s->n_labels; i++) {
		order = strcmp(s->labels[i].key, key);
		if (order >= 0)
			break;
	}
	*ret_there = i < s->n_labels && order == 0;
	return i;
}

static int insert(struct settings *s, size_t at, const char *key, const char *value)
{
	cleanup_free char *key_copy = strdup(key);
	cleanup_free char *value_copy = strdup(value);
	struct label *larger = reallocarray(s->labels, s->n_labels + 1, sizeof(*larger));

	if (larger)
		s->labels = larger;
	if (!larger || !key_copy || !value_copy)
		return -ENOMEM;
	memmove(larger + at + 1, larger + at, (s->n_labels - at) * sizeof(*larger));
	larger[at] = (struct label){ take_ptr(&key_copy), take_ptr(&value_copy) };
	s->n_labels++;
	return 0;
}

int labels_put(struct settings *s, const char *key, const char *value, struct error *err)
{
	bool there;
	size_t at = place_of(s, key, &there);
	char *copy;

	if (!key_valid(key))
		return error_refuse(err, ERROR_USAGE,
			"bad label key '%s' (letters, digits, '-_./', at most %d)", key, LABEL_KEY);
	if (!string_clean(value, LABEL_VALUE) || strchr(value, ','))
		return error_refuse(err, ERROR_USAGE,
			"bad value of label %s: control characters, a comma, or over %d bytes", key,
			LABEL_VALUE);
	if (!there && s->n_labels >= LABELS_MAX)
		return error_refuse(err, ERROR_USAGE, "more than %d labels", LABELS_MAX);
	if (!there)
		return insert(s, at, key, value) < 0 ? error_memory(err) : 0;
	copy = strdup(value);
	if (!copy)
		return error_memory(err);
	free(s->labels[at].value);
	s->labels[at].value = copy;
	return 0;
}

static void drop(struct settings *s, const char *key)
{
	bool there;
	size_t at = place_of(s, key, &there);

	if (!there)
		return;
	free(s->labels[at].key);
	free(s->labels[at].value);
	s->n_labels--;
	memmove(s->labels + at, s->labels + at + 1, (s->n_labels - at) * sizeof(*s->labels));
}

void labels_done(struct settings *s)
{
	for (size_t i = 0; i < s->n_labels; i++) {
		free(s->labels[i].key);
		free(s->labels[i].value);
	}
	free(s->labels);
	s->labels = NULL;
	s->n_labels = 0;
}

int labels_copy(struct settings *to, const struct settings *from, struct error *err)
{
	for (size_t i = 0; i < from->n_labels; i++) {
		int r = labels_put(to, from->labels[i].key, from->labels[i].value, err);

		if (r < 0)
			return r;
	}
	return 0;
}

bool labels_equal(const struct settings *a, const struct settings *b)
{
	if (a->n_labels != b->n_labels)
		return false;
	for (size_t i = 0; i < a->n_labels; i++)
		if (strcmp(a->labels[i].key, b->labels[i].key) != 0 ||
			strcmp(a->labels[i].value, b->labels[i].value) != 0)
			return false;
	return true;
}

char *labels_format(const struct settings *s)
{
	struct text text;

	text_init(&text);
	for (size_t i = 0; i < s->n_labels; i++)
		text_format(
			&text, "%s%s=%s", i > 0 ? "," : "", s->labels[i].key, s->labels[i].value);
	if (s->n_labels == 0)
		text_add(&text, "none");
	return text_take(&text);
}

/* "K=V", "+K=V" or "-K". */
static int take_item(struct settings *s, const struct setting *row, char *item, struct error *err)
{
	char *value = strchr(item, '=');

	if (*item == '-' && !value && key_valid(item + 1)) {
		drop(s, item + 1);
		return 0;
	}
	if (*item == '-' || !value)
		return setting_bad(row, item, err);
	*value++ = '\0';
	return labels_put(s, *item == '+' ? item + 1 : item, value, err);
}

int labels_parse(struct settings *s, const struct setting *row, const char *text, struct error *err)
{
	struct settings next = { 0 };
	cleanup_free char *copy = strdup(text);
	char *rest = copy;
	char *item;
	int r = copy ? 0 : error_memory(err);

	if (!string_clean(text, row->max))
		return error_refuse(err, ERROR_USAGE,
			"bad value for %s: control characters, "
			"or more than %ju bytes",
			row->name, (uintmax_t)row->max);
	if (r == 0 && (*text == '+' || *text == '-'))
		r = labels_copy(&next, s, err);
	if (strcmp(text, "none") != 0 && *text != '\0')
		while (r == 0 && (item = strsep(&rest, ",")))
			r = take_item(&next, row, item, err);
	if (r == 0) {
		labels_done(s);
		s->labels = next.labels;
		s->n_labels = next.n_labels;
		return 0;
	}
	labels_done(&next);
	return r;
}
