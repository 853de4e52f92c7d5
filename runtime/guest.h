/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * guest.h - the child's side of a launch: from the clone to the exec of a VE's init.
 */
#pragma once

#include <stdint.h>

#include "cgroup/group.h"
#include "runtime/config.h"

struct seccomp_program;

struct guest {
	int channel_fd; /* the child's end; the job's is closed by guest_run */
	int job_channel_fd;
	const struct cgroup_join *cgroup;
	const struct ve_config *config;
	const char *hostname;
	const struct seccomp_program *seccomp;
	char *const *argv; /* a helper in place of init, or NULL */
	int stdio_fds[3];  /* for a helper */
	int notify_fd;     /* an unbound datagram socket; -1 for a helper */
};

/* Runs in the child of clone3 with all seven namespaces but the cgroup one. Failures travel up the
 * channel. */
_Noreturn void guest_run(const struct guest *guest);
