/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * group_test.c - names from paths, lists, and removal of what a guest has left.
 */
#include <sys/syscall.h>

#include "cgroup/group.h"
#include "cgroup/subtree.h"
#include "tests/cgroup/fake.h"

static void assert_same(const char *path, int fd)
{
	struct stat wanted, found;

	assert_int_equal(fstatat(scratch_fd, path, &wanted, 0), 0);
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(found.st_ino, wanted.st_ino);
}

static void assert_name(const char *proc_cgroup, const char *name)
{
	struct error err = { 0 };
	cleanup_free char *found = NULL;

	assert_int_equal(cgroup_find_name(&fake_tree, proc_cgroup, &found, &err), 0);
	if (name)
		assert_string_equal(found, name);
	else
		assert_null(found);
}

static void name_is_found_in_a_process_cgroup(void **state)
{
	assert_name("0::/p/ve/web1/guest/init.scope\n", "web1");
	assert_name("9:name=systemd:/x\n4:memory:/y\n0::/p/ve/web1/guest\n", "web1");
	assert_name("0::/p/ve/web1\n", "web1");
	assert_name("0::/p/ve/web1 (deleted)\n", "web1");
	assert_name("0::/p/daemon\n", NULL);
	assert_name("0::/p/vessel/web1\n", NULL);
	assert_name("0::/other/p/ve/web1\n", NULL);
	assert_name("4:memory:/p/ve/web1\n0::/\n", NULL);
	assert_name("0::/p/ve/../x\n", NULL);
	assert_name("", NULL);
}

static void list_names_each_ve_once(void **state)
{
	struct error err = { 0 };
	char **names = NULL;

	fake_make_dirs("memory/p/ve/only-there");
	fake_make_dirs("v2/p/ve/Not_a_name");
	assert_int_equal(cgroup_tree_list(&fake_tree, &names, &err), 2);
	assert_string_equal(names[0], "only-there");
	assert_string_equal(names[1], "web");
	free(names[0]);
	free(names[1]);
	free(names);
}

static void remove_takes_all_that_a_guest_made(void **state)
{
	struct error err = { 0 };

	fake_make_dirs("v2/p/ve/web/guest/a/b/c");
	fake_make_dirs("v2/p/ve/web/guest/a/d");
	fake_make_dirs("v2/p/ve/web/guest/e");
	assert_int_equal(cgroup_remove(&fake_tree, "web", &err), 0);
	assert_false(scratch_exists("v2/p/ve/web"));
	assert_false(scratch_exists("memory/p/ve/web"));
	assert_true(scratch_exists("v2/p/ve"));
	assert_int_equal(cgroup_remove(&fake_tree, "web", &err), 0); /* absent is no error */
}

static void exec_has_a_leaf_of_its_own(void **state)
{
	struct cgroup_join join = { .v2_fd = -1 };
	struct error err = { 0 };

	scratch_write("v2/p/ve/web/guest/cgroup.subtree_control", "\n"); /* free to be entered */
	fake_make_dirs("v2/p/ve/web/guest/.vessel");                     /* of an earlier one */
	scratch_write("v2/p/ve/web/guest/.vessel/cgroup.procs", "");
	assert_int_equal(cgroup_open_exec(&fake_tree, "web", getuid(), &join, &err), 0);
	assert_same("v2/p/ve/web/guest/.vessel", join.v2_fd);
	cgroup_join_done(&join);
	/* Beside threads of the guest's a leaf takes none. */
	scratch_write("v2/p/ve/web/guest/.vessel/cgroup.type", "domain invalid\n");
	assert_int_equal(cgroup_open_exec(&fake_tree, "web", getuid(), &join, &err), 0);
	assert_same("v2/p/ve/web/guest", join.v2_fd);
	cgroup_join_done(&join);
}

/* mkdirat() is the test's own: the guest may have used up the bound on its cgroups. */
static bool bound_used_up;

int mkdirat(int dir_fd, const char *path, mode_t mode)
{
	if (bound_used_up && faccessat(dir_fd, path, F_OK, 0) < 0) {
		errno = EAGAIN;
		return -1;
	}
	return (int)syscall(SYS_mkdirat, dir_fd, path, mode);
}

static void the_bound_on_cgroups_keeps_no_exec_out(void **state)
{
	struct cgroup_join join = { .v2_fd = -1 };
	struct error err = { 0 };

	bound_used_up = true;
	assert_int_equal(cgroup_open_exec(&fake_tree, "web", getuid(), &join, &err), 0);
	assert_same("v2/p/ve/web/guest", join.v2_fd);
	assert_int_equal(err.code, 0);
	cgroup_join_done(&join);
	bound_used_up = false;
}

static void what_works_for_a_ve_stands_out_of_its_sight(void **state)
{
	struct error err = { 0 };

	for (int i = 0; i < 2; i++) {
		cleanup_close int fd = cgroup_open_host(&fake_tree, "web", &err);

		assert_same("v2/p/ve/web/host", fd);
	}
	assert_int_equal(cgroup_open_host(&fake_tree, "none", &err), -ENOENT);
}

static int count(int dir_fd, void *owner)
{
	assert_true(dir_fd >= 0);
	++*(int *)owner;
	return 0;
}

static void a_visit_is_bounded_in_depth_and_number(void **state)
{
	cleanup_close int top = openat(scratch_fd, "v2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[256];
	int seen = 0, length = snprintf(path, sizeof(path), "v2/deep");

	for (int i = 0; i < SUBTREE_DEPTH; i++)
		length += snprintf(path + length, sizeof(path) - (size_t)length, "/x");
	fake_make_dirs(path);
	assert_int_equal(subtree_visit(top, 1000, count, &seen), 0);
	/* v2 itself and down to its depth; p, ve, web, guest */
	assert_int_equal(seen, SUBTREE_DEPTH + 4);
	seen = 0;
	assert_int_equal(subtree_visit(top, 10, count, &seen), 0);
	assert_int_equal(seen, 10);
}

static void depth_costs_no_descriptors(void **state)
{
	cleanup_close int top = openat(scratch_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = dup(top);

	for (int i = 0; i < 3000; i++) {
		int next_fd;

		assert_int_equal(mkdirat(fd, "x", 0755), 0);
		assert_int_equal(mkdirat(fd, "y", 0755), 0);
		next_fd = openat(fd, "x", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next_fd >= 0);
		close_fd(&fd);
		fd = next_fd;
	}
	assert_int_equal(subtree_remove(top), 0);
	assert_false(scratch_exists("x"));
}

static void absent_ve_is_quiet(void **state)
{
	struct error err = { 0 };
	bool populated = true, frozen = true;

	assert_int_equal(cgroup_populated(&fake_tree, "none", &populated, &err), 0);
	assert_false(populated);
	assert_int_equal(cgroup_frozen(&fake_tree, "none", &frozen, &err), 0);
	assert_false(frozen);
	assert_int_equal(cgroup_kill(&fake_tree, "none", &err), 0);
	assert_int_equal(cgroup_freeze(&fake_tree, "none", true, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		v2_test(name_is_found_in_a_process_cgroup),
		hybrid_test(list_names_each_ve_once),
		hybrid_test(remove_takes_all_that_a_guest_made),
		v2_test(exec_has_a_leaf_of_its_own),
		v2_test(the_bound_on_cgroups_keeps_no_exec_out),
		v2_test(a_visit_is_bounded_in_depth_and_number),
		v2_test(what_works_for_a_ve_stands_out_of_its_sight),
		scratch_test(depth_costs_no_descriptors),
		v2_test(absent_ve_is_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
