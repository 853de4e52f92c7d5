/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * format.c - tables, sizes and times for people.
 */
#include "format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/parse.h"
#include "base/text.h"

void table_init(struct table *table, size_t columns)
{
	*table = (struct table){ .columns = columns };
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}

static void make_harmless(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void table_add(struct table *table, const char *text)
{
	char **cells = reallocarray(table->cells, table->n_cells + 1, sizeof(*cells));

	if (!cells) {
		table->failed = true;
		return;
	}
	table->cells = cells;
	cells[table->n_cells] = strdup(text && *text ? text : "-");
	if (!cells[table->n_cells]) {
		table->failed = true;
		return;
	}
	make_harmless(cells[table->n_cells++]);
}

size_t format_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < table->n_cells; i += table->columns) {
		size_t cell = format_width(table->cells[i]);

		width = cell > width ? cell : width;
	}
	return width;
}

void table_print(const struct table *table, FILE *file)
{
	size_t *widths = calloc(table->columns, sizeof(*widths));

	for (size_t i = 0; widths && i < table->columns; i++)
		widths[i] = column_width(table, i);
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;
		size_t width = widths ? widths[column] + 2 : 0;

		fputs(table->cells[i], file);
		for (size_t n = format_width(table->cells[i]); !last && n < width; n++)
			fputc(' ', file);
		if (last)
			fputc('\n', file);
	}
	free(widths);
}

const char *format_human(double bytes, char buffer[FORMAT_HUMAN])
{
	static const char units[] = "KMGTPE";
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(buffer, FORMAT_HUMAN, "%.0f", bytes);
		return buffer;
	}
	bytes /= 1024;
	while (bytes >= 1023.95 && unit + 2 < sizeof(units)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buffer, FORMAT_HUMAN, "%.1f%c", bytes, units[unit]);
	return buffer;
}

const char *format_local(const char *utc, char buffer[FORMAT_LOCAL])
{
	int64_t seconds;
	struct tm local;
	time_t when;

	if (!utc || parse_time_utc(utc, &seconds) < 0)
		return utc;
	when = (time_t)seconds;
	if (!localtime_r(&when, &local) ||
		strftime(buffer, FORMAT_LOCAL, "%Y-%m-%d %H:%M:%S %z", &local) == 0)
		return utc;
	return buffer;
}

const char *format_duration(int64_t seconds, char buffer[FORMAT_DURATION])
{
	int hours = (int)(seconds / 3600 % 24);
	int minutes = (int)(seconds / 60 % 60);

	if (seconds >= 86400)
		snprintf(buffer, FORMAT_DURATION, "%" PRId64 "d %02d:%02d", seconds / 86400, hours,
			minutes);
	else
		snprintf(buffer, FORMAT_DURATION, "%02d:%02d:%02d", hours, minutes,
			(int)(seconds % 60));
	return buffer;
}
