/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * file_remove.c - removing a tree that a tenant may have built to be hard to remove.
 *
 * The walk keeps its place on the heap, so depth costs no stack; only the uppermost levels keep
 * their descriptors, deeper ones are closed on the way down and found again by ".." on the way up,
 * so depth costs no descriptors either. Going up is checked against the inode it came from.
 * openat2(RESOLVE_NO_XDEV) refuses every mount, bind mounts of the same file system too, which a
 * comparison of st_dev would walk into.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/openat2.h"

#define LEVELS_OPEN 64 /* the descriptors one walk may hold */

struct level {
	char *name; /* in the level above */
	DIR *dir;   /* NULL: closed on the way down */
	dev_t device;
	ino_t inode;
};

struct walk {
	struct level *levels;
	size_t depth, capacity;
};

static void walk_pop(struct walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];

	if (level->dir)
		closedir(level->dir);
	free(level->name);
}

static void walk_done(struct walk *walk)
{
	while (walk->depth > 0)
		walk_pop(walk);
	free(walk->levels);
}
#define cleanup_walk __attribute__((cleanup(walk_done)))

static int walk_reserve(struct walk *walk, struct error *err)
{
	size_t capacity = walk->capacity ? walk->capacity * 2 : 16;
	struct level *levels;

	if (walk->depth < walk->capacity)
		return 0;
	levels = reallocarray(walk->levels, capacity, sizeof(*levels));
	if (!levels)
		return error_memory(err);
	walk->levels = levels;
	walk->capacity = capacity;
	return 0;
}

static DIR *open_level(int dir_fd, const char *name, struct stat *st)
{
	cleanup_close int fd = openat2_call(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
		RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	DIR *dir;

	if (fd < 0 || fstat(fd, st) < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir)
		(void)take_fd(&fd); /* closedir() closes it */
	return dir;
}

/* Goes down into `name`. */
static int walk_push(struct walk *walk, int dir_fd, const char *name, struct error *err)
{
	struct level level = { 0 };
	struct stat st;
	int r = walk_reserve(walk, err);

	if (r < 0)
		return r;
	level.dir = open_level(dir_fd, name, &st);
	if (!level.dir)
		return error_sys(err, "cannot open directory %s to remove it", name);
	level.device = st.st_dev;
	level.inode = st.st_ino;
	level.name = strdup(name);
	if (!level.name) {
		closedir(level.dir);
		return error_memory(err);
	}
	if (walk->depth > LEVELS_OPEN) {
		struct level *above = &walk->levels[walk->depth - 1];

		closedir(above->dir);
		above->dir = NULL;
	}
	walk->levels[walk->depth++] = level;
	return 0;
}

/* Opens the level above the last one again if it was closed on the way down. */
static int walk_reopen(struct walk *walk, struct error *err)
{
	struct level *level = &walk->levels[walk->depth - 1];
	struct level *above = level - 1;
	struct stat st;

	if (above->dir)
		return 0;
	above->dir = open_level(dirfd(level->dir), "..", &st);
	if (!above->dir)
		return error_sys(err, "cannot go up from %s", level->name);
	if (st.st_dev != above->device || st.st_ino != above->inode)
		return error_set(err, ESTALE, "%s was moved while it was removed", level->name);
	return 0;
}

/* Leaves the last level, which is empty now, and removes it. */
static int walk_leave(struct walk *walk, int top_fd, struct error *err)
{
	struct level *level = &walk->levels[walk->depth - 1];
	int dir_fd = top_fd;

	if (walk->depth > 1) {
		int r = walk_reopen(walk, err);

		if (r < 0)
			return r;
		dir_fd = dirfd(walk->levels[walk->depth - 2].dir);
	}
	if (unlinkat(dir_fd, level->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_sys(err, "cannot remove directory %s", level->name);
	walk_pop(walk);
	return 0;
}

/* Removes what is no directory, goes down into what is one. */
static int remove_entry(struct walk *walk, int dir_fd, const char *name, struct error *err)
{
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return error_sys(err, "cannot remove %s", name);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
		return 0;
	return walk_push(walk, dir_fd, name, err);
}

/* One entry of the last level, or the end of it. */
static int walk_step(struct walk *walk, int top_fd, struct error *err)
{
	DIR *dir = walk->levels[walk->depth - 1].dir;
	const struct dirent *entry;

	errno = 0;
	entry = readdir(dir);
	if (!entry && errno != 0)
		return error_sys(
			err, "cannot read directory %s", walk->levels[walk->depth - 1].name);
	if (!entry)
		return walk_leave(walk, top_fd, err);
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	return remove_entry(walk, dirfd(dir), entry->d_name, err);
}

int file_remove_tree(int dir_fd, const char *name, struct error *err)
{
	cleanup_walk struct walk walk = { 0 };
	int r = remove_entry(&walk, dir_fd, name, err);

	while (r == 0 && walk.depth > 0)
		r = walk_step(&walk, dir_fd, err);
	return r < 0 ? error_wrap(err, "cannot remove %s", name) : 0;
}
