/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * format_test.c - tables, sizes, times and the progress bar.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h> /* needs the three before it */
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "cli/format.h"
#include "cli/progress.h"

static void a_table_is_as_wide_as_its_widest_cell(void **state)
{
	static const char *const cells[] = { "NAME", "STATE", "web-server", "r\xc3\xb6t", "a", NULL,
		"b", "x\033[1m" };
	struct table table;
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	table_init(&table, 2);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		table_add(&table, cells[i]);
	table_print(&table, file);
	table_done(&table);
	fclose(file);
	assert_string_equal(text,
		"NAME        STATE\nweb-server  r\xc3\xb6t\na           -\nb           x?[1m\n");
	free(text);
}

static void sizes_have_one_decimal(void **state)
{
	static const struct {
		double bytes;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1023, "1023" },
		{ 1024, "1.0K" },
		{ 42991616, "41.0M" },
		{ 1048575, "1.0M" },
		{ 1.5 * 1024 * 1024 * 1024, "1.5G" },
		{ 1e30, "867361737988.4E" },
	};
	char buffer[FORMAT_HUMAN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(format_human(rows[i].bytes, buffer), rows[i].text);
}

static void times_are_local_with_their_offset(void **state)
{
	char buffer[FORMAT_LOCAL];

	(void)state;
	setenv("TZ", "CET-1", 1);
	tzset();
	assert_string_equal(
		format_local("2026-11-22T11:46:21Z", buffer), "2026-11-22 12:46:21 +0100");
	assert_string_equal(format_local("soon", buffer), "soon");
	assert_null(format_local(NULL, buffer));
}

static void progress_fills_its_bar(void **state)
{
	char line[PROGRESS_LINE];

	(void)state;
	progress_format("deb", 50, 100, line);
	assert_string_equal(line, "deb  [###############               ]  50%  50 of 100");
	progress_format("deb", 2048, 0, line);
	assert_string_equal(line, "deb  2.0K");
	progress_format("deb", 300, 100, line);
	assert_non_null(strstr(line, "100%"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_as_wide_as_its_widest_cell),
		cmocka_unit_test(sizes_have_one_decimal),
		cmocka_unit_test(times_are_local_with_their_offset),
		cmocka_unit_test(progress_fills_its_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
