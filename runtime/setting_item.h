/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_item.h - the kinds of items that lists hold: private to setting_list.c and setting_net.c.
 */
#pragma once

#include "runtime/setting_type.h"

struct text;

/* One item, whatever its kind. */
union item {
	struct ip ip;
	char *name;
	struct published published;
};

struct item_kind {
	size_t size;
	/* 0, -ENOMEM, or -EINVAL; *ret_why then says what is wrong where the row's help does not.
	 */
	int (*parse)(
		const struct setting *row, const char *text, union item *ret, const char **ret_why);
	void (*format)(const union item *item, struct text *text);
	bool (*same)(const union item *a, const union item *b);
	/* Two that cannot be in one list; the same ones cannot anyway. NULL: all others can. */
	bool (*clash)(const union item *a, const union item *b);
	/* Of what the item owns; NULL: nothing. */
	int (*copy)(union item *to, const union item *from);
	void (*done)(union item *item);
};

/* The kind of a list's items; NULL: the setting is no list. */
const struct item_kind *item_kind_of(const struct setting *row);
