/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * file_test.c - durable files, and trees that were built to be hard to remove.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/base/scratch.h"

#define DEEP 2000

static void assert_content(const char *name, const char *expected)
{
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	assert_int_equal(file_read(scratch_fd, name, 100, &text, &err), strlen(expected));
	assert_string_equal(text, expected);
}

static void read_is_bounded(void **state)
{
	struct error err = { 0 };
	char *text = NULL;

	scratch_write("a", "12345");
	scratch_write("empty", "");
	assert_content("a", "12345");
	assert_content("empty", "");
	assert_int_equal(file_read(scratch_fd, "a", 4, &text, &err), -EFBIG);
	assert_int_equal(file_read(scratch_fd, "a", 0, &text, &err), -EFBIG);
	assert_int_equal(file_read(scratch_fd, "none", 4, &text, &err), -ENOENT);
	assert_string_equal(err.text, "cannot open none: ENOENT");
	assert_int_equal(file_read(scratch_fd, ".", 4, &text, &err), -EISDIR);
	assert_int_equal(symlinkat("a", scratch_fd, "link"), 0);
	assert_int_equal(file_read(scratch_fd, "link", 9, &text, &err), -ELOOP);
	assert_null(text);
	assert_int_equal(file_read(scratch_fd, "a", 5, &text, &err), 5);
	free(text);
}

static void large_files_are_read_whole(void **state)
{
	cleanup_free char *data = malloc(100000);
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	memset(data, 'x', 100000);
	assert_int_equal(file_replace(scratch_fd, "a", data, 100000, &err), 0);
	assert_int_equal(file_read(scratch_fd, "a", 100000, &text, &err), 100000);
	assert_memory_equal(text, data, 100000);
	free(take_ptr(&text));
	assert_int_equal(file_read(scratch_fd, "a", 99999, &text, &err), -EFBIG);
}

static void procfs_is_read_without_a_size(void **state)
{
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	assert_true(file_read(AT_FDCWD, "/proc/self/status", 1 << 16, &text, &err) > 100);
}

static void directories_have_the_mode_asked_for(void **state)
{
	struct error err = { 0 };
	struct stat st;
	mode_t mask = umask(077);

	assert_int_equal(file_make_dir(scratch_fd, "d", 0755, &err), 0);
	umask(mask);
	assert_int_equal(fstatat(scratch_fd, "d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(file_make_dir(scratch_fd, "d", 0700, &err), 0);
	scratch_write("f", "");
	assert_int_equal(file_make_dir(scratch_fd, "f", 0700, &err), -ENOTDIR);
	assert_int_equal(symlinkat("d", scratch_fd, "link"), 0);
	assert_int_equal(file_make_dir(scratch_fd, "link", 0700, &err), -ENOTDIR);
	assert_int_equal(file_open_dir(scratch_fd, "link", &err), -ENOTDIR);
}

static void replace_leaves_no_litter(void **state)
{
	struct error err = { 0 };

	scratch_write(".a.new", "of a crash");
	assert_int_equal(file_replace(scratch_fd, "a", "one", 3, &err), 0);
	assert_int_equal(file_replace(scratch_fd, "a", "two", 3, &err), 0);
	assert_content("a", "two");
	assert_false(scratch_exists(".a.new"));
	assert_int_equal(file_replace(scratch_fd, "d/a", "two", 3, &err), -EINVAL);
}

/* The disk "fills up" in the middle of the write. */
static void failed_replace_keeps_the_old_content(void **state)
{
	struct rlimit before, small = { .rlim_cur = 8 };
	struct error err = { 0 };
	int r;

	assert_int_equal(file_replace(scratch_fd, "a", "old", 3, &err), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = file_replace(scratch_fd, "a", "much longer than before", 23, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(r, -EFBIG);
	assert_content("a", "old");
	assert_false(scratch_exists(".a.new"));

	assert_int_equal(mkdirat(scratch_fd, "dir", 0700), 0);
	assert_int_equal(file_replace(scratch_fd, "dir", "x", 1, &err), -EISDIR);
	assert_false(scratch_exists(".dir.new"));
}

/* In place of the C library's: the n-th from now fails, as on a disk that has gone. */
static int syncs_left = -1;

int fsync(int fd)
{
	if (syncs_left >= 0 && syncs_left-- == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

static void a_failed_sync_shows_the_old_content_and_is_not_forgotten(void **state)
{
	struct error err = { 0 };

	assert_int_equal(file_replace(scratch_fd, "a", "old", 3, &err), 0);
	assert_false(file_sync_failed());
	for (int n = 0; n < 2; n++) { /* of the file, of the directory */
		syncs_left = n;
		assert_int_equal(file_replace(scratch_fd, "a", "new", 3, &err), -EIO);
		assert_true(file_sync_failed());
		assert_content("a", "old");
		assert_false(scratch_exists(".a.new"));
		syncs_left = n;
		assert_int_equal(file_replace(scratch_fd, "b", "new", 3, &err), -EIO);
		assert_false(scratch_exists("b"));
	}
	assert_int_equal(file_replace(scratch_fd, "a", "new", 3, &err), 0);
	assert_content("a", "new");
	assert_true(file_sync_failed());
}

static void replace_does_not_follow_links(void **state)
{
	struct error err = { 0 };

	scratch_write("victim", "safe");
	assert_int_equal(symlinkat("victim", scratch_fd, ".a.new"), 0);
	assert_int_equal(symlinkat("victim", scratch_fd, "a"), 0);
	assert_int_equal(file_replace(scratch_fd, "a", "new", 3, &err), 0);
	assert_content("victim", "safe");
	assert_content("a", "new");
}

static void rename_takes_back_what_is_not_durable(void **state)
{
	int fd = openat(scratch_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC); /* cannot be synced */
	struct error err = { 0 };

	(void)state;
	assert_int_equal(file_replace(scratch_fd, "a", "1", 1, &err), 0);
	assert_int_equal(file_rename(fd, "a", fd, "b", &err), -EBADF);
	assert_int_equal(faccessat(scratch_fd, "a", F_OK, 0), 0);
	assert_int_equal(faccessat(scratch_fd, "b", F_OK, 0), -1);
	close(fd);
}

static void rename_refuses_what_is_there(void **state)
{
	struct error err = { 0 };

	scratch_write("a", "a");
	scratch_write("b", "b");
	assert_int_equal(file_rename(scratch_fd, "a", scratch_fd, "b", &err), -EEXIST);
	assert_content("b", "b");
	assert_int_equal(file_rename(scratch_fd, "a", scratch_fd, "c", &err), 0);
	assert_content("c", "a");
	assert_int_equal(file_rename(scratch_fd, "a", scratch_fd, "d", &err), -ENOENT);
}

static void control_files_are_not_created(void **state)
{
	struct error err = { 0 };

	assert_int_equal(file_write_control(scratch_fd, "none", "1", &err), -ENOENT);
	assert_false(scratch_exists("none"));
	scratch_write("a", "");
	assert_int_equal(file_write_control(scratch_fd, "a", "max", &err), 0);
	assert_content("a", "max");
}

static void long_links_are_read_whole(void **state)
{
	cleanup_free char *target = NULL;
	struct error err = { 0 };
	char name[1025];

	memset(name, 'l', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(symlinkat(name, scratch_fd, "link"), 0);
	assert_int_equal(file_read_link(scratch_fd, "link", &target, &err), 0);
	assert_string_equal(target, name);
	free(take_ptr(&target));
	assert_int_equal(file_read_link(scratch_fd, "none", &target, &err), -ENOENT);
}

/* Files beside the directories at each level, so that the walk comes back to them. */
static void make_deep(int levels)
{
	cleanup_close int fd = dup(scratch_fd);

	for (int i = 0; i < levels; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		if (i % 100 == 50) {
			assert_int_equal(mkdirat(fd, "e", 0700), 0);
			assert_int_equal(symlinkat("/", fd, "f"), 0);
		}
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close_fd(&fd);
		fd = next;
	}
}

static void deep_trees_are_removed_with_few_descriptors(void **state)
{
	struct rlimit before, few;
	struct error err = { 0 };
	int r;

	make_deep(DEEP);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ .rlim_cur = 128, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	r = file_remove_tree(scratch_fd, "d", &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	assert_false(scratch_exists("d"));
	assert_false(scratch_exists("e"));
}

static void links_are_removed_not_followed(void **state)
{
	struct error err = { 0 };

	assert_int_equal(mkdirat(scratch_fd, "keep", 0700), 0);
	scratch_write("keep/a", "safe");
	assert_int_equal(mkdirat(scratch_fd, "tree", 0700), 0);
	assert_int_equal(symlinkat("../keep", scratch_fd, "tree/up"), 0);
	assert_int_equal(symlinkat(scratch_path, scratch_fd, "tree/absolute"), 0);
	assert_int_equal(symlinkat("absolute", scratch_fd, "tree/loop"), 0);
	assert_int_equal(mkfifoat(scratch_fd, "tree/fifo", 0600), 0);
	assert_int_equal(symlinkat("keep", scratch_fd, "link"), 0);
	assert_int_equal(file_remove_tree(scratch_fd, "tree", &err), 0);
	assert_int_equal(file_remove_tree(scratch_fd, "link", &err), 0);
	assert_false(scratch_exists("tree"));
	assert_false(scratch_exists("link"));
	assert_content("keep/a", "safe");
}

/* In a mount namespace of its own: a bind mount in the tree, of the same file system. 0 if it was
 * refused and its content is whole. */
static int remove_with_mount_inside(void)
{
	struct error err = { 0 };
	char source[80], target[80]; /* the scratch path and a name */

	snprintf(source, sizeof(source), "%s/keep", scratch_path);
	snprintf(target, sizeof(target), "%s/tree/bound", scratch_path);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(source, target, NULL, MS_BIND, NULL) < 0)
		return 77;
	close_fd(
		&scratch_fd); /* it stands in the mount namespace we left, where nothing is bound */
	scratch_fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file_remove_tree(scratch_fd, "tree", &err) != -EXDEV)
		return 1;
	return scratch_exists("keep/a") ? 0 : 2;
}

static void mounts_are_not_crossed(void **state)
{
	int status = 0;
	pid_t pid;

	assert_int_equal(mkdirat(scratch_fd, "keep", 0700), 0);
	scratch_write("keep/a", "safe");
	assert_int_equal(mkdirat(scratch_fd, "tree", 0700), 0);
	assert_int_equal(mkdirat(scratch_fd, "tree/bound", 0700), 0);
	pid = fork();
	if (pid == 0)
		_exit(remove_with_mount_inside());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* not allowed to mount here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void wide_trees_are_removed(void **state)
{
	struct error err = { 0 };
	char name[32]; /* "w/" and two numbers */

	assert_int_equal(mkdirat(scratch_fd, "w", 0700), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "w/%d", i);
		assert_int_equal(mkdirat(scratch_fd, name, 0700), 0);
		snprintf(name, sizeof(name), "w/%d/%d", i, i);
		scratch_write(name, "");
	}
	assert_int_equal(file_remove_tree(scratch_fd, "w", &err), 0);
	assert_false(scratch_exists("w"));
}

static void absent_is_no_error(void **state)
{
	struct error err = { 0 };

	assert_int_equal(file_remove_tree(scratch_fd, "none", &err), 0);
	scratch_write("a", "");
	assert_int_equal(file_remove_tree(scratch_fd, "a", &err), 0);
	assert_false(scratch_exists("a"));
	assert_int_equal(file_remove_tree(scratch_fd, "none/x", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(read_is_bounded),
		scratch_test(large_files_are_read_whole),
		scratch_test(procfs_is_read_without_a_size),
		scratch_test(directories_have_the_mode_asked_for),
		scratch_test(replace_leaves_no_litter),
		scratch_test(failed_replace_keeps_the_old_content),
		scratch_test(a_failed_sync_shows_the_old_content_and_is_not_forgotten),
		scratch_test(replace_does_not_follow_links),
		scratch_test(rename_takes_back_what_is_not_durable),
		scratch_test(rename_refuses_what_is_there),
		scratch_test(control_files_are_not_created),
		scratch_test(long_links_are_read_whole),
		scratch_test(deep_trees_are_removed_with_few_descriptors),
		scratch_test(links_are_removed_not_followed),
		scratch_test(mounts_are_not_crossed),
		scratch_test(wide_trees_are_removed),
		scratch_test(absent_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
