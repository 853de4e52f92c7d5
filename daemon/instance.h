/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance.h - one vesseld and all that is its own: paths, cgroup, ids.
 *
 * From /etc/vessel[-NAME]/vessel.json (optional) and the command line, which wins. Keeper and
 * manager read it the same way; the cgroup path in use is kept in the run directory and reused.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "cgroup/tree.h"

struct error;

struct instance {
	char *name; /* "" for the system's instance */
	char *state_dir, *run_dir; /* absolute */
	char *cgroup; /* "/vessel-demo" */
	uid_t first_id;   /* of the range that VEs get their 65,536 from */
	uint32_t id_blocks; /* how many such blocks */
	uint32_t jobs; /* at most this many at once; 4 per CPU by default */
	char *hold; /* test hook: jobs stop themselves (SIGSTOP) before the step of this name */
	int state_fd, run_fd;
};

enum vesseld_role { ROLE_BOTH, ROLE_KEEPER, ROLE_MANAGER, ROLE_HELP };

/* Parses argv over the configuration file; opens and creates (0700) the directories. */
int instance_open(int argc, char **argv, struct instance *ret, enum vesseld_role *ret_role,
	struct error *err);
void instance_done(struct instance *instance);

/* Registers the id range host-wide (/run/vessel-ids/NAME, locked); an overlap with another running
 * instance is ERROR_STATE naming it. Returns the descriptor that holds the lock. */
int instance_lock_ids(const struct instance *instance, struct error *err);
