/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * launch.h - from a record to a running init: runs in a job, which ends when init has been
 * executed.
 *
 *   job                                     child (all seven namespaces, VE's base as creator)
 *    | cgroups, limits, device program
 *    | clone3(INTO_CGROUP, PIDFD)  --------->| waits
 *    | uid_map, gid_map
 *    | network(): a link into its network namespace
 *    | overlay over idmapped layers
 *    | hosts, hostname, machine-id, resolv.conf
 *    |--- overlay fd ----------------------->| v1 cgroups, unshare(CGROUP), mounts, pivot_root,
 *    |<-- console master, notify socket -----| devpts, console, loopback, hostname
 *    | registered(): the keeper knows
 *    |--- go ------------------------------->| capabilities, seccomp, keyring, exec
 *    |<-- end of file, or an error ----------|
 *
 * End of file without "go" means exit: a killed job leaves no init behind. What else it leaves are
 * cgroups and what network() made on the host, which whoever hears of its end takes away; all else
 * dies with it.
 */
#pragma once

#include <sys/types.h>

#include "base/step.h"
#include "runtime/config.h"
#include "runtime/host.h"
#include "runtime/resolver.h"

/* How a guest wants to be asked to stop, found from its init. */
enum stop_way {
	STOP_BY_FORCE, /* a program that does not catch SIGTERM: nothing to ask (asked at stop time)
			*/
	STOP_SYSTEMD,  /* SIGRTMIN+3 */
	STOP_SYSVINIT, /* exec of the guest's own `/sbin/init 0` */
	STOP_OPENRC,   /* exec of `openrc-shutdown -p now` */
	STOP_RUNIT,    /* exec of `runit-init 0` */
	STOP_BUSYBOX,  /* SIGUSR2 */
	STOP_PROGRAM,  /* SIGTERM */
	STOP_WAYS,
};

struct launched {
	pid_t pid;
	int pidfd;      /* all three owned by the caller after success */
	int console_fd; /* pty master; -1 for a helper run */
	int notify_fd;  /* datagram socket bound at /run/host/notify inside; -1 for a helper run */
	enum stop_way stop_way;
};

/* Called with the child set up and waiting; 0 lets it go, an error undoes the start. */
typedef int launch_registered_fn(const struct launched *launched, void *data, struct error *err);

/* Called with the child's network namespace, in which there is only lo, before anything runs in it;
 * launch.network_undo takes back what it did or half did. */
typedef int launch_network_fn(int netns_fd, void *data, struct error *err);

struct launch {
	const struct runtime_host *host;
	const char *name;
	const struct ve_config *config;
	int state_fd; /* below the job's own mount namespace (runtime_host_enter) */
	int scratch_fd;
	const struct resolvers *resolvers; /* of the host; NULL: none */
	launch_network_fn *network;        /* may be NULL, and then so is the other */
	void (*network_undo)(void *data);
	/* A helper run (password, ssh key in a stopped VE): this program in place of init, with
	 * these descriptors as 0, 1, 2; no console, no readiness. argv NULL: the VE's own init. */
	char *const *argv;
	int stdio_fds[3];
	launch_registered_fn *registered;
	step_before_fn
		*step; /* may be NULL; before each of launch_steps: the hook of fault tests */
	void *data;
};

/* Starts the VE. On failure all steps are undone and the error says which failed. */
int launch_run(const struct launch *launch, struct launched *ret, struct error *err);

extern const struct step launch_steps[]; /* their names are for tests and --hold */
extern const size_t launch_steps_count;
