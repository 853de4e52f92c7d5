/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * group.c - the cgroups of one VE: made in every hierarchy, entered, removed.
 *
 * What a VE's processes are charged to and held by is ve/<name>; what the VE sees as its root and
 * may write in is guest/ below it, in v2 only. In v1 a VE gets ve/<name> and owns nothing of it.
 */
#include "cgroup/group.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parse.h"
#include "cgroup/control.h"
#include "cgroup/device.h"
#include "cgroup/hierarchy.h"
#include "cgroup/subtree.h"

#define EXEC_LEAF       "guest/.vessel"
#define HOST_LEAF       "host"
#define DYING_MS        1000
#define REMOVE_PAUSE_MS 2

static int make_guest(
	struct cgroup_tree *tree, int ve_fd, const char *leaf, uid_t owner, struct error *err)
{
	cleanup_close int fd = -1;

	if (mkdirat(ve_fd, leaf, 0755) < 0 && errno != EEXIST)
		return error_sys(err, "cannot make cgroup %s", leaf);
	fd = file_open_dir(ve_fd, leaf, err);
	if (fd < 0)
		return fd;
	return cgroup_delegate(tree, fd, owner, err);
}

static int attach_devices(struct cgroup_tree *tree, int ve_fd, struct error *err)
{
	if (tree->device_fd < 0) {
		int fd = device_program_load(err);

		if (fd < 0)
			return fd;
		tree->device_fd = fd;
	}
	return device_program_attach(tree->device_fd, ve_fd, err);
}

/* The kernel has 65,535 memory cgroups for the whole host: a VE without a bound takes them all with
 * mkdir. A Debian at work has about 60, a user's session adds 6, nesting 6 levels. */
static int bound_tree(int ve_fd, struct error *err)
{
	static const struct {
		const char *file, *value;
	} bounds[] = {
		{ "cgroup.max.descendants", "2048" },
		{ "cgroup.max.depth", "32" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		int r = file_write_control(ve_fd, bounds[i].file, bounds[i].value, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int make_host(int ve_fd, const char *name, struct error *err)
{
	if (mkdirat(ve_fd, HOST_LEAF, 0755) < 0 && errno != EEXIST)
		return error_sys(err, "cannot make cgroup %s of VE %s", HOST_LEAF, name);
	return 0;
}

/* Everything that must be in place before the first process; the leaves too, which count against
 * the bound: a guest that has used it up would keep us from making them. */
static int furnish_v2(struct cgroup_tree *tree, const char *name, uid_t owner, struct error *err)
{
	cleanup_close int ve_fd = cgroup_hierarchy_open_ve(tree, &tree->hierarchies[0], name, err);
	int r;

	if (ve_fd < 0)
		return ve_fd;
	r = attach_devices(tree, ve_fd, err);
	if (r == 0)
		r = bound_tree(ve_fd, err);
	if (r < 0)
		return r;
	r = cgroup_hierarchy_enable(ve_fd);
	if (r < 0)
		return error_set(err, -r, "cannot hand controllers down to the guest");
	r = make_guest(tree, ve_fd, "guest", owner, err);
	if (r == 0)
		r = make_guest(tree, ve_fd, EXEC_LEAF, owner, err);
	return r < 0 ? r : make_host(ve_fd, name, err);
}

/* mkdir everywhere; -EEXIST at the first left-over. */
static int make_everywhere(struct cgroup_tree *tree, const char *path, struct error *err)
{
	for (size_t i = 0; i < tree->n; i++)
		if (mkdirat(tree->hierarchies[i].root_fd, path, 0755) < 0)
			return error_sys(err, "cannot make cgroup %s", path);
	return 0;
}

int cgroup_create(struct cgroup_tree *tree, const char *name, uid_t owner, struct error *err)
{
	cleanup_free char *path = NULL;
	struct error ignored;
	int r = cgroup_hierarchy_path(tree, name, &path, err);

	if (r < 0)
		return r;
	r = make_everywhere(tree, path, err);
	if (r == -EEXIST) {
		r = cgroup_remove(tree, name, err);
		if (r < 0)
			return error_wrap(err, "an older cgroup is in the way");
		r = make_everywhere(tree, path, err);
	}
	if (r == 0)
		r = furnish_v2(tree, name, owner, err);
	if (r < 0)
		(void)cgroup_remove(
			tree, name, &ignored); /* the first failure is the one to tell */
	return r;
}

/* One attempt to remove ve/<name> from one hierarchy. */
static int remove_once(int root_fd, const char *path)
{
	cleanup_close int fd = -1;
	int r;

	if (unlinkat(root_fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = subtree_remove(fd);
	if (r < 0)
		return r;
	return unlinkat(root_fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* In v1 a task leaves its cgroup a little after v2 has stopped counting it. */
static int remove_patiently(int root_fd, const char *path)
{
	int r = remove_once(root_fd, path);

	for (int i = 0; r == -EBUSY && i < DYING_MS / REMOVE_PAUSE_MS; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = REMOVE_PAUSE_MS * 1000000L }, NULL);
		r = remove_once(root_fd, path);
	}
	return r;
}

static int refuse_alive(const char *name, struct error *err)
{
	return error_refuse(err, ERROR_STATE, "processes of VE %s are still alive", name);
}

int cgroup_remove(struct cgroup_tree *tree, const char *name, struct error *err)
{
	cleanup_free char *path = NULL;
	int r = cgroup_hierarchy_path(tree, name, &path, err);

	if (r < 0)
		return r;
	/* Looked at first, so that a VE that lives does not lose its empty cgroups. */
	r = cgroup_event_wait(tree, name, "populated", 0, DYING_MS);
	if (r == -ETIMEDOUT)
		return refuse_alive(name, err);
	/* v2 last: it says that there is a VE to clean up after. */
	for (size_t i = tree->n; i-- > 0;) {
		r = remove_patiently(tree->hierarchies[i].root_fd, path);
		if (r == -EBUSY)
			return refuse_alive(name, err);
		if (r < 0)
			return error_set(err, -r, "cannot remove cgroup %s", path);
	}
	return 0;
}

/* Opens the `tasks` file of ve/<name> in every v1 hierarchy. */
static int open_v1(const struct cgroup_tree *tree, const char *name, struct cgroup_join *join,
	struct error *err)
{
	for (size_t i = 1; i < tree->n; i++) {
		cleanup_close int ve_fd =
			cgroup_hierarchy_open_ve(tree, &tree->hierarchies[i], name, err);
		int fd;

		if (ve_fd < 0)
			return ve_fd;
		fd = openat(ve_fd, "tasks", O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return error_sys(err, "cannot open tasks of VE %s", name);
		join->v1_tasks_fds[join->n_v1++] = fd;
	}
	return 0;
}

/* Fills a join whose v2 directory is the leaf named. */
static int open_join(const struct cgroup_tree *tree, const char *name, int ve_fd, const char *leaf,
	struct cgroup_join *ret, struct error *err)
{
	struct cgroup_join join = { .v2_fd = file_open_dir(ve_fd, leaf, err) };
	int r = join.v2_fd < 0 ? join.v2_fd : open_v1(tree, name, &join, err);

	if (r < 0) {
		cgroup_join_done(&join);
		return r;
	}
	*ret = join;
	return 0;
}

int cgroup_open_init(
	struct cgroup_tree *tree, const char *name, struct cgroup_join *ret, struct error *err)
{
	cleanup_close int ve_fd = cgroup_hierarchy_open_ve(tree, &tree->hierarchies[0], name, err);

	return ve_fd < 0 ? ve_fd : open_join(tree, name, ve_fd, "guest", ret, err);
}

int cgroup_open_exec(struct cgroup_tree *tree, const char *name, uid_t owner,
	struct cgroup_join *ret, struct error *err)
{
	cleanup_close int ve_fd = cgroup_hierarchy_open_ve(tree, &tree->hierarchies[0], name, err);
	cleanup_free char *type = NULL;
	int r;

	if (ve_fd < 0)
		return ve_fd;
	r = make_guest(tree, ve_fd, EXEC_LEAF, owner, err);
	if (r == -EAGAIN) { /* the guest has removed it and used up the bound */
		*err = (struct error){ 0 };
		return open_join(tree, name, ve_fd, "guest", ret, err);
	}
	if (r < 0)
		return r;
	/* A guest's threads are not worth a refusal: the kernel's answer would be EOPNOTSUPP. */
	if (control_read_text(ve_fd, EXEC_LEAF "/cgroup.type", &type) == 0 &&
		strcmp(type, "domain invalid\n") == 0)
		return open_join(tree, name, ve_fd, "guest", ret, err);
	return open_join(tree, name, ve_fd, EXEC_LEAF, ret, err);
}

int cgroup_open_host(struct cgroup_tree *tree, const char *name, struct error *err)
{
	cleanup_close int ve_fd = cgroup_hierarchy_open_ve(tree, &tree->hierarchies[0], name, err);
	int r = ve_fd < 0 ? ve_fd : make_host(ve_fd, name, err);

	return r < 0 ? r : file_open_dir(ve_fd, HOST_LEAF, err);
}

int cgroup_join_v1(const struct cgroup_join *join)
{
	for (size_t i = 0; i < join->n_v1; i++)
		if (write(join->v1_tasks_fds[i], "0", 1) != 1)
			return -errno;
	return 0;
}

void cgroup_join_done(struct cgroup_join *join)
{
	for (size_t i = 0; i < join->n_v1; i++)
		close_fd(&join->v1_tasks_fds[i]);
	join->n_v1 = 0;
	close_fd(&join->v2_fd);
}

int cgroup_find_name(
	const struct cgroup_tree *tree, const char *proc_cgroup, char **ret, struct error *err)
{
	cleanup_free char *prefix = NULL, *name = NULL;
	const char *at;

	if (asprintf(&prefix, "0::/%s/ve/", tree->parent) < 0)
		return error_memory(err);
	at = strncmp(proc_cgroup, "0::", 3) == 0 ? proc_cgroup : strstr(proc_cgroup, "\n0::");
	if (at && *at == '\n')
		at++;
	*ret = NULL;
	if (!at || strncmp(at, prefix, strlen(prefix)) != 0)
		return 0;
	at += strlen(prefix);
	name = strndup(at, strcspn(at, "/ \n")); /* " (deleted)" may follow */
	if (!name)
		return error_memory(err);
	if (name_valid(name))
		*ret = take_ptr(&name);
	return 0;
}
