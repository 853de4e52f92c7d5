/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_json.c - settings in config.json and plans, and in what the interface shows.
 *
 * A record is for people too: it holds "512M" and "1.5", but takes plain numbers as well. What the
 * interface shows is for programs: bytes, seconds, null for none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "runtime/setting_type.h"

static int bad_type(const struct setting *row, struct error *err)
{
	return error_refuse(err, ERROR_USAGE, "value of the wrong kind for %s (%s: %s)", row->name,
		row->arg, row->help);
}

static int take_number(
	struct settings *s, const struct setting *row, const struct json *value, struct error *err)
{
	char text[FORMAT_SIZE];
	double real = 0;
	int64_t number = 0;

	if (row->type == SETTING_CPUS) {
		if (!json_real(value, &real) || !(real >= 0 && real < 1e9))
			return bad_type(row, err);
		number = (int64_t)(real * 1000 + 0.5);
		snprintf(text, sizeof(text), "%.3f", real); /* below 1e9: 13 characters */
	} else {
		if (!json_int(value, &number) || number < 0)
			return bad_type(row, err);
		snprintf(text, sizeof(text), "%jd", (intmax_t)number);
	}
	return setting_put_number(s, row, (uint64_t)number, text, err);
}

static int take_labels(struct settings *s, const struct json *value, struct error *err)
{
	struct settings next = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(value); i++) {
		const char *text = json_string(json_at(value, i));

		if (text)
			r = labels_put(&next, json_key_at(value, i), text, err);
		else
			r = error_refuse(err, ERROR_USAGE, "label %s is not a string",
				json_key_at(value, i));
	}
	if (r < 0) {
		labels_done(&next);
		return r;
	}
	labels_done(s);
	s->labels = next.labels;
	s->n_labels = next.n_labels;
	return 0;
}

static bool is_number(const struct setting *row)
{
	return row->type == SETTING_CPUS || row->type == SETTING_SIZE ||
	       row->type == SETTING_COUNT || row->type == SETTING_SECONDS ||
	       row->type == SETTING_RATE;
}

static int take_value(
	struct settings *s, const struct setting *row, const struct json *value, struct error *err)
{
	const char *text = json_string(value);

	if (text)
		return setting_parse(s, row, text, err);
	if (json_type(value) == JSON_NULL && row->may_none)
		return setting_parse(s, row, "none", err);
	if (is_number(row))
		return take_number(s, row, value, err);
	if (row->type == SETTING_LABELS && json_type(value) == JSON_OBJECT)
		return take_labels(s, value, err);
	if (setting_is_list(row) && json_type(value) == JSON_ARRAY)
		return list_from_json(s, row, value, err);
	if (row->type == SETTING_BOOL && json_bool(value, setting_flag(s, row)))
		return 0;
	return bad_type(row, err);
}

int settings_from_json(struct settings *s, const struct json *object, struct error *err)
{
	struct settings next;
	int r = settings_copy(&next, s, err);

	for (size_t i = 0; r == 0 && i < settings_count; i++) {
		const struct json *value = json_find(object, settings_table[i].name);

		if (value)
			r = take_value(&next, &settings_table[i], value, err);
		if (r < 0)
			settings_done(&next);
	}
	if (r < 0)
		return r;
	settings_done(s);
	*s = next;
	return 0;
}

static void put_labels(const struct settings *s, struct json *object, const char *key)
{
	struct json *labels = json_set_object(object, key);

	for (size_t i = 0; i < s->n_labels; i++)
		json_set_string(labels, s->labels[i].key, s->labels[i].value);
}

static void put_number(
	const struct settings *s, const struct setting *row, struct json *object, const char *key)
{
	uint64_t value = *setting_number(s, row);

	if (value == PARSE_NONE)
		json_set_null(object, key);
	else if (row->type == SETTING_CPUS)
		json_set_real(object, key, (double)value / 1000);
	else
		json_set_int(object, key, (int64_t)value);
}

void setting_to_json(
	const struct settings *s, const struct setting *row, struct json *object, const char *key)
{
	if (row->type == SETTING_LABELS)
		put_labels(s, object, key);
	else if (setting_is_list(row))
		list_to_json(s, row, json_set_array(object, key));
	else if (row->type == SETTING_BOOL)
		json_set_bool(object, key, *setting_flag(s, row));
	else if (row->type == SETTING_STRING)
		json_set_string(object, key, *setting_text(s, row));
	else if (row->type == SETTING_WORD)
		json_set_string(object, key, row->words[*setting_number(s, row)]);
	else
		put_number(s, row, object, key);
}

/* As setting_to_json(), but for the eyes of an operator where a number has a unit. */
void settings_to_json(const struct settings *s, struct json *object)
{
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *row = &settings_table[i];
		cleanup_free char *text = NULL;

		if (row->type == SETTING_CPUS || row->type == SETTING_SIZE ||
			row->type == SETTING_RATE ||
			(is_number(row) && *setting_number(s, row) == PARSE_NONE)) {
			text = setting_format(s, row);
			if (text) {
				json_set_string(object, row->name, text);
				continue;
			}
		}
		setting_to_json(s, row, object, row->name);
	}
}
