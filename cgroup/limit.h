/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * limit.h - the table of resource limits: each one's controller, v2 file and v1 file.
 *
 * A limit is written where the kernel has bound its controller. One that this host cannot enforce
 * is refused by limit_enforceable() with the reason and the remedy, never accepted and ignored.
 *
 * Values: cpus in thousandths of a CPU; cpu-weight 1..10000 (100 ordinary); memory and swap in
 * bytes; pids a number. PARSE_NONE lifts the limit. Swap is on top of memory: on v1, where the
 * kernel limits memory+swap, both are written in the order the kernel needs (raise memsw first,
 * lower it last).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cgroup/tree.h"

enum limit_id { LIMIT_CPUS, LIMIT_CPU_WEIGHT, LIMIT_MEMORY, LIMIT_SWAP, LIMIT_PIDS, LIMITS };

struct limit_values {
	uint64_t value[LIMITS];
};

const char *limit_name(enum limit_id id);

/* 0, or ERROR_UNSUPPORTED with reason and remedy (e.g. swap without memory+swap accounting). */
int limit_supported(struct cgroup_tree *tree, enum limit_id id, struct error *err);

/* The same of the value wished for beside the other values: on v1 a swap limit needs one of memory.
 * none asks for nothing, but counts as unsupported where the limit is. */
int limit_enforceable(struct cgroup_tree *tree, enum limit_id id, const struct limit_values *values,
	struct error *err);

/* Writes one limit to ve/<name>, also to a VE that runs. Where the kernel refuses because what is
 * in use exceeds the new value (memory cannot be reclaimed on v1), says so. Mirrors memory.max,
 * cpu.max and pids.max of v2 into guest/ where those files exist there. */
int limit_write(struct cgroup_tree *tree, const char *name, enum limit_id id,
	const struct limit_values *values, struct error *err);

/* Writes all limits whose bit is set in `mask` (1 << id), in the order the kernel needs. */
int limit_write_all(struct cgroup_tree *tree, const char *name, unsigned int mask,
	const struct limit_values *values, struct error *err);

/* What the kernel has now, for show; unset is PARSE_NONE. */
int limit_read(struct cgroup_tree *tree, const char *name, enum limit_id id, uint64_t *ret,
	struct error *err);
