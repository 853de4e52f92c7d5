/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * listing.c - records as a table or as JSON: choice, order and print, the same for VEs and
 * templates.
 */
#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/format.h"

static int unknown_field(
	const struct cli *cli, const struct field_table *table, const char *name, size_t length)
{
	cleanup_text struct text names;

	text_init(&names);
	for (size_t i = 0; i < table->n; i++)
		text_format(&names, "%s%s", i ? ", " : "", table->rows[i].name);
	return cli_usage(cli, "no field '%.*s' (there are: %s)", (int)length, name, names.data);
}

static int choose_columns(const struct cli *cli, struct listing *listing)
{
	const struct field_table *table = listing->table;
	const char *words = option_value(&cli->options, "fields");

	for (size_t i = 0; !words && i < table->n; i++)
		if (table->rows[i].standard)
			listing->columns[listing->n_columns++] = &table->rows[i];
	while (words && *words) {
		size_t length = strcspn(words, ",");
		const struct field *field = field_find(table, words, length);

		if (!field)
			return unknown_field(cli, table, words, length);
		if (listing->n_columns == LISTING_COLUMNS_MAX)
			return cli_usage(cli, "more than %d fields", LISTING_COLUMNS_MAX);
		listing->columns[listing->n_columns++] = field;
		words += length;
		words += *words == ',';
	}
	return listing->n_columns ? VESSEL_OK : unknown_field(cli, table, "", 0);
}

static int choose_order(const struct cli *cli, struct listing *listing)
{
	const char *word = option_value(&cli->options, "sort");

	if (!word)
		return VESSEL_OK;
	if (word[0] == '-')
		listing->direction = -1;
	word += word[0] == '-';
	listing->sort = field_find(listing->table, word, strlen(word));
	return listing->sort ? VESSEL_OK : unknown_field(cli, listing->table, word, strlen(word));
}

int listing_choose(const struct cli *cli, const struct field_table *table, struct listing *ret)
{
	int status;

	*ret = (struct listing){ .table = table, .direction = 1 };
	status = choose_columns(cli, ret);
	return status == VESSEL_OK ? choose_order(cli, ret) : status;
}

/* qsort_r's order: the field asked for, then the name. */
static int compare(const void *a, const void *b, void *data)
{
	const struct listing *listing = data;
	const struct json *left = *(const struct json *const *)a;
	const struct json *right = *(const struct json *const *)b;
	int n = listing->sort ? field_compare(listing->sort, left, right) : 0;

	return n ? n * listing->direction : field_compare(&listing->table->rows[0], left, right);
}

static int print_json(const struct cli *cli, const struct json *const *records, size_t n)
{
	cleanup_json struct json *array = json_new_array();

	for (size_t i = 0; i < n; i++)
		json_append(array, json_copy(records[i]));
	return cli_print_json(cli, array);
}

static void add_header(const struct listing *listing, struct table *table)
{
	for (size_t i = 0; i < listing->n_columns; i++) {
		char name[32]; /* the longest field has 12 letters */
		size_t j = 0;

		for (const char *c = listing->columns[i]->name; *c && j + 1 < sizeof(name); c++)
			name[j++] = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
		name[j] = '\0';
		table_add(table, name);
	}
}

static int print_table(const struct cli *cli, const struct listing *listing,
	const struct json *const *records, size_t n)
{
	size_t n_columns = listing->n_columns;
	struct table table;

	table_init(&table, n_columns);
	if (!option_given(&cli->options, "no-header"))
		add_header(listing, &table);
	for (size_t i = 0; i < n * n_columns; i++) {
		cleanup_text struct text text;

		text_init(&text);
		field_format(listing->columns[i % n_columns], records[i / n_columns], &text);
		table_add(&table, text.data);
	}
	table_print(&table, stdout);
	table_done(&table);
	return cli_flush(cli);
}

int listing_print(const struct cli *cli, const struct listing *listing, const struct json *records)
{
	size_t n = json_count(records);
	cleanup_free const struct json **sorted = calloc(n + 1, sizeof(*sorted));

	if (!sorted)
		return cli_usage(cli, "out of memory");
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_at(records, i);
	qsort_r(sorted, n, sizeof(*sorted), compare, (void *)listing);
	if (option_given(&cli->options, "json"))
		return print_json(cli, sorted, n);
	return print_table(cli, listing, sorted, n);
}
