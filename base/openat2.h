/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * openat2.h - openat2(2), which glibc 2.36 does not wrap.
 *
 * EAGAIN means that a rename or mount somewhere on the host raced with a walk over ".."; a tenant
 * can provoke that for ever, so it is tried again a bounded number of times.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPENAT2_TRIES 128

static inline int openat2_call(
	int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = resolve,
	};
	long fd = -1;

	for (int i = 0; i < OPENAT2_TRIES; i++) {
		fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}
