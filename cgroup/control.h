/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * control.h - what the kernel says in its control files: a number, a number behind a word, a list.
 *
 * Readers here fill no error: a file that is missing is an ordinary answer (another hierarchy, an
 * older kernel), and only the caller knows whether it matters. They return 0 or -errno.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CONTROL_MAX 65536 /* the longest control file we read; the kernel's are a few pages */

/* The number the text starts with; "max" and "-1", the kernel's words for no limit, are PARSE_NONE.
 */
int control_parse_number(const char *text, uint64_t *ret);

/* The number behind `key` in a text of "key number" lines; -ENOENT if no line has it. */
int control_parse_keyed(const char *text, const char *key, uint64_t *ret);

/* Is `word` one of those that `text` separates by spaces, commas and newlines? */
bool control_has_word(const char *text, const char *word);

/* Both of the above from a file below dir_fd; key NULL is the number the file starts with. */
int control_read(int dir_fd, const char *file, const char *key, uint64_t *ret);

/* The whole text of a file below dir_fd, owned by the caller. */
int control_read_text(int dir_fd, const char *file, char **ret);

bool control_exists(int dir_fd, const char *file);
