/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * file.c - reading and writing below a directory descriptor.
 *
 * Durability is always the same three steps: the data, then the name, then the directory that
 * holds the name. A temporary file has a fixed name, so that what a crash left is overwritten by
 * the next try instead of piling up.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define READ_FIRST      4096
#define LINK_FIRST      256
#define LINK_MAX_LENGTH (64 << 10) /* far above what any file system stores */
#define OLD_MAX         (16 << 20) /* of what file_replace() can put back: records have 1 MiB */

static bool sync_failed;

int file_open_dir(int dir_fd, const char *name, struct error *err)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, "cannot open directory %s", name);
	return fd;
}

static int check_dir(int dir_fd, const char *name, struct error *err)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, "cannot look at %s", name);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "cannot create directory %s: ENOTDIR", name);
	return 0;
}

int file_make_dir(int dir_fd, const char *name, mode_t mode, struct error *err)
{
	cleanup_close int fd = -1;

	if (mkdirat(dir_fd, name, mode) < 0) {
		if (errno == EEXIST)
			return check_dir(dir_fd, name, err);
		return error_sys(err, "cannot create directory %s", name);
	}
	fd = file_open_dir(dir_fd, name, err);
	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0)
		return error_sys(err, "cannot set the mode of directory %s", name);
	return 0;
}

/* Reads to the end, at most `size` bytes. */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, data + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

/* Files of procfs and cgroupfs have no size to ask for, so the buffer grows until the end shows. */
ssize_t file_read_fd(int fd, const char *name, size_t max, char **ret, struct error *err)
{
	cleanup_free char *data = NULL;
	size_t length = 0, size = 0;

	while (length == size) {
		size_t more = size ? size * 2 : READ_FIRST;
		ssize_t n;
		char *grown;

		if (length > max)
			return error_set(err, EFBIG, "%s is larger than %zu bytes", name, max);
		size = more <= max ? more : max + 1;
		grown = realloc(data, size + 1);
		if (!grown)
			return error_memory(err);
		data = grown;
		n = read_all(fd, data + length, size - length);
		if (n < 0)
			return error_sys(err, "cannot read %s", name);
		length += (size_t)n;
	}
	data[length] = '\0';
	*ret = take_ptr(&data);
	return (ssize_t)length;
}

ssize_t file_read(int dir_fd, const char *name, size_t max, char **ret, struct error *err)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, "cannot open %s", name);
	return file_read_fd(fd, name, max, ret, err);
}

int file_write_control(int dir_fd, const char *name, const char *text, struct error *err)
{
	cleanup_close int fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	size_t length = strlen(text);
	ssize_t n;

	if (fd < 0)
		return error_sys(err, "cannot open %s", name);
	n = write(fd, text, length);
	if (n < 0)
		return error_sys(err, "cannot write '%s' to %s", text, name);
	if ((size_t)n != length)
		return error_set(err, EIO, "cannot write '%s' to %s: short write", text, name);
	return 0;
}

int file_write_all(int fd, const void *data, size_t size, struct error *err)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, "cannot write");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* A later sync of the same pages may succeed without having written them, see fsync(2): so that one
 * has failed is never forgotten. */
static int sync_result(int r, const char *name, struct error *err)
{
	if (r == 0)
		return 0;
	sync_failed = true;
	return error_sys(err, "cannot sync %s", name);
}

bool file_sync_failed(void)
{
	return sync_failed;
}

int file_sync_dir(int dir_fd, struct error *err)
{
	return sync_result(fsync(dir_fd), "a directory", err);
}

int file_sync_system(int fd, struct error *err)
{
	return sync_result(syncfs(fd), "a file system", err);
}

/* Makes a file of that name. What a crashed try left there goes first. Returns its descriptor. */
static int write_new(int dir_fd, const char *name, const void *data, size_t size, struct error *err)
{
	cleanup_close int fd = -1;
	int r;

	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return error_sys(err, "cannot remove %s", name);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(err, "cannot create %s", name);
	r = file_write_all(fd, data, size, err);
	return r < 0 ? error_wrap(err, "%s", name) : take_fd(&fd);
}

static int write_durable(
	int dir_fd, const char *name, const void *data, size_t size, struct error *err)
{
	cleanup_close int fd = write_new(dir_fd, name, data, size, err);

	return fd < 0 ? fd : sync_result(fsync(fd), name, err);
}

/* What is to be seen under the name is what was there: an answer of failure means that. What a
 * power cut would leave, nobody knows. */
static void put_back(
	int dir_fd, const char *temporary, const char *name, const char *old, ssize_t n)
{
	struct error ignored = { 0 }; /* the failure that brought us here is the one to tell */
	cleanup_close int fd = -1;

	if (n == -ENOENT)
		(void)unlinkat(dir_fd, name, 0);
	if (n < 0)
		return;
	fd = write_new(dir_fd, temporary, old, (size_t)n, &ignored);
	if (fd < 0 || renameat(dir_fd, temporary, dir_fd, name) < 0)
		(void)unlinkat(dir_fd, temporary, 0);
}

int file_replace(int dir_fd, const char *name, const void *data, size_t size, struct error *err)
{
	cleanup_free char *temporary = NULL;
	cleanup_free char *old = NULL;
	struct error ignored = { 0 }; /* what cannot be read cannot be put back */
	ssize_t old_size;
	int r;

	if (strchr(name, '/'))
		return error_set(err, EINVAL, "cannot write %s: not a plain name", name);
	if (asprintf(&temporary, ".%s.new", name) < 0) {
		temporary = NULL;
		return error_memory(err);
	}
	old_size = file_read(dir_fd, name, OLD_MAX, &old, &ignored);
	r = write_durable(dir_fd, temporary, data, size, err);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = error_sys(err, "cannot rename %s to %s", temporary, name);
	if (r < 0) {
		(void)unlinkat(dir_fd, temporary, 0); /* the next try would remove it too */
		return error_wrap(err, "cannot write %s", name);
	}
	r = file_sync_dir(dir_fd, err);
	if (r < 0)
		put_back(dir_fd, temporary, name, old, old_size);
	return r;
}

/* The new directory first: after a power cut the file then has two names rather than none. */
static int sync_both(int old_dir_fd, int new_dir_fd, struct error *err)
{
	int r = file_sync_dir(new_dir_fd, err);

	if (r < 0 || old_dir_fd == new_dir_fd)
		return r;
	return file_sync_dir(old_dir_fd, err);
}

int file_rename(int old_dir_fd, const char *old_name, int new_dir_fd, const char *new_name,
	struct error *err)
{
	int r;

	if (renameat2(old_dir_fd, old_name, new_dir_fd, new_name, RENAME_NOREPLACE) < 0)
		return error_sys(err, "cannot rename %s to %s", old_name, new_name);
	r = sync_both(old_dir_fd, new_dir_fd, err);
	if (r < 0) /* if not this, then the next look at the disk tells */
		(void)renameat2(new_dir_fd, new_name, old_dir_fd, old_name, RENAME_NOREPLACE);
	return r;
}

int file_read_link(int dir_fd, const char *name, char **ret, struct error *err)
{
	cleanup_free char *target = NULL;

	/* a result that fills the buffer may have been cut: readlink(2) does not tell */
	for (size_t size = LINK_FIRST; size <= LINK_MAX_LENGTH; size *= 2) {
		char *grown = realloc(target, size);
		ssize_t n;

		if (!grown)
			return error_memory(err);
		target = grown;
		n = readlinkat(dir_fd, name, target, size);
		if (n < 0)
			return error_sys(err, "cannot read the link %s", name);
		if ((size_t)n < size) {
			target[n] = '\0';
			*ret = take_ptr(&target);
			return 0;
		}
	}
	return error_set(err, ENAMETOOLONG, "cannot read the link %s: ENAMETOOLONG", name);
}
