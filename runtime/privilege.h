/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * privilege.h - what a process has when it becomes a VE's: one table for init and for what joins.
 */
#pragma once

#include <sys/types.h>

struct error;

/* Before the user namespace exists: oom_score_adj 0 (through proc_fd), the rlimits that become the
 * namespace's ceiling (msgqueue, sigpending, memlock) and those that a VE starts with. A hard limit
 * that cannot be raised without CAP_SYS_RESOURCE is left as it is. */
int privilege_set_ceiling(int proc_fd, struct error *err);

/* Inside, as the VE's root: drops the capabilities that only ever reach the host from all sets and
 * the bounding set, empties inheritable and ambient, joins a new session keyring. */
int privilege_drop(struct error *err);

/* Sets or restores the effective uid with capabilities kept effective (seteuid lowers them), and
 * PDEATHSIG and dumpable as they were. */
int privilege_set_creator(uid_t euid, gid_t egid, struct error *err);

/* Sets the ids that files are looked up, made and owned with (setfsuid), and keeps PDEATHSIG and
 * dumpable. From 0 to another id the capabilities over files go, and come back with 0. */
int privilege_set_file_ids(uid_t uid, gid_t gid, struct error *err);
