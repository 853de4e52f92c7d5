/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage.h - what a VE uses, has used at most or in total, and how often it hit a limit.
 */
#pragma once

#include <stdint.h>

#include "cgroup/limit.h"

struct usage {
	uint64_t cpu_total_us;             /* CPU time in microseconds since the cgroup was made */
	uint64_t cpu_hits;                 /* periods in which the VE was throttled */
	uint64_t memory_used, memory_peak; /* bytes */
	uint64_t memory_hits;              /* OOM kills, as the kernel counts them (oom_kill) */
	uint64_t swap_used, swap_peak, swap_hits;
	uint64_t pids_used, pids_peak, pids_hits; /* hits: forks refused */
};

/* Reads everything this host offers; what it does not offer is 0. A peak that the kernel does not
 * keep (memory.peak is 5.19, pids.peak 6.6) is the present use. */
int usage_read(struct cgroup_tree *tree, const char *name, struct usage *ret, struct error *err);

/* Before Linux 6.11 a refused fork is counted in the forker's own cgroup alone: pids_hits is then a
 * sum over the VE's cgroups, from which those that the guest removes vanish. The sum is bounded
 * (how many there are is the guest's choice, and each costs up to 50 us): what is beyond the first
 * 256 is not counted. */

/* What has been seen of one run; begins as zeros. */
struct usage_memory {
	uint64_t looked_ms;
	uint64_t sum;  /* of the cgroups that were there */
	uint64_t hits; /* as told */
};

/* usage_read() with pids_hits that never fall, for as long as the memory lasts: what a cgroup
 * counted after it was last looked at is lost with it. Where they are a sum it is made at most once
 * a second: so many VEs may be asked for at once. While a VE has more cgroups than are looked at,
 * they stand still: a guest could have the same hits counted again and again. What is refused in
 * that time is counted once the cgroups are fewer, where theirs are still there. now_ms is of any
 * clock that does not go back. */
int usage_follow(struct cgroup_tree *tree, const char *name, uint64_t now_ms,
	struct usage_memory *memory, struct usage *ret, struct error *err);

/* sum += add for totals and hits, max for peaks; `used` values are taken from add. For counters
 * that go on over restarts. */
void usage_add(struct usage *sum, const struct usage *add);
