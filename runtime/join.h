/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * join.h - a process enters a running VE: exec, enter, and the guest's own tools.
 *
 *   job J -- clone3(INTO_CGROUP) --> C: v1 cgroups, oom_score_adj, rlimits, setns(pidfd, all seven)
 *                                     |-- fork --> D: in the VE's pid namespace; keyring, user,
 *                                                  capabilities, seccomp, terminal, exec
 *                                     |            |   waits for go
 *     registered(): the keeper knows --- go ------>'   exec
 * End of file without go means exit: a killed job leaves no program behind that nobody knows.
 *
 * C and D are not dumpable and hold no descriptor of the host but the session's own three (P01,
 * P03). C ends at once, so D becomes the keeper's child. Users and groups are looked up by D in the
 * VE's /etc/passwd and /etc/group with a parser of our own: nothing of the VE is interpreted with
 * host privilege (P07).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/config.h"
#include "runtime/host.h"

#define JOIN_SECONDS    30
#define CONSOLE_SECONDS 10

struct joined {
	pid_t pid;
	/* After a failure: of what may still be inside, or -1. It does not hear of the channel's
	 * end where the VE keeps it, and is to be killed when the reason has been told. */
	int pidfd;
	int terminal_fd; /* pty master, or -1 */
	/* After a failure: the process inside ends when this is closed, so that its end is heard of
	 * after the reason. -1 after success, or without such a process. */
	int channel_fd;
};

/* Called with the process inside known and held back; an error ends it. The terminal is not there
 * yet. */
typedef int join_registered_fn(const struct joined *joined, void *data, struct error *err);

struct join {
	const struct runtime_host *host;
	const char *name;
	const struct ve_config *config;
	int init_pidfd;    /* proved to be this VE's init by the caller */
	char *const *argv; /* NULL: the login shell of `user` ("enter") */
	char *const *env;  /* K=V added to the clean environment; may be NULL */
	const char *user;  /* name, uid or uid:gid as the VE knows it; NULL is root */
	const char *cwd;   /* NULL: the user's home, or / */
	const char *term;  /* TERM for a terminal session; may be NULL */
	bool terminal;     /* a pty of the VE's own devpts as 0, 1, 2 */
	unsigned short rows, columns;
	int stdio_fds[3]; /* without terminal: borrowed; a tty is refused (P19) */
	join_registered_fn *registered;
	void *data;
};

/* Returns when the program has been executed, or the VE has kept it from that for JOIN_SECONDS: by
 * a frozen cgroup, or a file system that does not answer. An error of the exec itself has code
 * ENOENT (127) or another errno (126 where *ret_exec is set true): *ret_exec tells that it was the
 * exec. */
int join_run(const struct join *join, struct joined *ret, bool *ret_exec, struct error *err);

/* A helper for the keeper's successor: gives a running VE a new console pty in place of one whose
 * master died with the keeper, over /dev/console in its mount namespace. What walks there ends with
 * the caller, with the VE, and after CONSOLE_SECONDS. */
int join_replace_console(const struct runtime_host *host, const char *name, int init_pidfd,
	int *ret_master_fd, struct error *err);
