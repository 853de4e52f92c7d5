/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_log.h - ve/<name>/console.log: the raw bytes that a VE wrote, bounded on disk.
 *
 * Two files of 4 MiB, console.log and console.log.1. Works below a descriptor of the VE's
 * directory, so that renaming the directory moves the log with it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONSOLE_LOG       "console.log"
#define CONSOLE_LOG_OLD   "console.log.1"
#define CONSOLE_LOG_BYTES (4 * 1024 * 1024)

struct console_log {
	int dir_fd, fd;
	uint64_t size;
	uint64_t lost; /* bytes that the disk did not take; told in the log when it does again */
};

/* Takes dir_fd. A file that cannot be opened is tried again with each output. */
void console_log_init(struct console_log *log, int dir_fd);
void console_log_add(struct console_log *log, const char *data, size_t n);
void console_log_done(struct console_log *log);

/* The last n bytes of the log in this directory, or fewer; 0 if there is none. */
size_t console_log_tail(int dir_fd, char *buffer, size_t n);
