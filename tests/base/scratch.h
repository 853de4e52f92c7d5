/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scratch.h - a directory of its own for each test, gone after it.
 */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

static char scratch_path[64];
static int scratch_fd = -1;

static inline int scratch_open(void **state)
{
	(void)state;
	snprintf(scratch_path, sizeof(scratch_path), "/tmp/vessel-test-XXXXXX");
	if (!mkdtemp(scratch_path))
		return -1;
	scratch_fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scratch_fd < 0 ? -1 : 0;
}

static inline int scratch_close(void **state)
{
	struct error err = { 0 };

	(void)state;
	close_fd(&scratch_fd);
	return file_remove_tree(AT_FDCWD, scratch_path, &err);
}

static inline void scratch_write(const char *name, const char *text)
{
	cleanup_close int fd =
		openat(scratch_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static inline int scratch_exists(const char *name)
{
	struct stat st;

	return fstatat(scratch_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

#define scratch_test(fn) cmocka_unit_test_setup_teardown(fn, scratch_open, scratch_close)
