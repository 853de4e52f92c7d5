/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inside.c - the only module that resolves a path below a VE's root.
 *
 * Every name here may be a link to anywhere and may change between two calls. The kernel resolves
 * it as if the VE's root were the root of the world, and from then on only the descriptor counts:
 * what it is gets asked of the descriptor, never of the name again.
 */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/openat2.h"

#define RESOLVE_INSIDE (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define RESOLVE_PLAIN  (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)
#define FD_LINK        32 /* "self/fd/" and a number of 10 digits */

int inside_open(int root_fd, const char *path, int flags, mode_t mode, struct error *err)
{
	int fd;

	if (!(flags & O_PATH))
		flags |= O_NOCTTY; /* a VE's terminal must not become ours */
	fd = openat2_call(root_fd, path, flags, mode, RESOLVE_INSIDE);
	if (fd < 0)
		return error_sys(err, "cannot open %s inside the VE", path);
	return fd;
}

/* mkdir with exactly `mode`. No other thread is there to see the umask change. */
static int make_dir(int dir_fd, const char *name, mode_t mode)
{
	mode_t mask = umask(0);
	int r = mkdirat(dir_fd, name, mode);

	umask(mask);
	return r < 0 && errno != EEXIST ? -1 : 0;
}

/* Opens one real directory below dir_fd, made if it is not there. -1 and errno on failure. */
static int enter_dir(int dir_fd, const char *name, mode_t mode)
{
	int flags = O_PATH | O_DIRECTORY; /* a link is ELOOP by RESOLVE_NO_SYMLINKS */
	int fd = openat2_call(dir_fd, name, flags, 0, RESOLVE_PLAIN);

	if (fd >= 0 || errno != ENOENT || make_dir(dir_fd, name, mode) < 0)
		return fd;
	return openat2_call(dir_fd, name, flags, 0, RESOLVE_PLAIN);
}

int inside_open_mount_point(int root_fd, const char *path, mode_t mode, struct error *err)
{
	cleanup_free char *names = strdup(path);
	cleanup_close int fd = -1;
	char *rest = names;
	char *name;

	if (!names)
		return error_memory(err);
	fd = enter_dir(root_fd, ".", 0);
	while (fd >= 0 && (name = strsep(&rest, "/"))) {
		int next;

		if (*name == '\0' || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			return error_set(err, EINVAL, "cannot mount on %s: it holds '..'", path);
		next = enter_dir(fd, name, mode);
		close_fd(&fd);
		fd = next;
	}
	if (fd < 0)
		return error_sys(err, "cannot mount on %s inside the VE", path);
	return take_fd(&fd);
}

ssize_t inside_read(int root_fd, const char *path, size_t max, char **ret, struct error *err)
{
	cleanup_close int fd = inside_open(root_fd, path, O_RDONLY | O_NONBLOCK, 0, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(err, "cannot look at %s inside the VE", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "%s inside the VE is no regular file", path);
	return file_read_fd(fd, path, max, ret, err);
}

/* Opens the directory that holds the last name of the path; *ret_name points into `path`. */
static int open_parent(int root_fd, const char *path, const char **ret_name, struct error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	cleanup_free char *parent = NULL;
	int fd;

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_set(err, EINVAL, "%s inside the VE does not name a file", path);
	parent = slash && slash > path ? strndup(path, (size_t)(slash - path)) : strdup("/");
	if (!parent)
		return error_memory(err);
	fd = inside_open(root_fd, parent, O_PATH | O_DIRECTORY, 0, err);
	if (fd >= 0)
		*ret_name = name;
	return fd;
}

/* Writes a new file of that name; what a killed try left there goes first. */
static int write_new(int dir_fd, const char *name, const char *text, mode_t mode, struct error *err)
{
	cleanup_close int fd = -1;

	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return error_sys(err, "cannot remove %s", name);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return error_sys(err, "cannot create %s", name);
	if (fchmod(fd, mode) < 0)
		return error_sys(err, "cannot set the mode of %s", name);
	return file_write_all(fd, text, strlen(text), err);
}

int inside_replace(int root_fd, const char *path, const char *text, mode_t mode, struct error *err)
{
	cleanup_free char *temporary = NULL;
	cleanup_close int dir_fd = -1;
	const char *name = NULL;
	int r;

	dir_fd = open_parent(root_fd, path, &name, err);
	if (dir_fd < 0)
		return dir_fd;
	if (asprintf(&temporary, ".%s.vessel", name) < 0) {
		temporary = NULL;
		return error_memory(err);
	}
	r = write_new(dir_fd, temporary, text, mode, err);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = error_sys(err, "cannot rename %s", temporary);
	if (r == 0)
		return 0;
	(void)unlinkat(dir_fd, temporary, 0); /* the next try would remove it too */
	return error_wrap(err, "cannot replace %s inside the VE", path);
}

static int read_fd_link(int proc_fd, int fd, char **ret, struct error *err)
{
	char name[FD_LINK];

	snprintf(name, sizeof(name), "self/fd/%d", fd);
	return file_read_link(proc_fd, name, ret, err);
}

/* What stands behind the root's own path: "/" for the root itself, NULL if it is not below. The
 * root of a detached mount is "/" and takes nothing away. */
static const char *strip_root(const char *path, const char *root)
{
	size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(path, root, length) != 0)
		return NULL;
	path += length;
	if (*path == '\0')
		return "/";
	return *path == '/' ? path : NULL;
}

/* The name the kernel told may be gone, moved or marked " (deleted)" by now. */
static bool is_same(int root_fd, const char *path, int fd)
{
	cleanup_close int again = openat2_call(
		root_fd, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_INSIDE | RESOLVE_NO_SYMLINKS);
	struct stat a, b;

	return again >= 0 && fstat(again, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int inside_resolve(int root_fd, const char *path, int proc_fd, char **ret, struct error *err)
{
	cleanup_free char *root = NULL;
	cleanup_free char *target = NULL;
	cleanup_close int fd = inside_open(root_fd, path, O_PATH, 0, err);
	const char *inner;
	char *copy;
	int r;

	if (fd < 0)
		return fd;
	r = read_fd_link(proc_fd, root_fd, &root, err);
	if (r == 0)
		r = read_fd_link(proc_fd, fd, &target, err);
	if (r < 0)
		return error_wrap(err, "cannot resolve %s inside the VE", path);
	inner = strip_root(target, root);
	if (!inner || !is_same(root_fd, inner, fd))
		return error_set(err, ESTALE, "cannot resolve %s inside the VE: it moved", path);
	copy = strdup(inner);
	if (!copy)
		return error_memory(err);
	*ret = copy;
	return 0;
}
