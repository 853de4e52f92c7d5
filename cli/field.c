/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * field.c - the fields of a record as columns of text.
 */
#include "field.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/array.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/format.h"

/* clang-format off */
static const struct field ve_rows[] = {
	{ "name",           "name",        NULL,             FIELD_TEXT,  true },
	{ "state",          "state",       NULL,             FIELD_TEXT,  true },
	{ "ip",             "net",         "address",        FIELD_FIRST, true },
	{ "template",       "template",    NULL,             FIELD_TEXT,  true },
	{ "cpus",           "limits",      "cpus",           FIELD_CPUS,  true },
	{ "memory",         "limits",      "memory",         FIELD_BYTES, true },
	{ "pids",           "limits",      "pids",           FIELD_COUNT, true },
	{ "started",        "started",     NULL,             FIELD_TIME,  true },
	{ "addresses",      "net",         "address",        FIELD_LIST,  false },
	{ "autostart",      "autostart",   NULL,             FIELD_TEXT,  false },
	{ "busy",           "busy",        NULL,             FIELD_BUSY,  false },
	{ "bytes-in",       "net",         "in",             FIELD_FLOW,  false },
	{ "bytes-out",      "net",         "out",            FIELD_FLOW,  false },
	{ "cgroup",         "cgroup",      NULL,             FIELD_TEXT,  false },
	{ "connections",    "connections", NULL,             FIELD_TEXT,  false },
	{ "cpu-weight",     "limits",      "cpu_weight",     FIELD_COUNT, false },
	{ "created",        "created",     NULL,             FIELD_TIME,  false },
	{ "description",    "description", NULL,             FIELD_TEXT,  false },
	{ "disabled",       "disabled",    NULL,             FIELD_TEXT,  false },
	{ "dns",            "dns",         NULL,             FIELD_LIST,  false },
	{ "exit",           "exit",        NULL,             FIELD_EXIT,  false },
	{ "first-id",       "first_id",    NULL,             FIELD_TEXT,  false },
	{ "host-interface", "net",         "host_interface", FIELD_TEXT,  false },
	{ "hostname",       "hostname",    NULL,             FIELD_TEXT,  false },
	{ "init",           "init",        NULL,             FIELD_TEXT,  false },
	{ "isolate",        "isolate",     NULL,             FIELD_TEXT,  false },
	{ "label",          "labels",      NULL,             FIELD_MAP,   false },
	{ "layers",         "layers",      NULL,             FIELD_LIST,  false },
	{ "mac",            "net",         "mac",            FIELD_TEXT,  false },
	{ "nat",            "nat",         NULL,             FIELD_TEXT,  false },
	{ "net",            "net",         "mode",           FIELD_TEXT,  false },
	{ "pending",        "pending",     NULL,             FIELD_LIST,  false },
	{ "pid",            "pid",         NULL,             FIELD_TEXT,  false },
	{ "plan",           "plan",        NULL,             FIELD_TEXT,  false },
	{ "problem",        "problem",     NULL,             FIELD_TEXT,  false },
	{ "profile",        "profile",     NULL,             FIELD_TEXT,  false },
	{ "protect",        "protect",     NULL,             FIELD_TEXT,  false },
	{ "publish",        "publish",     NULL,             FIELD_LIST,  false },
	{ "ptys",           "ptys",        NULL,             FIELD_TEXT,  false },
	{ "rate-in",        "rate_in",     NULL,             FIELD_RATE,  false },
	{ "rate-out",       "rate_out",    NULL,             FIELD_RATE,  false },
	{ "ready",          "ready",       NULL,             FIELD_TIME,  false },
	{ "search",         "search",      NULL,             FIELD_LIST,  false },
	{ "stop-timeout",   "stop_timeout",NULL,             FIELD_TEXT,  false },
	{ "swap",           "limits",      "swap",           FIELD_BYTES, false },
	{ "uuid",           "uuid",        NULL,             FIELD_TEXT,  false },
};
static const struct field template_rows[] = {
	{ "name",         "name",         NULL,         FIELD_TEXT,  true },
	{ "size",         "bytes",        NULL,         FIELD_SIZE,  true },
	{ "files",        "files",        NULL,         FIELD_TEXT,  true },
	{ "ves",          "used_by",      NULL,         FIELD_TALLY, true },
	{ "created",      "created",      NULL,         FIELD_TIME,  true },
	{ "problem",      "problem",      NULL,         FIELD_TEXT,  true },
	{ "layers",       "layers",       NULL,         FIELD_LIST,  false },
	{ "used-by",      "used_by",      NULL,         FIELD_LIST,  false },
};
/* clang-format on */
const struct field_table ve_fields = { ve_rows, ARRAY_SIZE(ve_rows) };
const struct field_table template_fields = { template_rows, ARRAY_SIZE(template_rows) };

const struct field *field_find(const struct field_table *table, const char *name, size_t length)
{
	for (size_t i = 0; i < table->n; i++)
		if (strlen(table->rows[i].name) == length &&
			memcmp(table->rows[i].name, name, length) == 0)
			return &table->rows[i];
	return NULL;
}

const struct json *field_value(const struct field *field, const struct json *record)
{
	const struct json *value = json_find(record, field->key);

	if (!field->sub)
		return value;
	if (json_type(value) == JSON_ARRAY)
		value = json_at(value, 0);
	value = json_find(value, field->sub);
	return field->type == FIELD_FIRST ? json_at(value, 0) : value;
}

static void list_format(const struct json *list, struct text *text)
{
	for (size_t i = 0; i < json_count(list); i++) {
		text_add(text, i ? "," : "");
		value_format(json_at(list, i), text);
	}
}

static void map_format(const struct json *map, struct text *text)
{
	for (size_t i = 0; i < json_count(map); i++) {
		text_format(text, "%s%s=", i ? "," : "", json_key_at(map, i));
		value_format(json_at(map, i), text);
	}
}

void value_format(const struct json *value, struct text *text)
{
	double real;
	int64_t number;
	bool flag;

	if (json_string(value))
		text_add(text, json_string(value));
	else if (json_bool(value, &flag))
		text_add(text, flag ? "yes" : "no");
	else if (json_int(value, &number))
		text_format(text, "%" PRId64, number);
	else if (json_real(value, &real))
		text_format(text, "%.15g", real);
	else if (json_type(value) == JSON_ARRAY)
		list_format(value, text);
	else if (json_type(value) == JSON_OBJECT)
		map_format(value, text);
}

static void time_format(const struct json *value, struct text *text)
{
	char buffer[FORMAT_LOCAL];
	const char *utc = json_string(value);

	if (utc)
		text_add(text, format_local(utc, buffer));
}

static void size_format(const struct json *value, struct text *text)
{
	char buffer[FORMAT_HUMAN];
	double bytes;

	if (json_real(value, &bytes))
		text_add(text, format_human(bytes, buffer));
}

static void rate_format(const struct json *value, struct text *text)
{
	char buffer[FORMAT_SIZE];
	int64_t bits;

	if (json_int(value, &bits) && bits >= 0)
		text_add(text, format_rate((uint64_t)bits, buffer));
}

static void busy_format(const struct json *busy, struct text *text)
{
	if (!json_find_string(busy, "command"))
		return;
	text_format(text, "%s since ", json_find_string(busy, "command"));
	time_format(json_find(busy, "since"), text);
	text_add(text, " (uid ");
	value_format(json_find(busy, "uid"), text);
	text_add(text, ")");
}

static void exit_format(const struct json *end, struct text *text)
{
	int64_t status = 0;

	if (!json_find_string(end, "how"))
		return;
	text_add(text, json_find_string(end, "how"));
	if (json_int(json_find(end, "status"), &status) && status != 0)
		text_format(text, " %" PRId64, status);
	text_add(text, " at ");
	time_format(json_find(end, "time"), text);
}

void field_format_limit(
	const struct field *field, const struct json *limit, const char *key, struct text *text)
{
	const struct json *value = json_find(limit, key);
	char buffer[FORMAT_HUMAN];
	double number;

	if (!json_real(value, &number))
		text_add(text, strcmp(key, "limit") == 0 ? "none" : "-");
	else if (field->type == FIELD_BYTES)
		text_add(text, format_human(number, buffer));
	else if (field->type == FIELD_CPUS && strcmp(key, "limit") != 0)
		text_format(text, "%.2f", number);
	else
		text_format(text, "%.15g", number);
}

static void limit_format(const struct field *field, const struct json *limit, struct text *text)
{
	if (json_type(limit) != JSON_OBJECT)
		return;
	if (json_type(json_find(limit, "used")) != JSON_NULL) {
		field_format_limit(field, limit, "used", text);
		text_add(text, "/");
	}
	field_format_limit(field, limit, "limit", text);
}

void field_format(const struct field *field, const struct json *record, struct text *text)
{
	const struct json *value = field_value(field, record);

	switch (field->type) {
	case FIELD_SIZE:
		size_format(value, text);
		break;
	case FIELD_TALLY:
		text_format(text, "%zu", json_count(value));
		break;
	case FIELD_TIME:
		time_format(value, text);
		break;
	case FIELD_BUSY:
		busy_format(value, text);
		break;
	case FIELD_EXIT:
		exit_format(value, text);
		break;
	case FIELD_COUNT:
	case FIELD_CPUS:
	case FIELD_BYTES:
		limit_format(field, value, text);
		break;
	case FIELD_RATE:
		rate_format(value, text);
		break;
	case FIELD_FLOW:
		size_format(json_find(value, "bytes"), text);
		break;
	case FIELD_FIRST:
	case FIELD_TEXT:
	case FIELD_LIST:
	case FIELD_MAP:
		value_format(value, text);
		break;
	}
}

/* What a list is sorted by: its length; a limit: its use; a weight, which nobody uses up: itself.
 */
static bool field_number(const struct field *field, const struct json *record, double *ret)
{
	const struct json *value = field_value(field, record);
	const struct json *used = json_find(value, "used");

	if (field->sub && strcmp(field->sub, "cpu_weight") == 0)
		return json_real(json_find(value, "limit"), ret);
	if (field->type == FIELD_TALLY)
		*ret = (double)json_count(value);
	return field->type == FIELD_TALLY || json_real(value, ret) || json_real(used, ret) ||
	       json_real(json_find(value, "bytes"), ret);
}

int field_compare(const struct field *field, const struct json *a, const struct json *b)
{
	double left = 0, right = 0;
	bool left_number = field_number(field, a, &left);
	bool right_number = field_number(field, b, &right);
	const char *left_text, *right_text;

	if (left_number || right_number)
		return left_number != right_number ? left_number - right_number
						   : (left > right) - (left < right);
	left_text = json_string(field_value(field, a));
	right_text = json_string(field_value(field, b));
	/* Addresses: .9 before .10. */
	return (field->type == FIELD_FIRST ? strverscmp : strcmp)(
		left_text ? left_text : "", right_text ? right_text : "");
}
