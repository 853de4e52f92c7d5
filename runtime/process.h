/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * process.h - from a clone to an exec with nothing of the host about it.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct error;

/* clone3 as fork does it, into a cgroup (cgroup_fd, or -1). Returns 0 in the child, the pid with an
 * owned *ret_pidfd in the parent. */
pid_t process_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct error *err);

/* Kills and reaps a child; -1 is allowed. */
void process_end(int pidfd);

/* Kills a process whose end may be the VE's to hold up: for ever, where its file system is a FUSE
 * that does not answer. -1 is allowed. */
void process_kill(int pidfd);

/* For a child: SIGKILL when its parent, `parent`, ends. A change of ids forgets it (prctl(2)). */
int process_end_with(pid_t parent, struct error *err);

/* All ids to 0 as the user namespace sees them, no supplementary groups; not dumpable. */
int process_become_root(struct error *err);

/* Puts the three descriptors (borrowed) at 0, 1 and 2. */
int process_set_stdio(const int fds[3], struct error *err);

/* Default signal handling, umask 022, every descriptor above 2 to be closed by exec. */
int process_reset(struct error *err);

/* Executes `program`, looked up in the PATH of env if it holds no slash. Only returns on failure:
 * "cannot execute x: ENOENT". */
int process_exec(const char *program, char *const *argv, char *const *env, struct error *err);
