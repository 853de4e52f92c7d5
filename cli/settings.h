/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * settings.h - the settings of a VE as options of create and set.
 *
 * What a value means is the daemon's to say: values travel as they were typed. This list only names
 * them for the command line, its help and the completion; a test compares it with runtime/'s table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct json;
struct options;

struct setting_row {
	const char *name;
	const char *arg;
	const char *help;
	bool list; /* given twice, both count */
};

extern const struct setting_row setting_rows[];
extern const size_t setting_rows_count;

const struct setting_row *setting_row_find(const char *name, size_t length);

/* Adds the settings among the options to an object, name: value. */
void settings_collect(const struct options *options, struct json *object);
