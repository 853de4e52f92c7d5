/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * names.h - a list of names, and the one way to list a directory.
 *
 * readdir(3) tells an error by errno alone, and a loop that forgets it takes a bad disk for the end
 * of the list: whoever deletes what nobody names would then delete what is in use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;

struct names {
	char **list; /* owned, and so is each name */
	size_t n;
};

void names_done(struct names *names);
#define cleanup_names __attribute__((cleanup(names_done)))

/* Appends a copy. */
int names_add(struct names *names, const char *name, struct error *err);

/* Sorts, and keeps one of those that are the same. */
void names_sort(struct names *names);

/* Of a sorted list. */
bool names_has(const struct names *names, const char *name);

/* The names in the directory `name` below dir_fd ("." for itself), sorted, without "." and "..".
 * -ENOENT if there is none. `ret` is overwritten, on success only. */
int names_of_dir(int dir_fd, const char *name, struct names *ret, struct error *err);
