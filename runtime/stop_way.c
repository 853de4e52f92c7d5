/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stop_way.c - told from the name that the init's path ends in once all links are followed, as
 * distributions install it (/sbin/init -> ../lib/systemd/systemd), and from inodes where a copy or
 * a hard link hides the name. A program that nothing is known of is stopped as a program.
 */
#include "runtime/stop_way.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/inside.h"

static const struct {
	const char *name;
	enum stop_way way;
} inits[] = {
	{ "systemd", STOP_SYSTEMD },
	{ "busybox", STOP_BUSYBOX },
	{ "busybox.static", STOP_BUSYBOX },
	{ "openrc-init", STOP_OPENRC },
	{ "runit", STOP_RUNIT },
	{ "runit-init", STOP_RUNIT },
};

/* Names under which the same file (by inode) tells what it is. sysvinit's telinit is its init. */
static const struct {
	const char *path;
	enum stop_way way;
} twins[] = {
	{ "/sbin/telinit", STOP_SYSVINIT },
	{ "/bin/busybox", STOP_BUSYBOX },
	{ "/usr/lib/systemd/systemd", STOP_SYSTEMD },
	{ "/lib/systemd/systemd", STOP_SYSTEMD },
};

static int file_stat(int root_fd, const char *path, struct stat *ret)
{
	struct error ignored = { 0 };
	cleanup_close int fd = inside_open(root_fd, path, O_PATH, 0, &ignored);

	if (fd < 0)
		return fd;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

static enum stop_way find_by_twin(int root_fd, const struct stat *init)
{
	for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
		struct stat twin;

		if (file_stat(root_fd, twins[i].path, &twin) == 0 && twin.st_ino == init->st_ino &&
			twin.st_dev == init->st_dev)
			return twins[i].way;
	}
	return STOP_PROGRAM;
}

static enum stop_way find_by_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (strcmp(name, inits[i].name) == 0)
			return inits[i].way;
	return STOP_PROGRAM;
}

int stop_way_find(int root_fd, const char *init, int proc_fd, enum stop_way *ret, struct error *err)
{
	cleanup_free char *resolved = NULL;
	struct error reason = { 0 };
	struct stat st;
	int r = inside_resolve(root_fd, init, proc_fd, &resolved, &reason);

	if (r == 0)
		r = file_stat(root_fd, resolved, &st);
	if (r < 0)
		return error_set(err, -r, "the template has no init %s: set --init", init);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return error_set(err, EACCES, "the init %s is no program: set --init", init);

	*ret = find_by_name(resolved);
	if (*ret == STOP_PROGRAM)
		*ret = find_by_twin(root_fd, &st);
	return 0;
}
