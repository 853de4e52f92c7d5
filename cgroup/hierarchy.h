/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hierarchy.h - one mounted cgroup hierarchy, and the tree's innards for the files of this room.
 *
 * Not for other rooms: those see struct cgroup_tree as an opaque thing (tree.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/group.h"

struct cgroup_hierarchy {
	int root_fd;       /* the directory it is mounted on */
	bool v2;           /* the first of a tree, and only that */
	char *controllers; /* words: those usable for VEs (v2) or bound here (v1, "name=" included)
			    */
};

struct cgroup_tree {
	struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
	size_t n;
	char *parent;   /* below each root, without the leading slash: "vessel-demo" */
	char *delegate; /* /sys/kernel/cgroup/delegate: files that a guest's root may own */
	int device_fd;  /* the device program once it is loaded, else -1 */
};

/* What a line of mountinfo says of a cgroup mount. */
struct cgroup_mount {
	dev_t device;
	bool v2;
	char *path;
	char *options; /* the super block's: "rw,cpu,cpuacct" */
};

/* 1 and *ret (done by cgroup_mount_done), 0 if the line is no whole cgroup hierarchy, -ENOMEM. */
int cgroup_mount_parse(const char *line, struct cgroup_mount *ret);
void cgroup_mount_done(struct cgroup_mount *mount);

/* Fills tree->hierarchies from a mountinfo file, v2 first. */
int cgroup_hierarchy_scan(struct cgroup_tree *tree, const char *mountinfo, struct error *err);

/* The v1 hierarchy to which the controller is bound; NULL: v2's, or nobody's. */
const struct cgroup_hierarchy *cgroup_hierarchy_v1(
	const struct cgroup_tree *tree, const char *controller);

/* "vessel-demo/ve/web1" below a hierarchy's root, owned by the caller; refuses what is no name. */
int cgroup_hierarchy_path(
	const struct cgroup_tree *tree, const char *name, char **ret, struct error *err);

/* Opens ve/<name> of a hierarchy; -ENOENT (ERROR_NOT_FOUND) if it is not there. */
int cgroup_hierarchy_open_ve(const struct cgroup_tree *tree,
	const struct cgroup_hierarchy *hierarchy, const char *name, struct error *err);

/* Switches on in `dir_fd` those controllers that limits need and it has. 0, or the first -errno. */
int cgroup_hierarchy_enable(int dir_fd);

/* Gives the directory, and in it the files that the kernel lets one delegate, to `owner`. */
int cgroup_delegate(const struct cgroup_tree *tree, int dir_fd, uid_t owner, struct error *err);

/* Waits until ve/<name>/cgroup.events in v2 has `value` behind `key`: 0, -ETIMEDOUT or -errno;
 * -ENOENT if the VE has no cgroup. */
int cgroup_event_wait(struct cgroup_tree *tree, const char *name, const char *key, uint64_t value,
	int timeout_ms);
