/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * select.h - from the words of the command line (names, globs, --all) to VEs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli;
struct json;

struct selection {
	char **names; /* each once, in the order of the words */
	size_t n;
	bool by_glob; /* a glob or --all was among them */
};

/* Names as they are; globs and --all by List, without those whose state is among `already`
 * (NULL-terminated, may be NULL). Returns the exit status, having said what failed. */
int selection_make(const struct cli *cli, const char *const *already, struct selection *ret);
void selection_done(struct selection *selection);

bool word_is_glob(const char *word);

/* All records that List gives for the words (an empty array: all); takes words. pid -1: any. */
int list_records(const struct cli *cli, struct json *words, int64_t pid, struct json **ret);
