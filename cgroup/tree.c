/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tree.c - our parent cgroup in every hierarchy: made, entered, listed, removed.
 *
 * In v2 a cgroup that hands controllers down may hold no processes itself (the no-internal-process
 * rule, cgroups(7)); that is why the daemon lives in a leaf, daemon/, beside ve/. In v1 there is no
 * such rule, but a cpuset refuses processes until it has CPUs and memory nodes of its own.
 */
#include "cgroup/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/parse.h"
#include "cgroup/control.h"
#include "cgroup/device.h"
#include "cgroup/hierarchy.h"

static bool is_plain_path(const char *path)
{
	if (path[0] != '/')
		return false;
	while (*path == '/') {
		size_t n = strcspn(++path, "/");

		if (n == 0 || path[0] == '.')
			return false;
		path += n;
	}
	return true;
}

/* What v2 offers to VEs: what ve/ hands down, or while it is not there yet, what it could. */
static int read_controllers(struct cgroup_tree *tree, struct error *err)
{
	struct cgroup_hierarchy *v2 = &tree->hierarchies[0];
	cleanup_free char *handed_down = NULL, *offered = NULL, *text = NULL;

	if (asprintf(&handed_down, "%s/ve/cgroup.subtree_control", tree->parent) < 0 ||
		asprintf(&offered, "%s/cgroup.controllers", tree->parent) < 0)
		return error_memory(err);
	if (control_read_text(v2->root_fd, handed_down, &text) < 0 &&
		control_read_text(v2->root_fd, offered, &text) < 0 &&
		control_read_text(v2->root_fd, "cgroup.controllers", &text) < 0)
		return error_set(err, EIO, "cannot read the controllers of cgroup v2");
	free(v2->controllers);
	v2->controllers = take_ptr(&text);
	return 0;
}

static int tree_fill(struct cgroup_tree *tree, const char *parent_path, struct error *err)
{
	int r;

	tree->parent = strdup(parent_path + 1);
	if (!tree->parent)
		return error_memory(err);
	r = control_read_text(AT_FDCWD, "/sys/kernel/cgroup/delegate", &tree->delegate);
	if (r < 0)
		return error_set(err, -r, "cannot read what of a cgroup can be delegated");
	r = cgroup_hierarchy_scan(tree, "/proc/self/mountinfo", err);
	if (r < 0)
		return r;
	return read_controllers(tree, err);
}

int cgroup_tree_open(const char *parent_path, struct cgroup_tree **ret, struct error *err)
{
	struct cgroup_tree *tree;
	int r;

	if (!is_plain_path(parent_path))
		return error_refuse(err, ERROR_USAGE, "not a cgroup path: %s", parent_path);
	tree = calloc(1, sizeof(*tree));
	if (!tree)
		return error_memory(err);
	tree->device_fd = -1;
	r = tree_fill(tree, parent_path, err);
	if (r < 0) {
		cgroup_tree_free(tree);
		return r;
	}
	*ret = tree;
	return 0;
}

void cgroup_tree_free(struct cgroup_tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->n; i++) {
		close_fd(&tree->hierarchies[i].root_fd);
		free(tree->hierarchies[i].controllers);
	}
	close_fd(&tree->device_fd);
	free(tree->parent);
	free(tree->delegate);
	free(tree);
}

/* A new v1 cpuset is born empty; it takes what its parent has. */
static int inherit_cpuset(int parent_fd, int dir_fd, struct error *err)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (size_t i = 0; i < 2; i++) {
		cleanup_free char *mine = NULL, *above = NULL;

		if (control_read_text(dir_fd, files[i], &mine) < 0 || strcspn(mine, "\n") > 0)
			continue;
		if (control_read_text(parent_fd, files[i], &above) < 0)
			continue;
		if (file_write_control(dir_fd, files[i], above, err) < 0)
			return error_wrap(err, "cannot prepare cpuset");
	}
	return 0;
}

/* Makes one directory and gives it what its hierarchy wants of a directory that has children. */
static int make_level(const struct cgroup_hierarchy *hierarchy, int parent_fd, const char *name,
	struct error *err)
{
	cleanup_close int fd = -1;
	struct error ignored;

	if (mkdirat(parent_fd, name, 0755) < 0 && errno != EEXIST)
		return error_sys(err, "cannot make cgroup %s", name);
	fd = file_open_dir(parent_fd, name, err);
	if (fd < 0)
		return fd;
	if (hierarchy->v2)
		return take_fd(&fd);
	if (control_has_word(hierarchy->controllers, "cpuset")) {
		int r = inherit_cpuset(parent_fd, fd, err);

		if (r < 0)
			return r;
		(void)file_write_control(fd, "cgroup.clone_children", "1", &ignored);
	}
	return take_fd(&fd);
}

/* Opens the parent, making it and what is above it. */
static int make_parent(
	struct cgroup_tree *tree, const struct cgroup_hierarchy *hierarchy, struct error *err)
{
	cleanup_free char *path = strdup(tree->parent);
	cleanup_close int fd = file_open_dir(hierarchy->root_fd, ".", err);
	char *rest = path, *name;

	if (!path)
		return error_memory(err);
	while (fd >= 0 && (name = strsep(&rest, "/"))) {
		int next_fd;

		/* Above our parent others rule (systemd): what they do not let us switch on shows
		 * up in read_controllers(), and limit_supported() tells. */
		if (hierarchy->v2)
			(void)cgroup_hierarchy_enable(fd);
		next_fd = make_level(hierarchy, fd, name, err);
		close_fd(&fd);
		fd = next_fd;
	}
	return take_fd(&fd);
}

/* Moves whoever stands in the parent itself (the service's first process, before it entered
 * daemon/) out of the way of the controllers. */
static void empty_parent(int parent_fd)
{
	cleanup_free char *pids = NULL;
	char *rest, *pid;

	if (control_read_text(parent_fd, "cgroup.procs", &pids) < 0)
		return;
	rest = pids;
	while ((pid = strsep(&rest, "\n"))) {
		struct error ignored; /* it may have ended; if it stays, enabling says EBUSY */

		if (*pid)
			(void)file_write_control(parent_fd, "daemon/cgroup.procs", pid, &ignored);
	}
}

static int prepare_v2(struct cgroup_hierarchy *hierarchy, int parent_fd, struct error *err)
{
	cleanup_close int daemon_fd = make_level(hierarchy, parent_fd, "daemon", err);
	cleanup_close int ve_fd = -1;

	if (daemon_fd < 0)
		return daemon_fd;
	empty_parent(parent_fd);
	(void)cgroup_hierarchy_enable(parent_fd); /* what fails is missing in read_controllers() */
	ve_fd = make_level(hierarchy, parent_fd, "ve", err);
	if (ve_fd < 0)
		return ve_fd;
	(void)cgroup_hierarchy_enable(ve_fd);
	return 0;
}

/* Once for all VEs: the kernel takes most of a millisecond to check the program. If it refuses,
 * that is told when a VE starts. */
static void load_devices(struct cgroup_tree *tree)
{
	struct error later = { 0 };
	int fd = tree->device_fd < 0 ? device_program_load(&later) : -1;

	if (fd >= 0)
		tree->device_fd = fd;
}

int cgroup_tree_prepare(struct cgroup_tree *tree, struct error *err)
{
	int r;

	for (size_t i = 0; i < tree->n; i++) {
		struct cgroup_hierarchy *hierarchy = &tree->hierarchies[i];
		cleanup_close int parent_fd = make_parent(tree, hierarchy, err);
		cleanup_close int ve_fd = -1;

		if (parent_fd < 0)
			return error_wrap(err, "cannot prepare cgroup /%s", tree->parent);
		if (hierarchy->v2)
			r = prepare_v2(hierarchy, parent_fd, err);
		else
			r = ve_fd = make_level(hierarchy, parent_fd, "ve", err);
		if (r < 0)
			return error_wrap(err, "cannot prepare cgroup /%s", tree->parent);
	}
	r = read_controllers(tree, err);
	if (r == 0)
		load_devices(tree);
	return r;
}

int cgroup_tree_enter_daemon(struct cgroup_tree *tree, struct error *err)
{
	for (size_t i = 0; i < tree->n; i++) {
		struct cgroup_hierarchy *hierarchy = &tree->hierarchies[i];
		cleanup_free char *path = NULL;
		const char *leaf = hierarchy->v2 ? "/daemon" : "";

		if (asprintf(&path, "%s%s/cgroup.procs", tree->parent, leaf) < 0)
			return error_memory(err);
		if (file_write_control(hierarchy->root_fd, path, "0", err) < 0)
			return error_wrap(err, "cannot enter the daemon's cgroup");
	}
	return 0;
}

static void remove_level(int root_fd, const char *parent, const char *name)
{
	cleanup_free char *path = NULL;

	if (asprintf(&path, "%s/%s", parent, name) >= 0)
		(void)unlinkat(root_fd, path, AT_REMOVEDIR); /* in use: left */
}

void cgroup_tree_remove(struct cgroup_tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		int root_fd = tree->hierarchies[i].root_fd;
		cleanup_free char *path = strdup(tree->parent);
		char *slash;

		if (!path)
			return;
		remove_level(root_fd, path, "ve");
		remove_level(root_fd, path, "daemon");
		/* Upwards as far as nobody else uses it. */
		while (unlinkat(root_fd, path, AT_REMOVEDIR) == 0 && (slash = strrchr(path, '/')))
			*slash = '\0';
	}
}

bool cgroup_tree_controller(const struct cgroup_tree *tree, const char *controller, bool *ret_v2)
{
	*ret_v2 = !cgroup_hierarchy_v1(tree, controller);
	return !*ret_v2 || control_has_word(tree->hierarchies[0].controllers, controller);
}

char *cgroup_tree_path(const struct cgroup_tree *tree, const char *name)
{
	char *path;

	return asprintf(&path, "/%s/ve/%s", tree->parent, name) < 0 ? NULL : path;
}

/* Most VEs are found once in each hierarchy. */
static int list_hierarchy(
	const struct cgroup_tree *tree, int root_fd, struct names *names, struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int r = 0;

	if (asprintf(&path, "%s/ve", tree->parent) < 0) {
		path = NULL;
		return error_memory(err);
	}
	fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, "cannot open %s", path);
	dir = fdopendir(fd);
	if (!dir)
		return error_sys(err, "cannot read %s", path);
	(void)take_fd(&fd);
	while (errno = 0, r == 0 && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && name_valid(entry->d_name))
			r = names_add(names, entry->d_name, err);
	if (r == 0 && errno)
		return error_sys(err, "cannot read %s", path);
	return r;
}

int cgroup_tree_list(const struct cgroup_tree *tree, char ***ret_names, struct error *err)
{
	cleanup_names struct names names = { 0 };
	int n;

	for (size_t i = 0; i < tree->n; i++)
		if (list_hierarchy(tree, tree->hierarchies[i].root_fd, &names, err) < 0)
			return error_wrap(err, "cannot list the cgroups of VEs");
	names_sort(&names);
	*ret_names = names.list;
	n = (int)names.n;
	names = (struct names){ 0 }; /* the caller's now */
	return n;
}
