/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tree.h - the cgroup hierarchies of this host, and one parent of ours in each.
 *
 *   <hierarchy>/<parent>/daemon           the daemon's own processes (v2 only)
 *   <hierarchy>/<parent>/ve/<name>        one VE; carries the limits, out of its sight
 *   <v2>/<parent>/ve/<name>/guest         the root that the guest's init owns
 *
 * On a pure v2 host there is one hierarchy. On a hybrid host (controllers on v1, the v2 tree beside
 * them) a VE has a cgroup in v2 and one in every mounted v1 hierarchy, named ones included, so that
 * nothing of the host shows through a v1 mount; limits go where the kernel has bound the
 * controller.
 */
#pragma once

#include <stdbool.h>

struct error;
struct cgroup_tree;

/* Finds the mounted hierarchies (from /proc/self/mountinfo) and remembers the parent's path in
 * each, e.g. "/vessel-demo". Creates nothing. No v2 hierarchy is ERROR_UNSUPPORTED. */
int cgroup_tree_open(const char *parent_path, struct cgroup_tree **ret, struct error *err);
void cgroup_tree_free(struct cgroup_tree *tree);

/* Creates the parent with daemon/ and ve/ in each hierarchy, enables every controller that a limit
 * needs down to ve/, prepares v1 cpuset for children. Idempotent. */
int cgroup_tree_prepare(struct cgroup_tree *tree, struct error *err);

/* Moves the calling process into daemon/ of v2 (and the parent's own cgroup of each v1). */
int cgroup_tree_enter_daemon(struct cgroup_tree *tree, struct error *err);

/* Removes what prepare made; what is still in use is left and is no error. */
void cgroup_tree_remove(struct cgroup_tree *tree);

/* True if `controller` ("memory", "cpu", "pids") can be used for VEs; *ret_v2 tells where. */
bool cgroup_tree_controller(const struct cgroup_tree *tree, const char *controller, bool *ret_v2);

/* The path of a VE's cgroup as seen from the v2 root, "/vessel-demo/ve/web1"; caller frees. */
char *cgroup_tree_path(const struct cgroup_tree *tree, const char *name);

/* Names of all VEs that have a cgroup in any hierarchy: for recovery. Caller frees each and the
 * list; returns their number. */
int cgroup_tree_list(const struct cgroup_tree *tree, char ***ret_names, struct error *err);
