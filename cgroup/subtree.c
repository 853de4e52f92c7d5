/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * subtree.c - depth without recursion: removal holds one directory open at a time, ".." for the way
 * back; a visit goes no deeper than it holds directories.
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

/* The directories that are open, each below the one before: going on reading is cheaper than
 * finding the place again (a directory of 2,048 takes the kernel half a millisecond to list). */
struct walk {
	DIR *dirs[SUBTREE_DEPTH];
	size_t depth; /* of them */
	size_t left;  /* cgroups that may still be visited */
};

static void walk_up(struct walk *walk)
{
	cleanup_dir_run(&walk->dirs[--walk->depth]);
}

/* Opens a cgroup and visits it. One that has vanished is passed over. */
static int walk_down(struct walk *walk, int dir_fd, const char *name,
	int (*visit)(int dir_fd, void *owner), void *owner)
{
	DIR **dir = &walk->dirs[walk->depth];
	int r;

	if (walk->depth == SUBTREE_DEPTH || walk->left == 0)
		return 0;
	r = open_stream(dir_fd, name, dir);
	if (r < 0)
		return r == -ENOENT && walk->depth > 0 ? 0 : r;
	walk->depth++;
	walk->left--;
	return visit(dirfd(*dir), owner);
}

int subtree_visit(int top_fd, size_t most, int (*visit)(int dir_fd, void *owner), void *owner)
{
	struct walk walk = { .left = most };
	int r = walk_down(&walk, top_fd, ".", visit, owner);

	while (r == 0 && walk.depth > 0 && walk.left > 0) {
		DIR *dir = walk.dirs[walk.depth - 1];
		struct dirent *entry = readdir(dir);

		if (!entry)
			walk_up(&walk);
		else if (is_child(entry))
			r = walk_down(&walk, dirfd(dir), entry->d_name, visit, owner);
	}
	while (walk.depth > 0)
		walk_up(&walk);
	return r;
}
