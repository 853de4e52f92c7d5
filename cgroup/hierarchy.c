/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hierarchy.c - finding the mounted hierarchies, and the way from one to a VE's directory in it.
 *
 * mountinfo is the only witness: neither the place nor the grouping of controllers is the same on
 * two hosts. A path from it is believed only if what is there now has the device and the magic
 * number that the line promised (something else may be mounted over it).
 */
#include "cgroup/hierarchy.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parse.h"
#include "cgroup/control.h"

/* The controllers that a row of the limit table names. memory first: where processes stand in the
 * way it says EBUSY, while the others would make a threaded subtree of it (cgroups(7)), whose
 * children refuse processes. */
static const char *const needed[] = { "memory", "cpu", "pids" };

/* mountinfo writes space, tab, newline and backslash as three octal digits (proc(5)). */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool is_type(const char *type, bool *ret_v2)
{
	*ret_v2 = strcmp(type, "cgroup2") == 0;
	return *ret_v2 || strcmp(type, "cgroup") == 0;
}

int cgroup_mount_parse(const char *line, struct cgroup_mount *ret)
{
	cleanup_free char *root = NULL, *path = NULL, *type = NULL, *options = NULL;
	const char *tail = strstr(line, " - ");
	unsigned int major_id, minor_id;
	bool v2;

	if (!tail || sscanf(line, "%*d %*d %u:%u %ms %ms", &major_id, &minor_id, &root, &path) != 4)
		return 0;
	if (sscanf(tail, " - %ms %*s %ms", &type, &options) != 2 || !is_type(type, &v2))
		return 0;
	if (strcmp(root, "/") != 0) /* a part of a hierarchy, bound somewhere */
		return 0;
	unescape(path);
	*ret = (struct cgroup_mount){
		.device = makedev(major_id, minor_id),
		.v2 = v2,
		.path = take_ptr(&path),
		.options = take_ptr(&options),
	};
	return 1;
}

void cgroup_mount_done(struct cgroup_mount *mount)
{
	free(mount->path);
	free(mount->options);
	*mount = (struct cgroup_mount){ 0 };
}

/* Returns a descriptor of the mount's root, or -1 if the path shows something else by now. */
static int open_mount(const struct cgroup_mount *mount)
{
	cleanup_close int fd = open(mount->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__typeof__(((struct statfs *)NULL)->f_type) magic;
	struct statfs fs;
	struct stat st;

	magic = mount->v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -1;
	if (fs.f_type != magic || st.st_dev != mount->device)
		return -1;
	return take_fd(&fd);
}

/* The same hierarchy may be mounted in several places. */
static bool is_known(const struct cgroup_tree *tree, dev_t device)
{
	for (size_t i = 0; i < tree->n; i++) {
		struct stat st;

		if (fstat(tree->hierarchies[i].root_fd, &st) == 0 && st.st_dev == device)
			return true;
	}
	return false;
}

static int add_mount(struct cgroup_tree *tree, struct cgroup_mount *mount, struct error *err)
{
	cleanup_close int fd = -1;

	if (is_known(tree, mount->device))
		return 0;
	if (tree->n == ARRAY_SIZE(tree->hierarchies))
		return error_refuse(err, ERROR_UNSUPPORTED,
			"this host has more than %zu cgroup hierarchies mounted", tree->n);
	fd = open_mount(mount);
	if (fd < 0)
		return 0;
	tree->hierarchies[tree->n++] = (struct cgroup_hierarchy){
		.root_fd = take_fd(&fd),
		.v2 = mount->v2,
		.controllers = mount->v2 ? NULL : take_ptr(&mount->options),
	};
	return 0;
}

static int scan(struct cgroup_tree *tree, FILE *file, bool v2, struct error *err)
{
	cleanup_free char *line = NULL;
	size_t size = 0;
	int r = 0;

	while (r == 0 && getline(&line, &size, file) > 0) {
		struct cgroup_mount mount = { 0 };

		r = cgroup_mount_parse(line, &mount);
		if (r < 0)
			return error_memory(err);
		r = r > 0 && mount.v2 == v2 ? add_mount(tree, &mount, err) : 0;
		cgroup_mount_done(&mount);
	}
	return r;
}

int cgroup_hierarchy_scan(struct cgroup_tree *tree, const char *mountinfo, struct error *err)
{
	cleanup_file FILE *file = fopen(mountinfo, "re");
	int r;

	if (!file)
		return error_sys(err, "cannot open %s", mountinfo);
	r = scan(tree, file, true, err);
	if (r < 0)
		return r;
	if (tree->n == 0)
		return error_refuse(err, ERROR_UNSUPPORTED,
			"this host has no cgroup v2 hierarchy mounted (mount -t cgroup2 none "
			"/sys/fs/cgroup, or /sys/fs/cgroup/unified beside v1)");
	rewind(file);
	return scan(tree, file, false, err);
}

const struct cgroup_hierarchy *cgroup_hierarchy_v1(
	const struct cgroup_tree *tree, const char *controller)
{
	for (size_t i = 1; i < tree->n; i++)
		if (control_has_word(tree->hierarchies[i].controllers, controller))
			return &tree->hierarchies[i];
	return NULL;
}

int cgroup_hierarchy_path(
	const struct cgroup_tree *tree, const char *name, char **ret, struct error *err)
{
	if (!name_valid(name))
		return error_set(err, EINVAL, "not the name of a VE");
	if (asprintf(ret, "%s/ve/%s", tree->parent, name) < 0)
		return error_memory(err);
	return 0;
}

int cgroup_hierarchy_open_ve(const struct cgroup_tree *tree,
	const struct cgroup_hierarchy *hierarchy, const char *name, struct error *err)
{
	cleanup_free char *path = NULL;
	int r = cgroup_hierarchy_path(tree, name, &path, err), fd;

	if (r < 0)
		return r;
	fd = openat(hierarchy->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return error_refuse(err, ERROR_NOT_FOUND, "VE %s has no cgroup", name);
	return error_sys(err, "cannot open cgroup %s", path);
}

int cgroup_hierarchy_enable(int dir_fd)
{
	cleanup_free char *have = NULL, *enabled = NULL;
	int r = control_read_text(dir_fd, "cgroup.controllers", &have), first = 0;

	if (r == 0)
		r = control_read_text(dir_fd, "cgroup.subtree_control", &enabled);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		char word[16]; /* '+' and a row of `needed` */
		struct error ignored;

		if (!control_has_word(have, needed[i]) || control_has_word(enabled, needed[i]))
			continue;
		/* One by one: the kernel takes a line as a whole or not at all. */
		snprintf(word, sizeof(word), "+%s", needed[i]);
		r = file_write_control(dir_fd, "cgroup.subtree_control", word, &ignored);
		if (r == -EBUSY)
			return r;
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int cgroup_delegate(const struct cgroup_tree *tree, int dir_fd, uid_t owner, struct error *err)
{
	cleanup_free char *names = strdup(tree->delegate);
	char *rest = names, *file;

	if (!names)
		return error_memory(err);
	while ((file = strsep(&rest, "\n"))) {
		if (!*file ||
			strchr(file, '/')) /* one directory's files, whatever the text holds */
			continue;
		if (fchownat(dir_fd, file, owner, owner, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno != ENOENT) /* a controller that is not here */
			return error_sys(err, "cannot give cgroup file %s to id %u", file, owner);
	}
	if (fchmod(dir_fd, 0755) < 0) /* whatever our umask: the guest's users look in here */
		return error_sys(err, "cannot set the mode of a cgroup");
	if (fchown(dir_fd, owner, owner) < 0)
		return error_sys(err, "cannot give a cgroup to id %u", owner);
	return 0;
}
