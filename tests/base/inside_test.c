/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inside_test.c - a tenant's symlinks against the one module that must not fall for them.
 *
 * The scratch directory is the host: root/ in it is the VE's root, and secret beside it is what no
 * path may reach. Every trick has its control: the same path through plain openat() gets there.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/inside.h"
#include "tests/base/scratch.h"

static int root_fd = -1;
static int proc_fd = -1;

static int setup(void **state)
{
	if (scratch_open(state) < 0)
		return -1;
	scratch_write("secret", "of the host");
	if (mkdirat(scratch_fd, "root", 0755) < 0)
		return -1;
	root_fd = openat(scratch_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 || proc_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	close_fd(&root_fd);
	close_fd(&proc_fd);
	return scratch_close(state);
}

static void link_inside(const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, root_fd, name), 0);
}

static int read_inside(const char *path)
{
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	return (int)inside_read(root_fd, path, 100, &text, &err);
}

static void paths_end_at_the_root(void **state)
{
	char absolute[128]; /* the scratch path and a name */
	cleanup_close int control = -1;

	snprintf(absolute, sizeof(absolute), "%s/secret", scratch_path);
	link_inside(absolute, "absolute");
	link_inside("../secret", "up");
	link_inside("../../../../../../../../etc/passwd", "far");
	link_inside("..", "dir");
	control = openat(root_fd, "absolute", O_RDONLY | O_CLOEXEC);
	assert_true(control >= 0);
	close_fd(&control);
	control = openat(root_fd, "up", O_RDONLY | O_CLOEXEC);
	assert_true(control >= 0);

	assert_int_equal(read_inside("absolute"), -ENOENT);
	assert_int_equal(read_inside("up"), -ENOENT);
	assert_int_equal(read_inside("far"), -ENOENT);
	assert_int_equal(read_inside("dir/secret"), -ENOENT);
	assert_int_equal(read_inside("../secret"), -ENOENT);
	assert_int_equal(read_inside("/../../secret"), -ENOENT);
	assert_int_equal(read_inside(absolute), -ENOENT);
}

static void links_within_the_root_are_followed(void **state)
{
	assert_int_equal(mkdirat(root_fd, "etc", 0755), 0);
	scratch_write("root/etc/a", "own");
	link_inside("/etc/a", "absolute");
	link_inside("../../../etc/a", "up");
	assert_int_equal(read_inside("absolute"), 3);
	assert_int_equal(read_inside("/up"), 3);
	assert_int_equal(read_inside("etc/../etc/a"), 3);
}

static void magic_links_are_refused(void **state)
{
	cleanup_close int fd = -1;
	struct error err = { 0 };

	/* /proc itself as the root: its fd links are magic, its self link is not */
	fd = openat(proc_fd, "self/cwd", O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	close_fd(&fd);
	assert_int_equal(inside_open(proc_fd, "self/cwd", O_PATH, 0, &err), -ELOOP);
	assert_int_equal(inside_open(proc_fd, "self/root/etc", O_PATH, 0, &err), -ELOOP);
	fd = inside_open(proc_fd, "self/status", O_RDONLY, 0, &err);
	assert_true(fd >= 0);
}

static void only_regular_files_are_read(void **state)
{
	assert_int_equal(mkfifoat(root_fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(root_fd, "dir", 0755), 0);
	scratch_write("root/large", "12345678901234567890");
	alarm(10); /* a fifo that blocks ends the test */
	assert_int_equal(read_inside("fifo"), -EINVAL);
	alarm(0);
	assert_int_equal(read_inside("dir"), -EINVAL);
	assert_int_equal(read_inside("."), -EINVAL);
	link_inside("loop", "loop");
	assert_int_equal(read_inside("loop"), -ELOOP);
	assert_int_equal(read_inside(""), -ENOENT);
}

static void read_has_a_bound(void **state)
{
	struct error err = { 0 };
	char *text = NULL;

	scratch_write("root/a", "12345");
	assert_int_equal(inside_read(root_fd, "a", 4, &text, &err), -EFBIG);
	assert_null(text);
}

static void descriptors_are_close_on_exec(void **state)
{
	cleanup_close int fd = -1;
	struct error err = { 0 };

	fd = inside_open(root_fd, "new", O_WRONLY | O_CREAT | O_EXCL, 0640, &err);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void mount_points_are_real_directories(void **state)
{
	cleanup_close int fd = -1;
	struct error err = { 0 };
	struct stat st;
	mode_t mask = umask(077);

	fd = inside_open_mount_point(root_fd, "/run//./host/dev", 0755, &err);
	umask(mask);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0755);
	close_fd(&fd);
	fd = inside_open_mount_point(root_fd, "/", 0755, &err);
	assert_true(fd >= 0);
}

static void mount_points_are_never_links(void **state)
{
	struct error err = { 0 };

	assert_int_equal(mkdirat(root_fd, "real", 0755), 0);
	link_inside("real", "dev");
	link_inside("/nowhere", "dangling");
	link_inside("..", "up");
	scratch_write("root/file", "");
	assert_int_equal(inside_open_mount_point(root_fd, "dev", 0755, &err), -ELOOP);
	assert_int_equal(inside_open_mount_point(root_fd, "dev/pts", 0755, &err), -ELOOP);
	assert_int_equal(inside_open_mount_point(root_fd, "dangling", 0755, &err), -ELOOP);
	assert_int_equal(inside_open_mount_point(root_fd, "up/made", 0755, &err), -ELOOP);
	assert_int_equal(inside_open_mount_point(root_fd, "real/../../x", 0755, &err), -EINVAL);
	assert_int_equal(inside_open_mount_point(root_fd, "file", 0755, &err), -ENOTDIR);
	assert_false(scratch_exists("made"));
	assert_false(scratch_exists("x"));
}

static void replace_writes_here_and_nowhere_else(void **state)
{
	cleanup_free char *text = NULL;
	struct error err = { 0 };
	struct stat st;

	assert_int_equal(mkdirat(root_fd, "etc", 0755), 0);
	link_inside("../../secret", "etc/hostname");
	link_inside("../..", "out");
	assert_int_equal(inside_replace(root_fd, "/etc/hostname", "web\n", 0644, &err), 0);
	assert_int_equal(inside_replace(root_fd, "out/secret", "web\n", 0644, &err), 0);
	assert_int_equal(file_read(scratch_fd, "secret", 100, &text, &err), 11);
	assert_int_equal(fstatat(root_fd, "etc/hostname", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644);
	assert_int_equal(read_inside("etc/hostname"), 4);
	assert_int_equal(read_inside("secret"), 4); /* ".." of the root is the root */
}

static void a_replace_that_fails_leaves_the_old_file(void **state)
{
	struct rlimit before, none;
	struct error err = { 0 };

	scratch_write("root/hosts", "precious");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0); /* a disk without room */
	assert_int_equal(inside_replace(root_fd, "hosts", "new", 0644, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(read_inside("hosts"), 8);
	assert_false(scratch_exists("root/.hosts.vessel"));
}

static void what_a_killed_replace_left_goes_with_the_next(void **state)
{
	struct error err = { 0 };

	scratch_write("outside", "of the host");
	link_inside("../outside", ".hosts.vessel");
	assert_int_equal(inside_replace(root_fd, "hosts", "new", 0644, &err), 0);
	assert_int_equal(read_inside("hosts"), 3);
	assert_false(scratch_exists("root/.hosts.vessel"));
}

static void replace_refuses_what_is_no_file(void **state)
{
	struct error err = { 0 };

	assert_int_equal(mkdirat(root_fd, "dir", 0755), 0);
	assert_int_equal(inside_replace(root_fd, "dir", "x", 0644, &err), -EISDIR);
	assert_int_equal(inside_replace(root_fd, "dir/", "x", 0644, &err), -EINVAL);
	assert_int_equal(inside_replace(root_fd, "/", "x", 0644, &err), -EINVAL);
	assert_int_equal(inside_replace(root_fd, "dir/..", "x", 0644, &err), -EINVAL);
	assert_int_equal(inside_replace(root_fd, "none/a", "x", 0644, &err), -ENOENT);
	assert_int_equal(mkfifoat(root_fd, "fifo", 0600), 0);
	assert_int_equal(inside_replace(root_fd, "fifo", "x", 0600, &err), 0);
	assert_int_equal(read_inside("fifo"), 1);
}

static void assert_resolves(const char *path, const char *expected)
{
	cleanup_free char *found = NULL;
	struct error err = { 0 };

	assert_int_equal(inside_resolve(root_fd, path, proc_fd, &found, &err), 0);
	assert_string_equal(found, expected);
}

static void names_are_resolved_as_the_guest_sees_them(void **state)
{
	struct error err = { 0 };
	char *found = NULL;

	assert_int_equal(mkdirat(root_fd, "usr", 0755), 0);
	assert_int_equal(mkdirat(root_fd, "usr/lib", 0755), 0);
	scratch_write("root/usr/lib/init", "");
	scratch_write("root/odd (deleted)", "");
	link_inside("usr/lib", "lib");
	link_inside("/lib/init", "sbin-init");
	link_inside("../../../secret", "escape");
	assert_resolves("/sbin-init", "/usr/lib/init");
	assert_resolves("usr/lib/init", "/usr/lib/init");
	assert_resolves("/", "/");
	assert_resolves("odd (deleted)", "/odd (deleted)");
	assert_int_equal(inside_resolve(root_fd, "escape", proc_fd, &found, &err), -ENOENT);
	assert_int_equal(inside_resolve(root_fd, "none", proc_fd, &found, &err), -ENOENT);
	assert_null(found);
}

#define inside_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		inside_test(paths_end_at_the_root),
		inside_test(links_within_the_root_are_followed),
		inside_test(magic_links_are_refused),
		inside_test(only_regular_files_are_read),
		inside_test(read_has_a_bound),
		inside_test(descriptors_are_close_on_exec),
		inside_test(mount_points_are_real_directories),
		inside_test(mount_points_are_never_links),
		inside_test(replace_writes_here_and_nowhere_else),
		inside_test(a_replace_that_fails_leaves_the_old_file),
		inside_test(what_a_killed_replace_left_goes_with_the_next),
		inside_test(replace_refuses_what_is_no_file),
		inside_test(names_are_resolved_as_the_guest_sees_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
