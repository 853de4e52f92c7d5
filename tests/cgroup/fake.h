/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fake.h - hierarchies out of plain directories: what is tested is which file is read and written,
 * and what with. What the kernel makes of it is for the tests that need root.
 */
#pragma once

#include "cgroup/hierarchy.h"
#include "tests/base/scratch.h"

static struct cgroup_tree fake_tree;

static inline void fake_make_dirs(const char *path)
{
	char part[256];

	for (const char *at = strchr(path, '/');; at = strchr(at + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", at ? (int)(at - path) : 255, path);
		assert_true(mkdirat(scratch_fd, part, 0755) == 0 || errno == EEXIST);
		if (!at)
			return;
	}
}

static inline void fake_add(const char *name, const char *controllers, bool v2)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/p/ve/web%s", name, v2 ? "/guest" : "");
	fake_make_dirs(path);
	fd = openat(scratch_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	fake_tree.hierarchies[fake_tree.n++] = (struct cgroup_hierarchy){
		.root_fd = fd,
		.v2 = v2,
		.controllers = strdup(controllers),
	};
}

static inline int fake_open(void **state)
{
	if (scratch_open(state) < 0)
		return -1;
	fake_tree = (struct cgroup_tree){
		.parent = strdup("p"),
		.delegate = strdup("cgroup.procs\n"),
		.device_fd = -1,
	};
	return 0;
}

/* A host with everything in v2. */
static inline int fake_open_v2(void **state)
{
	if (fake_open(state) < 0)
		return -1;
	fake_add("v2", "cpuset cpu io memory pids\n", true);
	return 0;
}

/* A host with all controllers on v1, cpuacct on its own. */
static inline int fake_open_hybrid(void **state)
{
	if (fake_open(state) < 0)
		return -1;
	fake_add("v2", "\n", true);
	fake_add("cpu", "rw,cpu", false);
	fake_add("cpuacct", "rw,cpuacct", false);
	fake_add("memory", "rw,memory", false);
	fake_add("pids", "rw,pids", false);
	fake_add("named", "rw,xattr,name=systemd", false);
	return 0;
}

static inline int fake_close(void **state)
{
	for (size_t i = 0; i < fake_tree.n; i++) {
		close_fd(&fake_tree.hierarchies[i].root_fd);
		free(fake_tree.hierarchies[i].controllers);
	}
	free(fake_tree.parent);
	free(fake_tree.delegate);
	return scratch_close(state);
}

static inline void fake_assert(const char *file, const char *text)
{
	cleanup_free char *found = NULL;
	struct error err = { 0 };

	assert_true(file_read(scratch_fd, file, 4096, &found, &err) >= 0);
	assert_string_equal(found, text);
}

#define v2_test(fn)     cmocka_unit_test_setup_teardown(fn, fake_open_v2, fake_close)
#define hybrid_test(fn) cmocka_unit_test_setup_teardown(fn, fake_open_hybrid, fake_close)
