/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * limit.c - the table of limits, and what reads and writes a row of it.
 *
 * A row has a place in v2 and a place in v1; which of the two counts is the kernel's choice (where
 * it has bound the controller). Most places are one number in one file; those that are more have
 * their own pair of functions in limit_place.c.
 */
#include "cgroup/limit.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "cgroup/control.h"
#include "cgroup/hierarchy.h"
#include "cgroup/limit_place.h"

struct limit_row {
	const char *name;
	const char *controller;
	struct limit_place v2, v1;
	bool mirror; /* also into guest/, for programs that size themselves by it */
};

/* clang-format off */
static const struct limit_row rows[LIMITS] = {
	[LIMIT_CPUS] = {
		"cpus", "cpu",
		{ "cpu.max",                      NULL,   place_write_cpu_max, place_read_cpu_max },
		{ "cpu.cfs_quota_us",             NULL,   place_write_quota,   place_read_quota },
		.mirror = true,
	},
	[LIMIT_CPU_WEIGHT] = {
		"cpu-weight", "cpu",
		{ "cpu.weight",                   "100",  place_write_number,  place_read_number },
		{ "cpu.shares",                   "1024", place_write_shares,  place_read_shares },
	},
	[LIMIT_MEMORY] = {
		"memory", "memory",
		{ "memory.max",                   "max",  place_write_number,  place_read_number },
		{ "memory.limit_in_bytes",        NULL,   place_write_memory,  place_read_memory },
		.mirror = true,
	},
	[LIMIT_SWAP] = {
		"swap", "memory",
		{ "memory.swap.max",              "max",  place_write_number,  place_read_number },
		{ "memory.memsw.limit_in_bytes",  NULL,   place_write_memory,  place_read_swap },
	},
	[LIMIT_PIDS] = {
		"pids", "pids",
		{ "pids.max",                     "max",  place_write_number,  place_read_number },
		{ "pids.max",                     "max",  place_write_number,  place_read_number },
		.mirror = true,
	},
};
/* clang-format on */

const char *limit_name(enum limit_id id)
{
	return rows[id].name;
}

/* Where a row is written on this host. */
static const struct limit_place *find_place(const struct cgroup_tree *tree,
	const struct limit_row *row, const struct cgroup_hierarchy **ret_hierarchy)
{
	const struct cgroup_hierarchy *v1 = cgroup_hierarchy_v1(tree, row->controller);

	*ret_hierarchy = v1 ? v1 : &tree->hierarchies[0];
	return v1 ? &row->v1 : &row->v2;
}

int limit_supported(struct cgroup_tree *tree, enum limit_id id, struct error *err)
{
	const struct limit_row *row = &rows[id];
	const struct cgroup_hierarchy *hierarchy;
	const struct limit_place *place = find_place(tree, row, &hierarchy);
	cleanup_free char *path = NULL, *file = NULL;
	bool v2;

	if (!cgroup_tree_controller(tree, row->controller, &v2))
		return error_refuse(err, ERROR_UNSUPPORTED,
			"this host cannot limit %s: the kernel's %s controller is not available in "
			"cgroup /%s (boot with cgroup_enable=%s, or have it delegated)",
			row->name, row->controller, tree->parent, row->controller);
	if (asprintf(&path, "%s/ve", tree->parent) < 0 ||
		asprintf(&file, "%s/%s", path, place->file) < 0)
		return error_memory(err);
	/* Before cgroup_tree_prepare() there is no directory to look into. */
	if (!control_exists(hierarchy->root_fd, path) || control_exists(hierarchy->root_fd, file))
		return 0;
	return error_refuse(err, ERROR_UNSUPPORTED,
		"this host cannot limit %s: its kernel has no %s (%s)", row->name, place->file,
		id == LIMIT_SWAP ? "boot with swapaccount=1" : "a kernel that has it is needed");
}

int limit_enforceable(struct cgroup_tree *tree, enum limit_id id, const struct limit_values *values,
	struct error *err)
{
	int r = limit_supported(tree, id, err);

	if (r == 0 && id == LIMIT_SWAP && cgroup_hierarchy_v1(tree, rows[id].controller) &&
		values->value[LIMIT_SWAP] != PARSE_NONE &&
		values->value[LIMIT_MEMORY] == PARSE_NONE)
		return error_refuse(err, ERROR_UNSUPPORTED,
			"this host's memory controller (cgroup v1) only limits memory and swap "
			"together: limit memory too, or set swap to none");
	return r;
}

/* Tightened from above, loosened from above: what counts is ve/<name>, guest/ only shows it. */
static int write_mirror(int ve_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err)
{
	cleanup_close int guest_fd = openat(ve_fd, "guest", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (guest_fd < 0 || !control_exists(guest_fd, place->file))
		return 0;
	return place->write(guest_fd, place, id, values, err);
}

int limit_write(struct cgroup_tree *tree, const char *name, enum limit_id id,
	const struct limit_values *values, struct error *err)
{
	const struct limit_row *row = &rows[id];
	const struct cgroup_hierarchy *hierarchy;
	const struct limit_place *place = find_place(tree, row, &hierarchy);
	cleanup_close int ve_fd = -1;
	int r = limit_enforceable(tree, id, values, err);

	if (r < 0)
		return r;
	ve_fd = cgroup_hierarchy_open_ve(tree, hierarchy, name, err);
	if (ve_fd < 0)
		return ve_fd;
	r = place->write(ve_fd, place, id, values, err);
	if (r == 0 && row->mirror && hierarchy->v2)
		r = write_mirror(ve_fd, place, id, values, err);
	return r < 0 ? error_wrap(err, "cannot limit %s of VE %s", row->name, name) : 0;
}

int limit_write_all(struct cgroup_tree *tree, const char *name, unsigned int mask,
	const struct limit_values *values, struct error *err)
{
	/* The table's order will do: v2 has none, and on v1 memory writes memory+swap with it. */
	for (enum limit_id id = 0; id < LIMITS; id++) {
		int r = mask & 1U << id ? limit_write(tree, name, id, values, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int limit_read(struct cgroup_tree *tree, const char *name, enum limit_id id, uint64_t *ret,
	struct error *err)
{
	const struct limit_row *row = &rows[id];
	const struct cgroup_hierarchy *hierarchy;
	const struct limit_place *place = find_place(tree, row, &hierarchy);
	cleanup_close int ve_fd = cgroup_hierarchy_open_ve(tree, hierarchy, name, err);
	int r;

	if (ve_fd < 0)
		return ve_fd;
	r = place->read(ve_fd, place, ret);
	if (r == -ENOENT) { /* a limit that this host does not have is none */
		*ret = PARSE_NONE;
		return 0;
	}
	return r < 0 ? error_set(err, -r, "cannot read %s of VE %s", row->name, name) : 0;
}
