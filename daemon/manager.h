/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * manager.h - the process that serves the sockets, and may die at any instruction.
 */
#pragma once

struct error;
struct instance;

/* What SIGHUP executes in our place. */
struct manager_program {
	const char *path;
	char **argv;
};

/* Runs until it is told to end (0), or until the keeper hangs up. keeper_fd is a connected,
 * non-blocking SOCK_SEQPACKET to the keeper (protocol.h), owned by the manager from here on. The
 * keeper has prepared the cgroups; instance->cgroup is the path in use. */
int manager_run(struct instance *instance, const struct manager_program *program, int keeper_fd,
	struct error *err);
