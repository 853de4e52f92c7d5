/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * list.c - all VEs and their states, as a table or as JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/format.h"
#include "cli/select.h"

#define COLUMNS_MAX 64

static int cmd_list(struct cli *cli);

/* clang-format off */
static const struct option_row list_options[] = {
	{ 'H', "no-header", NULL,        "no header" },
	{ 'o', "fields",    "FIELD,...", "these columns" },
	{ 's', "sort",      "[-]FIELD",  "sorted by this, - for the largest first" },
	{ 0,   "state",     "STATE",     "only those in this state" },
	{ 0,   "label",     "K[=V]",     "only those with this label" },
	{ 0,   "pid",       "N",         "only the one that this process is in" },
	{ 0,   "json",      NULL,        "all that is known, as a JSON array" },
};
const struct command command_list = { "list", "[VE...]", "show VEs and their states",
	list_options, ARRAY_SIZE(list_options), COMMAND_VES | COMMAND_READS, 0, WORDS_ANY, cmd_list };
/* clang-format on */

struct columns {
	const struct field *fields[COLUMNS_MAX];
	size_t n;
};

static int unknown_field(const struct cli *cli, const char *name, size_t length)
{
	cleanup_text struct text names;

	text_init(&names);
	for (size_t i = 0; i < fields_count; i++)
		text_format(&names, "%s%s", i ? ", " : "", fields[i].name);
	return cli_usage(cli, "no field '%.*s' (there are: %s)", (int)length, name, names.data);
}

static int choose_columns(const struct cli *cli, struct columns *columns)
{
	const char *words = option_value(&cli->options, "fields");

	for (size_t i = 0; !words && i < fields_count; i++)
		if (fields[i].standard)
			columns->fields[columns->n++] = &fields[i];
	while (words && *words) {
		size_t length = strcspn(words, ",");
		const struct field *field = field_find(words, length);

		if (!field)
			return unknown_field(cli, words, length);
		if (columns->n == COLUMNS_MAX)
			return cli_usage(cli, "more than %d fields", COLUMNS_MAX);
		columns->fields[columns->n++] = field;
		words += length;
		words += *words == ',';
	}
	return columns->n ? VESSEL_OK : unknown_field(cli, "", 0);
}

static bool label_matches(const struct json *labels, const char *wanted)
{
	size_t length = strcspn(wanted, "=");

	for (size_t i = 0; i < json_count(labels); i++) {
		const char *key = json_key_at(labels, i);
		const char *value = json_string(json_at(labels, i));

		if (strlen(key) == length && memcmp(key, wanted, length) == 0)
			return !wanted[length] ||
			       (value && strcmp(value, wanted + length + 1) == 0);
	}
	return false;
}

static bool wanted(const struct cli *cli, const struct json *record)
{
	const char *state = option_value(&cli->options, "state");
	const char *label = option_value(&cli->options, "label");
	const char *now = json_find_string(record, "state");

	if (state && (!now || strcmp(state, now) != 0))
		return false;
	return !label || label_matches(json_find(record, "labels"), label);
}

/* qsort_r's order: the field asked for, then the name. */
struct order {
	const struct field *field;
	bool largest_first;
};

static int compare(const void *a, const void *b, void *data)
{
	const struct order *order = data;
	const struct json *left = *(const struct json *const *)a;
	const struct json *right = *(const struct json *const *)b;
	int n = order->field ? field_compare(order->field, left, right) : 0;

	if (n == 0)
		return field_compare(&fields[0], left, right);
	return order->largest_first ? -n : n;
}

static int choose_order(const struct cli *cli, struct order *order)
{
	const char *word = option_value(&cli->options, "sort");

	*order = (struct order){ 0 };
	if (!word)
		return VESSEL_OK;
	order->largest_first = word[0] == '-';
	word += order->largest_first;
	order->field = field_find(word, strlen(word));
	return order->field ? VESSEL_OK : unknown_field(cli, word, strlen(word));
}

static int print_json(const struct cli *cli, const struct json *const *records, size_t n)
{
	cleanup_json struct json *array = json_new_array();

	for (size_t i = 0; i < n; i++)
		json_append(array, json_copy(records[i]));
	return cli_print_json(cli, array);
}

static void add_header(const struct columns *columns, struct table *table)
{
	for (size_t i = 0; i < columns->n; i++) {
		char name[32]; /* the longest field has 12 letters */
		size_t j = 0;

		for (const char *c = columns->fields[i]->name; *c && j + 1 < sizeof(name); c++)
			name[j++] = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
		name[j] = '\0';
		table_add(table, name);
	}
}

static int print_table(const struct cli *cli, const struct columns *columns,
	const struct json *const *records, size_t n)
{
	struct table table;

	table_init(&table, columns->n);
	if (!option_given(&cli->options, "no-header"))
		add_header(columns, &table);
	for (size_t i = 0; i < n * columns->n; i++) {
		cleanup_text struct text text;

		text_init(&text);
		field_format(columns->fields[i % columns->n], records[i / columns->n], &text);
		table_add(&table, text.data);
	}
	table_print(&table, stdout);
	table_done(&table);
	return cli_flush(cli);
}

static int print_records(const struct cli *cli, const struct columns *columns,
	const struct order *order, const struct json *records)
{
	cleanup_free const struct json **chosen = calloc(json_count(records) + 1, sizeof(*chosen));
	size_t n = 0;

	if (!chosen)
		return cli_usage(cli, "out of memory");
	for (size_t i = 0; i < json_count(records); i++)
		if (wanted(cli, json_at(records, i)))
			chosen[n++] = json_at(records, i);
	qsort_r(chosen, n, sizeof(*chosen), compare, (void *)order);
	if (option_given(&cli->options, "json"))
		return print_json(cli, chosen, n);
	return print_table(cli, columns, chosen, n);
}

static int cmd_list(struct cli *cli)
{
	cleanup_json struct json *records = NULL;
	struct json *words;
	struct columns columns = { .n = 0 };
	struct order order;
	struct error err = { 0 };
	uint64_t pid = 0;
	int status;

	status = choose_columns(cli, &columns);
	if (status == VESSEL_OK)
		status = choose_order(cli, &order);
	if (status != VESSEL_OK)
		return status;
	if (option_count(&cli->options, "pid", &pid, &err) < 0)
		return cli_fail(cli, &err);
	words = json_new_array();
	cli_words(cli, words);
	status = list_records(
		cli, words, option_given(&cli->options, "pid") ? (int64_t)pid : -1, &records);
	return status == VESSEL_OK ? print_records(cli, &columns, &order, records) : status;
}
