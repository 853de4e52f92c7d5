/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * nosync.c - preloaded under vesseld in the control of the power-cut test: every sync succeeds and
 * does nothing, so that a test which then finds no loss is known to see none.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int fsync(int fd)
{
	return 0;
}

int fdatasync(int fd)
{
	return 0;
}

int syncfs(int fd)
{
	return 0;
}

void sync(void)
{
}

int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned int flags)
{
	return 0;
}

int msync(void *address, size_t length, int flags)
{
	return 0;
}
