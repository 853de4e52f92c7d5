/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * format.h - tables, sizes and times for people.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table {
	size_t columns;
	char **cells; /* row by row, owned */
	size_t n_cells;
	bool failed; /* out of memory on the way */
};

void table_init(struct table *table, size_t columns);
void table_done(struct table *table);

/* The next cell, row by row; the text is copied. Empty and NULL become "-"; control characters
 * become '?', so that no guest's word reaches the terminal as a command. */
void table_add(struct table *table, const char *text);

/* Columns as wide as their widest cell, two spaces between, none after the last. */
void table_print(const struct table *table, FILE *file);

/* "41.0M": 1024 units, one decimal from K on. */
#define FORMAT_HUMAN 16
const char *format_human(double bytes, char buffer[FORMAT_HUMAN]);

/* RFC 3339 UTC as the local time with its offset, "2026-11-22 12:46:21 +0100"; anything else and
 * NULL as it is. */
#define FORMAT_LOCAL 40
const char *format_local(const char *utc, char buffer[FORMAT_LOCAL]);

/* "1d 02:03", "02:03:04". */
#define FORMAT_DURATION 32
const char *format_duration(int64_t seconds, char buffer[FORMAT_DURATION]);

/* How many columns a text takes on a terminal: one a character. */
size_t format_width(const char *text);
