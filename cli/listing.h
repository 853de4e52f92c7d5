/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * listing.h - records as a table or as JSON: the options -H, -o, -s and --json of every list.
 */
#pragma once

#include <stddef.h>

struct cli;
struct field;
struct field_table;
struct json;

#define LISTING_COLUMNS_MAX 64

/* What the options say. */
struct listing {
	const struct field_table *table;
	const struct field *columns[LISTING_COLUMNS_MAX];
	size_t n_columns;
	const struct field *sort; /* NULL: by name */
	int direction;            /* -1: the largest first */
};

/* Reads the options; an unknown field is said. Returns the exit status. */
int listing_choose(const struct cli *cli, const struct field_table *table, struct listing *ret);

/* Prints an array of records in the order asked for. Returns the exit status. */
int listing_print(const struct cli *cli, const struct listing *listing, const struct json *records);
