/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * text.c - a string that grows by doubling.
 *
 * A text that failed once stays failed and keeps what it had: the pieces after the missing one
 * would make a string that nobody wrote.
 */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define CAPACITY_FIRST 64

/* Shared by all empty texts and never written: capacity 0 says so. */
static char empty[1];

void text_init(struct text *text)
{
	*text = (struct text){ .data = empty };
}

void text_done(struct text *text)
{
	if (text->capacity > 0)
		free(text->data);
	text_init(text);
}

/* Makes room for n more bytes and the NUL. */
static bool text_reserve(struct text *text, size_t n)
{
	size_t capacity = text->capacity ? text->capacity : CAPACITY_FIRST;
	char *data;

	if (text->failed || n >= SIZE_MAX / 4 - text->length) {
		text->failed = true;
		return false;
	}
	if (text->capacity > text->length + n)
		return true;
	while (capacity <= text->length + n)
		capacity *= 2;

	data = realloc(text->capacity ? text->data : NULL, capacity);
	if (!data) {
		text->failed = true;
		return false;
	}
	if (text->capacity == 0)
		data[0] = '\0';
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_bytes(struct text *text, const void *bytes, size_t n)
{
	if (n == 0 || !text_reserve(text, n))
		return;
	memcpy(text->data + text->length, bytes, n);
	text->length += n;
	text->data[text->length] = '\0';
}

void text_format(struct text *text, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0) {
		text->failed = true;
		return;
	}
	if (!text_reserve(text, (size_t)n))
		return;

	va_start(args, fmt);
	vsnprintf(text->data + text->length, (size_t)n + 1, fmt, args);
	va_end(args);
	text->length += (size_t)n;
}

void text_drop(struct text *text, size_t n)
{
	if (n == 0 || text->capacity == 0)
		return;
	if (n > text->length)
		n = text->length;
	memmove(text->data, text->data + n, text->length - n + 1);
	text->length -= n;
}

char *text_take(struct text *text)
{
	char *taken = NULL;

	if (!text->failed)
		taken = text->capacity ? text->data : calloc(1, 1);
	else if (text->capacity)
		free(text->data);
	text_init(text);
	return taken;
}

int text_copy(char **ret, const char *string)
{
	*ret = string ? strdup(string) : NULL;
	return string && !*ret ? -ENOMEM : 0;
}

/* The well-formed ranges of the Unicode standard, table 3-7: what the second byte may be. */
static const struct utf8_row {
	unsigned char first_low, first_high;
	unsigned char second_low, second_high;
	unsigned char length;
} utf8_rows[] = {
	/* clang-format off */
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	/* clang-format on */
};

static const struct utf8_row *utf8_find(unsigned char first)
{
	for (size_t i = 0; i < ARRAY_SIZE(utf8_rows); i++)
		if (first >= utf8_rows[i].first_low && first <= utf8_rows[i].first_high)
			return &utf8_rows[i];
	return NULL;
}

size_t text_utf8(const char *bytes, size_t n)
{
	const unsigned char *b = (const unsigned char *)bytes;
	const struct utf8_row *row;

	if (n > 0 && b[0] < 0x80)
		return 1;
	row = n > 0 ? utf8_find(b[0]) : NULL;
	if (!row || n < row->length || b[1] < row->second_low || b[1] > row->second_high)
		return 0;
	for (size_t i = 2; i < row->length; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return row->length;
}

void text_clean(char *line, size_t length)
{
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		unsigned char c = (unsigned char)line[i];

		n = text_utf8(line + i, length - i);
		if (n == 1 && c >= 0x20 && c != 0x7f)
			continue;
		if (n > 2 || (n == 2 && !(c == 0xc2 && (unsigned char)line[i + 1] < 0xa0)))
			continue;
		n = n ? n : 1;
		memset(line + i, '?', n);
	}
}
