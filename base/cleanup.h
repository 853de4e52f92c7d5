/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cleanup.h - ownership that ends with the scope.
 *
 * `cleanup_close int fd = -1;` closes on every path out; take_fd(&fd) gives it away. All of them
 * keep errno, so that an error return may run them.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close_run(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* nothing to save: writers call fsync or close themselves */
	errno = saved;
}

static inline void cleanup_free_run(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

static inline void cleanup_dir_run(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	errno = saved;
}

static inline void cleanup_file_run(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

#define cleanup_close __attribute__((cleanup(cleanup_close_run)))
#define cleanup_free  __attribute__((cleanup(cleanup_free_run)))
#define cleanup_dir   __attribute__((cleanup(cleanup_dir_run)))
#define cleanup_file  __attribute__((cleanup(cleanup_file_run)))

/* Hands the descriptor to the caller and disarms its cleanup. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Hands the pointer at `p` (a pointer to a pointer) to the caller and disarms its cleanup. */
static inline void *take_ptr_run(void *p)
{
	void *taken = *(void **)p;

	*(void **)p = NULL;
	return taken;
}

#define take_ptr(p) ((__typeof__(*(p)))take_ptr_run(p))

/* Closes *fd if it is open and marks it closed. */
static inline void close_fd(int *fd)
{
	cleanup_close_run(fd);
	*fd = -1;
}
