/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * log.h - one line to standard error, where only the top of a program calls it.
 *
 * Under systemd (JOURNAL_STREAM set) lines carry the "<3>" prefix of sd-daemon(3); elsewhere the
 * program's name. Control characters in the text are replaced by '?'.
 */
#pragma once

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
};

void log_open(const char *program);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
