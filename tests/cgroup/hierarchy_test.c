/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hierarchy_test.c - which lines of mountinfo are cgroup hierarchies, and the way to a VE in one.
 */
#include <sys/sysmacros.h>

#include "cgroup/hierarchy.h"
#include "tests/cgroup/fake.h"

static void v1_and_v2_lines_are_read(void **state)
{
	struct cgroup_mount mount = { 0 };

	assert_int_equal(cgroup_mount_parse("32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 "
					    "- cgroup cgroup rw,cpu,cpuacct\n",
				 &mount),
		1);
	assert_false(mount.v2);
	assert_true(mount.device == makedev(0, 29));
	assert_string_equal(mount.path, "/sys/fs/cgroup/cpu");
	assert_string_equal(mount.options, "rw,cpu,cpuacct");
	cgroup_mount_done(&mount);
	assert_int_equal(
		cgroup_mount_parse(
			"41 31 0:38 / /a\\040b\\134 rw - cgroup2 none rw,nsdelegate\n", &mount),
		1);
	assert_true(mount.v2);
	assert_string_equal(mount.path, "/a b\\");
	cgroup_mount_done(&mount);
}

static void other_lines_are_passed_over(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n",
		"32 31 0:29 /part /mnt rw - cgroup cgroup rw,cpu\n",
		"32 31 0:29 / /mnt rw - cgroupfoo none rw\n",
		"32 31 0:29 / /mnt rw - cgroup\n",
		"32 31 0:29 /\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct cgroup_mount mount = { 0 };

		assert_int_equal(cgroup_mount_parse(lines[i], &mount), 0);
		assert_null(mount.path);
	}
}

static void host_without_v2_is_refused(void **state)
{
	struct cgroup_tree tree = { .n = 0 };
	struct error err = { 0 };
	char path[128];

	scratch_write("mountinfo", "1 0 0:9 / / rw - ext4 /dev/vda rw\n");
	snprintf(path, sizeof(path), "%s/mountinfo", scratch_path);
	assert_int_equal(cgroup_hierarchy_scan(&tree, path, &err), -EOPNOTSUPP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
}

/* The line says cgroup2, but the directory is none (something is mounted over it). */
static void covered_mount_is_passed_over(void **state)
{
	struct cgroup_tree tree = { .n = 0 };
	struct error err = { 0 };
	char path[128], line[256];

	snprintf(line, sizeof(line), "1 0 0:9 / %s rw - cgroup2 none rw\n", scratch_path);
	scratch_write("mountinfo", line);
	snprintf(path, sizeof(path), "%s/mountinfo", scratch_path);
	assert_int_equal(cgroup_hierarchy_scan(&tree, path, &err), -EOPNOTSUPP);
	assert_int_equal(tree.n, 0);
}

static void controller_is_found_where_it_is_bound(void **state)
{
	bool v2 = true;

	assert_ptr_equal(cgroup_hierarchy_v1(&fake_tree, "memory"), &fake_tree.hierarchies[3]);
	assert_null(cgroup_hierarchy_v1(&fake_tree, "io"));
	assert_true(cgroup_tree_controller(&fake_tree, "cpu", &v2));
	assert_false(v2);
	assert_false(cgroup_tree_controller(&fake_tree, "io", &v2));
}

static void bad_name_never_becomes_a_path(void **state)
{
	static const char *const names[] = { "", "..", "a/b", "A", "-a", "guest." };
	struct error err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(cgroup_hierarchy_open_ve(
					 &fake_tree, &fake_tree.hierarchies[0], names[i], &err),
			-EINVAL);
	assert_int_equal(
		cgroup_hierarchy_open_ve(&fake_tree, &fake_tree.hierarchies[0], "none", &err),
		-ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_and_v2_lines_are_read),
		cmocka_unit_test(other_lines_are_passed_over),
		scratch_test(host_without_v2_is_refused),
		scratch_test(covered_mount_is_passed_over),
		hybrid_test(controller_is_found_where_it_is_bound),
		v2_test(bad_name_never_becomes_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
