/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * subtree.c - depth without recursion: one directory open at a time, ".." for the way back.
 */
#include "cgroup/subtree.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

static int open_dir(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_stream(int dir_fd, const char *name, DIR **ret)
{
	cleanup_close int fd = open_dir(dir_fd, name);
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	*ret = dir;
	return 0;
}

static bool is_child(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
	       strcmp(entry->d_name, "..") != 0;
}

static bool has_children(int fd)
{
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;

	if (open_stream(fd, ".", &dir) < 0)
		return false;
	while ((entry = readdir(dir)))
		if (is_child(entry))
			return true;
	return false;
}

/* Removes the children that have no children; returns a descriptor of the first one that has, or
 * -ENOENT when none is left. rmdir says EBUSY both of a cgroup with children and of one with
 * processes. */
static int remove_leaves(int fd)
{
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int r = open_stream(fd, ".", &dir);

	if (r < 0)
		return r;
	while ((entry = readdir(dir))) {
		cleanup_close int child_fd = -1;

		if (!is_child(entry) || unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0 ||
			errno == ENOENT)
			continue;
		r = -errno;
		if (r != -EBUSY && r != -ENOTEMPTY)
			return r;
		child_fd = open_dir(fd, entry->d_name);
		if (child_fd < 0)
			return child_fd;
		return has_children(child_fd) ? take_fd(&child_fd) : r;
	}
	return -ENOENT;
}

int subtree_remove(int top_fd)
{
	cleanup_close int fd = open_dir(top_fd, ".");
	size_t depth = 0;

	while (fd >= 0) {
		int next_fd = remove_leaves(fd);

		if (next_fd >= 0) {
			depth++;
		} else if (next_fd != -ENOENT) {
			return next_fd;
		} else if (depth == 0) {
			return 0;
		} else {
			next_fd = open_dir(fd, "..");
			depth--;
		}
		close_fd(&fd);
		fd = next_fd;
	}
	return fd;
}

/* Where the walk stands: the open directory, and for each one above it where to go on reading.
 * cgroupfs's positions are hashes of names and stay good when the directory is opened anew. */
struct walk {
	DIR *dir;
	long *positions;
	size_t depth, capacity;
};

static void walk_done(struct walk *walk)
{
	cleanup_dir_run(&walk->dir);
	cleanup_free_run(&walk->positions);
}

static int walk_push(struct walk *walk)
{
	if (walk->depth == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 32;
		long *grown = reallocarray(walk->positions, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		walk->positions = grown;
		walk->capacity = capacity;
	}
	walk->positions[walk->depth++] = telldir(walk->dir);
	return 0;
}

/* 1: stands in the child now; 0: the child has vanished; or -errno. */
static int walk_down(struct walk *walk, const char *name)
{
	DIR *child = NULL;
	int r = open_stream(dirfd(walk->dir), name, &child);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = walk_push(walk);
	if (r < 0) {
		cleanup_dir_run(&child);
		return r;
	}
	closedir(walk->dir);
	walk->dir = child;
	return 1;
}

static int walk_up(struct walk *walk)
{
	DIR *above = NULL;
	int r = open_stream(dirfd(walk->dir), "..", &above);

	if (r < 0)
		return r;
	closedir(walk->dir);
	walk->dir = above;
	seekdir(above, walk->positions[--walk->depth]);
	return 0;
}

static int walk_run(struct walk *walk, int (*visit)(int dir_fd, void *owner), void *owner)
{
	int r = visit(dirfd(walk->dir), owner);

	while (r == 0) {
		struct dirent *entry = readdir(walk->dir);

		if (!entry && walk->depth == 0)
			return 0;
		if (!entry)
			r = walk_up(walk);
		else if (is_child(entry))
			r = walk_down(walk, entry->d_name);
		if (r == 1)
			r = visit(dirfd(walk->dir), owner);
	}
	return r;
}

int subtree_visit(int top_fd, int (*visit)(int dir_fd, void *owner), void *owner)
{
	struct walk walk = { 0 };
	int r = open_stream(top_fd, ".", &walk.dir);

	if (r == 0)
		r = walk_run(&walk, visit, owner);
	walk_done(&walk);
	return r;
}
