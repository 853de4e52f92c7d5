/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage.c - a table of counters: which file, which word, in v2 and in v1.
 *
 * v1 counts where the kernel has bound the controller there, else v2. A counter without a source,
 * or whose file this kernel does not have, is 0.
 */
#include "cgroup/usage.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup/control.h"
#include "cgroup/hierarchy.h"
#include "cgroup/subtree.h"

#define CGROUPS_MOST 256 /* a Debian at work has about 60 */
#define LOOK_MS      1000

enum {
	V1_NANOSECONDS = 1, /* v1 says in nanoseconds what v2 says in microseconds */
	V2_MAYBE_LOCAL = 2, /* see is_sum() */
};

struct usage_row {
	size_t offset; /* in struct usage */
	const char *v1_controller;
	const char *v2_file, *v2_key; /* key NULL: the file is the number */
	const char *v1_file, *v1_key; /* file NULL: not counted */
	unsigned int flags;
};

#define AT(field) offsetof(struct usage, field)

/* clang-format off */
static const struct usage_row rows[] = {
	{ AT(cpu_total_us), "cpuacct", "cpu.stat", "usage_usec", "cpuacct.usage", NULL, V1_NANOSECONDS },
	{ AT(cpu_hits), "cpu", "cpu.stat", "nr_throttled", "cpu.stat", "nr_throttled", 0 },
	{ AT(memory_used), "memory", "memory.current", NULL, "memory.usage_in_bytes", NULL, 0 },
	{ AT(memory_peak), "memory", "memory.peak", NULL, "memory.max_usage_in_bytes", NULL, 0 },
	{ AT(memory_hits), "memory", "memory.events", "oom_kill", "memory.oom_control", "oom_kill", 0 },
	{ AT(swap_used), "memory", "memory.swap.current", NULL, "memory.stat", "total_swap", 0 },
	{ AT(swap_peak), "memory", "memory.swap.peak", NULL, NULL, NULL, 0 },
	{ AT(swap_hits), "memory", "memory.swap.events", "max", NULL, NULL, 0 },
	{ AT(pids_used), "pids", "pids.current", NULL, "pids.current", NULL, 0 },
	{ AT(pids_peak), "pids", "pids.peak", NULL, "pids.peak", NULL, 0 },
	{ AT(pids_hits), "pids", "pids.events", "max", "pids.events", "max", V2_MAYBE_LOCAL },
};
/* clang-format on */

static uint64_t *field_of(struct usage *usage, const struct usage_row *row)
{
	return (uint64_t *)(void *)((char *)usage + row->offset);
}

static uint64_t read_counter(int dir_fd, const char *file, const char *key)
{
	uint64_t value = 0;

	if (!file || control_read(dir_fd, file, key, &value) < 0)
		return 0;
	return value;
}

struct sum {
	const struct usage_row *row;
	uint64_t value;
	size_t n; /* cgroups looked at */
};

/* What is to be known of hits that are a sum over the VE's cgroups. */
struct look {
	bool wanted; /* in: else they are 0 */
	bool sum;    /* out: are they one? */
	bool whole;  /* out: has every cgroup been looked at? */
};

static int sum_visit(int dir_fd, void *owner)
{
	struct sum *sum = owner;

	sum->value += read_counter(dir_fd, sum->row->v2_file, sum->row->v2_key);
	sum->n++;
	return 0;
}

/* Before Linux 6.11 a refused fork is counted in the forker's own cgroup alone, somewhere below
 * guest/; since then also further up, and "pids.events.local" is there for the old meaning. */
static bool is_sum(int ve_fd, const struct usage_row *row)
{
	return row->flags & V2_MAYBE_LOCAL && !control_exists(ve_fd, "pids.events.local");
}

static uint64_t read_v2(int ve_fd, const struct usage_row *row, struct look *look)
{
	struct sum sum = { .row = row };
	int r;

	if (!is_sum(ve_fd, row))
		return read_counter(ve_fd, row->v2_file, row->v2_key);
	look->sum = true;
	if (!look->wanted)
		return 0;
	/* A guest at work changes it under us. */
	r = subtree_visit(ve_fd, CGROUPS_MOST, sum_visit, &sum);
	look->whole = r == 0 && sum.n < CGROUPS_MOST;
	return sum.value;
}

static uint64_t read_v1(int ve_fd, const struct usage_row *row)
{
	uint64_t value = read_counter(ve_fd, row->v1_file, row->v1_key);

	return row->flags & V1_NANOSECONDS ? value / 1000 : value;
}

static uint64_t at_least(uint64_t peak, uint64_t used)
{
	return peak > used ? peak : used;
}

static int read_all(struct cgroup_tree *tree, const char *name, struct look *look,
	struct usage *ret, struct error *err)
{
	cleanup_close int v2_fd = cgroup_hierarchy_open_ve(tree, &tree->hierarchies[0], name, err);
	struct usage usage = { 0 };

	if (v2_fd < 0)
		return v2_fd;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct usage_row *row = &rows[i];
		const struct cgroup_hierarchy *v1 = cgroup_hierarchy_v1(tree, row->v1_controller);
		cleanup_close int v1_fd = -1;

		if (v1)
			v1_fd = cgroup_hierarchy_open_ve(tree, v1, name, err);
		if (v1 && v1_fd < 0)
			return v1_fd;
		*field_of(&usage, row) = v1 ? read_v1(v1_fd, row) : read_v2(v2_fd, row, look);
	}
	usage.memory_peak = at_least(usage.memory_peak, usage.memory_used);
	usage.swap_peak = at_least(usage.swap_peak, usage.swap_used);
	usage.pids_peak = at_least(usage.pids_peak, usage.pids_used);
	*ret = usage;
	return 0;
}

int usage_read(struct cgroup_tree *tree, const char *name, struct usage *ret, struct error *err)
{
	struct look look = { .wanted = true };

	return read_all(tree, name, &look, ret, err);
}

/* A whole sum that has grown has grown by hits; one that has shrunk says nothing of what was lost.
 * One that is not whole says nothing: which cgroups are in it is the guest's choice, and one that
 * goes out of it and comes back would be counted again. */
int usage_follow(struct cgroup_tree *tree, const char *name, uint64_t now_ms,
	struct usage_memory *memory, struct usage *ret, struct error *err)
{
	struct look look = {
		.wanted = memory->looked_ms == 0 || now_ms - memory->looked_ms >= LOOK_MS,
	};
	struct usage usage;
	int r = read_all(tree, name, &look, &usage, err);

	if (r < 0)
		return r;
	if (look.whole) {
		memory->hits += usage.pids_hits > memory->sum ? usage.pids_hits - memory->sum : 0;
		memory->sum = usage.pids_hits;
	}
	if (look.sum && look.wanted)
		memory->looked_ms = now_ms;
	if (look.sum)
		usage.pids_hits = memory->hits;
	*ret = usage;
	return 0;
}

void usage_add(struct usage *sum, const struct usage *add)
{
	sum->cpu_total_us += add->cpu_total_us;
	sum->cpu_hits += add->cpu_hits;
	sum->memory_used = add->memory_used;
	sum->memory_peak = at_least(sum->memory_peak, add->memory_peak);
	sum->memory_hits += add->memory_hits;
	sum->swap_used = add->swap_used;
	sum->swap_peak = at_least(sum->swap_peak, add->swap_peak);
	sum->swap_hits += add->swap_hits;
	sum->pids_used = add->pids_used;
	sum->pids_peak = at_least(sum->pids_peak, add->pids_peak);
	sum->pids_hits += add->pids_hits;
}
