/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * error.c - filling and wrapping struct error.
 *
 * Nothing here allocates or keeps state, and everything is safe in a child between clone() and
 * exec. A text that is too long is cut between two characters, never inside one, because it goes
 * to clients as JSON.
 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

#define SEPARATOR ": "

static const int kind_codes[] = {
	[ERROR_FAILED] = EIO,
	[ERROR_USAGE] = EINVAL,
	[ERROR_NOT_FOUND] = ENOENT,
	[ERROR_STATE] = EBUSY,
	[ERROR_UNSUPPORTED] = EOPNOTSUPP,
	[ERROR_DENIED] = EACCES,
};

/* Drops the character that the end of the buffer may have cut through. */
static void text_trim(char *text, size_t length)
{
	size_t start = length;

	while (start > 0 && length - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0xc0)
		text[start - 1] = '\0';
}

__attribute__((format(printf, 3, 0))) static void text_fill(
	char *text, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(text, size, fmt, args);

	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= size)
		text_trim(text, size - 1);
}

/* Appends within ERROR_TEXT. */
static void text_append(char *text, const char *more)
{
	size_t used = strnlen(text, ERROR_TEXT - 1);
	size_t room = ERROR_TEXT - 1 - used;
	size_t length = strlen(more);
	size_t n = length < room ? length : room;

	memcpy(text + used, more, n);
	text[used + n] = '\0';
	if (n < length)
		text_trim(text, used + n);
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	err->code = code;
	err->kind = ERROR_FAILED;
	va_start(args, fmt);
	text_fill(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return -err->code;
}

int error_sys(struct error *err, const char *fmt, ...)
{
	int code = errno ? errno : EIO; /* 0 would read as success */
	const char *name = strerrorname_np(code);
	const char *room = code == ENOSPC || code == EDQUOT ? " (the file system is full)" : "";
	va_list args;

	err->code = code;
	err->kind = ERROR_FAILED;
	va_start(args, fmt);
	text_fill(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	text_append(err->text, SEPARATOR);
	text_append(err->text, name ? name : "unknown error");
	text_append(err->text, room);
	return -err->code;
}

int error_refuse(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	bool known = kind > 0 && (size_t)kind < ARRAY_SIZE(kind_codes);
	va_list args;

	err->code = known ? kind_codes[kind] : EIO;
	err->kind = known ? kind : ERROR_FAILED;
	va_start(args, fmt);
	text_fill(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return -err->code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char inner[ERROR_TEXT];
	va_list args;

	memcpy(inner, err->text, sizeof(inner));
	inner[sizeof(inner) - 1] = '\0';
	va_start(args, fmt);
	text_fill(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	text_append(err->text, SEPARATOR);
	text_append(err->text, inner);
	return -err->code;
}

int error_memory(struct error *err)
{
	return error_set(err, ENOMEM, "out of memory");
}
