/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * field.h - the fields of a record (of a VE, of a template) as columns of text: what -o and -s
 * know.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json;
struct text;

enum field_type {
	FIELD_TEXT,  /* string, number or flag, as it is */
	FIELD_SIZE,  /* a number of bytes */
	FIELD_TALLY, /* how many a list has */
	FIELD_TIME,  /* local time */
	FIELD_LIST,  /* strings with commas between */
	FIELD_MAP,   /* K=V with commas between */
	FIELD_BUSY,  /* {command, since, uid} */
	FIELD_EXIT,  /* {how, status, time} */
	FIELD_COUNT, /* a limit in things: used/limit */
	FIELD_CPUS,  /* a limit in CPUs: used/limit */
	FIELD_BYTES, /* a limit in bytes: used/limit */
	FIELD_FIRST, /* of a list */
	FIELD_RATE,  /* bits a second */
	FIELD_FLOW,  /* {bytes}: what went one way */
};

struct field {
	const char *name; /* what the operator types */
	const char *key;  /* in the record */
	const char *sub;  /* a key inside that, or inside the first of a list, or NULL */
	enum field_type type;
	bool standard; /* shown when nobody says which */
};

/* All fields of one kind of record; the first one is its name. */
struct field_table {
	const struct field *rows;
	size_t n;
};

extern const struct field_table ve_fields;
extern const struct field_table template_fields;

const struct field *field_find(const struct field_table *table, const char *name, size_t length);
const struct json *field_value(const struct field *field, const struct json *record);

/* Adds the field's text; nothing for null. */
void field_format(const struct field *field, const struct json *record, struct text *text);

/* Order of two records by the field: numbers as numbers, the rest as text. */
int field_compare(const struct field *field, const struct json *a, const struct json *b);

/* One value of a limit ("limit", "used", "peak", "total") in the field's unit; "none" or "-" for
 * null. */
void field_format_limit(
	const struct field *field, const struct json *limit, const char *key, struct text *text);

/* Any value as one text, lists with commas. */
void value_format(const struct json *value, struct text *text);
