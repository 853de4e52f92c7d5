/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_log.c - appends, and starts anew when the file is full.
 *
 * A disk that refuses (full, broken) never holds up the guest: what does not fit is counted and
 * named in the log by one line, once there is room again.
 */
#include "daemon/console_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define LOST_LINE 80 /* 46 characters and a 64-bit number */

static bool open_file(struct console_log *log)
{
	int fd = openat(log->dir_fd, CONSOLE_LOG,
		O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0)
		return false;
	log->fd = fd;
	log->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return true;
}

void console_log_init(struct console_log *log, int dir_fd)
{
	*log = (struct console_log){ .dir_fd = dir_fd, .fd = -1 };
	(void)open_file(log);
}

void console_log_done(struct console_log *log)
{
	close_fd(&log->fd);
	close_fd(&log->dir_fd);
}

/* If the new file cannot be made the old one has gone its way and bytes are lost until it can. */
static void rotate(struct console_log *log)
{
	if (renameat(log->dir_fd, CONSOLE_LOG, log->dir_fd, CONSOLE_LOG_OLD) < 0 && errno != ENOENT)
		return;
	close_fd(&log->fd);
	(void)open_file(log); /* tried again with the next bytes */
}

static size_t write_some(struct console_log *log, const char *data, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t written = write(log->fd, data + done, n - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		done += (size_t)written;
	}
	log->size += done;
	return done;
}

static void tell_lost(struct console_log *log)
{
	char line[LOST_LINE];
	int n = snprintf(line, sizeof(line),
		"\n[vessel: %llu bytes lost, the disk did not take them]\n",
		(unsigned long long)log->lost);

	if (write_some(log, line, (size_t)n) == (size_t)n)
		log->lost = 0;
}

void console_log_add(struct console_log *log, const char *data, size_t n)
{
	if (log->fd < 0 && !open_file(log)) {
		log->lost += n;
		return;
	}
	if (log->size && log->size + n > CONSOLE_LOG_BYTES)
		rotate(log);
	/* Not renamed for some reason: bounded all the same. */
	if (log->fd < 0 || log->size + n > CONSOLE_LOG_BYTES) {
		log->lost += n;
		return;
	}
	if (log->lost)
		tell_lost(log);
	if (!log->lost)
		n -= write_some(log, data, n);
	log->lost += n;
}

size_t console_log_tail(int dir_fd, char *buffer, size_t n)
{
	cleanup_close int fd =
		openat(dir_fd, CONSOLE_LOG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	off_t from;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	from = st.st_size > (off_t)n ? st.st_size - (off_t)n : 0;
	got = pread(fd, buffer, n, from);
	return got > 0 ? (size_t)got : 0;
}
