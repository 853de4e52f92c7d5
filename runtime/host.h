/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * host.h - what every launch and join of one instance needs of this host, prepared once.
 *
 * The keeper opens it before its first job; jobs inherit it by fork. `workshop_fd` is a nearly
 * empty mount namespace (unsharing one costs 0.03 ms with 21 mounts, 1.7 ms with 1,000):
 *
 *   /        tmpfs, private
 *   /state   the state directory (jobs open layers and disks here, below a mount of their own)
 *   /proc    a whole procfs and /sys a whole sysfs, so that a user namespace may mount its own
 *   /scratch a tmpfs of each job's own: mount points, dev/ with null zero full random urandom tty
 *            fuse made by us, and what masks are made of (empty/, empty-file)
 */
#pragma once

#include <stddef.h>

#include "cgroup/tree.h"
#include "runtime/setting.h"

struct error;
struct seccomp_program; /* seccomp.h */

struct runtime_host {
	int workshop_fd; /* mount namespace, nsfs */
	int proc_fd;     /* a procfs of our own, in no one's mount table (P06) */
	struct cgroup_tree *tree;
	struct seccomp_program *seccomp;
};

/* Leaves nothing behind on failure. state_dir is an absolute path. `tree` is borrowed. */
int runtime_host_open(const char *state_dir, struct cgroup_tree *tree, struct runtime_host *ret,
	struct error *err);
void runtime_host_done(struct runtime_host *host);

/* Moves the calling process (a job) into a copy of the workshop of its own, and opens /state and
 * /scratch there. The descriptors are the caller's. */
int runtime_host_enter(
	const struct runtime_host *host, int *ret_state_fd, int *ret_scratch_fd, struct error *err);
