/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * group.h - the cgroup of one VE in every hierarchy: made, joined, frozen, killed, removed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cgroup/tree.h"

#define CGROUP_HIERARCHIES_MAX 16

/* Descriptors with which a process enters a VE's cgroups. */
struct cgroup_join {
	int v2_fd; /* directory to clone into: guest/ for init, a leaf of its own for exec */
	int v1_tasks_fds[CGROUP_HIERARCHIES_MAX]; /* open `tasks` files: write "0" from inside */
	size_t n_v1;
};

/* Makes the VE's cgroups everywhere; guest/ and the files that /sys/kernel/cgroup/delegate names
 * are given to owner (uid and gid). Attaches the device program (device.h) to ve/<name>.
 * Idempotent: an empty left-over of the same name is removed first. */
int cgroup_create(struct cgroup_tree *tree, const char *name, uid_t owner, struct error *err);

/* Removes the VE's cgroups, everything below guest/ included. Absent is no error; waits up to a
 * second for dying processes; -EBUSY while live processes remain. */
int cgroup_remove(struct cgroup_tree *tree, const char *name, struct error *err);

/* For init: v2_fd is guest/. */
int cgroup_open_init(
	struct cgroup_tree *tree, const char *name, struct cgroup_join *ret, struct error *err);

/* For exec: v2_fd is the leaf guest/.vessel, owned by the VE, and made anew if that has removed it.
 * A guest whose systemd has enabled controllers in its root refuses further processes there
 * (EBUSY), and one that is about to could not, while a program of ours stood there. Only a guest
 * that has made threaded cgroups, beside which no leaf takes a process, or that has removed the
 * leaf and made as many cgroups as it may, gets them into guest/ itself. */
int cgroup_open_exec(struct cgroup_tree *tree, const char *name, uid_t owner,
	struct cgroup_join *ret, struct error *err);

/* Opens ve/<name>/host, made anew if it is not there: for what works for the VE without being in
 * it. Out of its sight, so that its root can neither freeze it nor stand in its way, and ended with
 * the VE. The descriptor is the caller's. */
int cgroup_open_host(struct cgroup_tree *tree, const char *name, struct error *err);

/* Called by the process itself, after clone3(CLONE_INTO_CGROUP) and before
 * unshare(CLONE_NEWCGROUP): enters each v1 cgroup. 0 or -errno; raises no error text (it may run
 * between clone and exec). */
int cgroup_join_v1(const struct cgroup_join *join);
void cgroup_join_done(struct cgroup_join *join);

/* cgroup.kill of ve/<name> (Linux 5.14). Absent is no error. Afterwards the cgroup is only good for
 * removal: a newer kernel (seen on 6.18, not on 6.1) also kills whatever is cloned into it later.
 */
int cgroup_kill(struct cgroup_tree *tree, const char *name, struct error *err);

/* Writes cgroup.freeze of ve/<name> and waits until cgroup.events says so, at most 10 s. */
int cgroup_freeze(struct cgroup_tree *tree, const char *name, bool frozen, struct error *err);

/* From cgroup.events: are there live processes below ve/<name>? Absent is "no". */
int cgroup_populated(struct cgroup_tree *tree, const char *name, bool *ret, struct error *err);
int cgroup_frozen(struct cgroup_tree *tree, const char *name, bool *ret, struct error *err);

/* Opens a file of ve/<name> in v2, e.g. "cgroup.events" or "memory.events", for poll(2). */
int cgroup_open_file(
	struct cgroup_tree *tree, const char *name, const char *file, int flags, struct error *err);

/* Finds the VE whose cgroup the process is in, from the text of its /proc/PID/cgroup; the name is
 * owned by the caller, NULL if it is in none. */
int cgroup_find_name(
	const struct cgroup_tree *tree, const char *proc_cgroup, char **ret, struct error *err);
