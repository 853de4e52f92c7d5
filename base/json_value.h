/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * json_value.h - what a JSON value is made of: shared by json.c (the tree) and json_text.c (its
 * text), nobody else.
 */
#pragma once

#include "base/json.h"

struct json {
	enum json_type type;
	bool failed; /* a builder step on this container ran out of memory */
	union {
		bool flag;
		int64_t integer;
		double real;
		char *string;
		struct {
			struct json **items;
			char **keys; /* objects only */
			size_t count, capacity;
		};
	};
};

/* NULL if memory ran out. */
struct json *json_new(enum json_type type);

/* Adds at the end, with `key` in an object, and takes both. On failure both are freed. */
bool json_attach(struct json *container, char *key, struct json *child);
