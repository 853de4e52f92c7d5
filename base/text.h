/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * text.h - a string that grows.
 *
 * `data` is always NUL-terminated and never NULL, so it can be handed to printf at once. A failed
 * allocation marks the text; it is asked once at the end (text_take returns NULL) instead of after
 * every piece.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data;
	size_t length;
	size_t capacity; /* 0: data points at a constant empty string */
	bool failed;
};

void text_init(struct text *text);
void text_done(struct text *text);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t n);
void text_format(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Cuts off the first n bytes (what has been sent). */
void text_drop(struct text *text, size_t n);

/* Gives the string to the caller and leaves the text empty; NULL if memory ran out on the way. */
char *text_take(struct text *text);

/* How many bytes the character at the start of `bytes` takes (1 to 4); 0 if the n bytes do not
 * begin with well-formed UTF-8 (no overlong form, no surrogate, nothing above U+10FFFF). */
size_t text_utf8(const char *bytes, size_t n);

/* What a terminal or the journal would take for something else becomes '?': control characters, C1
 * controls in UTF-8, and bytes that are no UTF-8. The line stays one line. */
void text_clean(char *line, size_t length);

/* A copy of a string, or of NULL. -ENOMEM. */
int text_copy(char **ret, const char *string);

#define cleanup_text __attribute__((cleanup(text_done)))
