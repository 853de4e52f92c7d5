/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * error.h - what went wrong, in words the operator can act on.
 *
 * The text lives inside the struct: reporting never allocates, so an error can be raised when
 * memory is short, or by a child between clone() and exec, and written to a pipe as it is.
 */
#pragma once

#define ERROR_TEXT 512

/* What the caller can do about it. The numbers are the exit status of the command line and go over
 * the keeper's protocol: never renumber. */
enum error_kind {
	ERROR_FAILED = 1,
	ERROR_USAGE = 2,
	ERROR_NOT_FOUND = 3,
	ERROR_STATE = 4,
	ERROR_UNSUPPORTED = 5,
	ERROR_DENIED = 6,
};

struct error {
	int code;             /* an errno value; 0 means no error */
	enum error_kind kind; /* set together with code */
	char text[ERROR_TEXT];
};

/* All return -code, so that a caller writes `return error_sys(err, ...)`. */

/* A failure (ERROR_FAILED) with an errno value of the caller's choice; the text stands alone. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), nonnull));

/* A failed system call: captures errno first and appends its name, "cannot open x: ENOENT",
 * and of a full disk that it is full. */
int error_sys(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull));

/* A refusal of the given kind; code becomes EINVAL, ENOENT, EBUSY, EOPNOTSUPP or EACCES by kind. */
int error_refuse(struct error *err, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), nonnull));

/* Puts context in front: "cannot start VE web: " + "cannot open /x: ENOENT". Keeps code and kind.
 */
int error_wrap(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull));

/* Out of memory, in one word everywhere. Returns -ENOMEM. */
int error_memory(struct error *err) __attribute__((nonnull));
