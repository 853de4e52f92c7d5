/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image.c - executes this program again from where nobody can write it.
 */
#include "daemon/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

#define PATH_VARIABLE "VESSELD_PROGRAM" /* set in the second life: the installed file */
#define SELF          "/proc/self/exe"
#define SEALS         (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int clone_read_only(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	cleanup_close int fd = open_tree(AT_FDCWD, SELF, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -1;
	return take_fd(&fd);
}

static int copy_sealed(struct error *err)
{
	cleanup_close int from = open(SELF, O_RDONLY | O_CLOEXEC);
	cleanup_close int fd = memfd_create("vesseld", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	off_t done = 0;

	if (from < 0 || fd < 0 || fstat(from, &st) < 0)
		return error_sys(err, "cannot copy this program");
	while (done < st.st_size)
		if (sendfile(fd, from, &done, (size_t)(st.st_size - done)) <= 0)
			return error_sys(err, "cannot copy this program");
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return error_sys(err, "cannot seal the copy of this program");
	return take_fd(&fd);
}

int image_find(char **ret_path, struct error *err)
{
	return file_read_link(AT_FDCWD, SELF, ret_path, err);
}

int image_seal(char **argv, char **ret_path, struct error *err)
{
	const char *known = getenv(PATH_VARIABLE);
	cleanup_free char *path = known ? strdup(known) : NULL;
	cleanup_close int fd = -1;
	int r;

	if (known) {
		unsetenv(PATH_VARIABLE);
		if (!path)
			return error_memory(err);
		*ret_path = take_ptr(&path);
		return 0;
	}
	r = image_find(&path, err);
	if (r < 0)
		return r;
	if (setenv(PATH_VARIABLE, path, 1) < 0)
		return error_memory(err);
	fd = clone_read_only();
	if (fd >= 0)
		(void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	close_fd(&fd);
	fd = copy_sealed(err); /* no mount API here, or a security module that forbids it */
	if (fd < 0)
		return fd;
	(void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	return error_sys(err, "cannot execute the sealed copy of this program");
}
