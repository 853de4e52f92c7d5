/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stop_way_test.c - small trees laid out as distributions lay out theirs.
 */
#include <errno.h>

#include "runtime/stop_way.h"
#include "tests/base/scratch.h"

static void program(const char *name)
{
	scratch_write(name, "#!");
	assert_int_equal(fchmodat(scratch_fd, name, 0755, 0), 0);
}

static int setup(void **state)
{
	static const char *const directories[] = { "sbin", "bin", "usr", "usr/lib",
		"usr/lib/systemd" };

	if (scratch_open(state) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (mkdirat(scratch_fd, directories[i], 0755) < 0)
			return -1;
	return symlinkat("usr/lib", scratch_fd, "lib");
}

static int find(const char *init, enum stop_way *ret, struct error *err)
{
	cleanup_close int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*err = (struct error){ 0 };
	return stop_way_find(scratch_fd, init, proc_fd, ret, err);
}

static enum stop_way way(const char *init)
{
	enum stop_way ret = STOP_WAYS;
	struct error err;

	assert_int_equal(find(init, &ret, &err), 0);
	return ret;
}

static void link_to(const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, scratch_fd, name), 0);
}

static void debian_with_systemd(void **state)
{
	(void)state;
	program("usr/lib/systemd/systemd");
	link_to("/lib/systemd/systemd", "sbin/init");
	assert_int_equal(way("/sbin/init"), STOP_SYSTEMD);
}

static void debian_with_sysvinit(void **state)
{
	(void)state;
	program("sbin/init");
	link_to("init", "sbin/telinit");
	assert_int_equal(way("/sbin/init"), STOP_SYSVINIT);
}

static void alpine_with_busybox(void **state)
{
	(void)state;
	program("bin/busybox");
	link_to("/bin/busybox", "sbin/init");
	assert_int_equal(way("/sbin/init"), STOP_BUSYBOX);
}

static void busybox_as_hard_links(void **state)
{
	(void)state;
	program("bin/busybox");
	assert_int_equal(linkat(scratch_fd, "bin/busybox", scratch_fd, "sbin/init", 0), 0);
	assert_int_equal(way("/sbin/init"), STOP_BUSYBOX);
}

static void openrc_and_runit_by_name(void **state)
{
	(void)state;
	program("sbin/openrc-init");
	program("sbin/runit-init");
	link_to("openrc-init", "sbin/init");
	assert_int_equal(way("/sbin/init"), STOP_OPENRC);
	assert_int_equal(way("/sbin/runit-init"), STOP_RUNIT);
}

static void anything_else_is_a_program(void **state)
{
	(void)state;
	program("bin/serve");
	program("sbin/init");
	assert_int_equal(way("/bin/serve"), STOP_PROGRAM);
	assert_int_equal(way("/sbin/init"), STOP_PROGRAM);
}

static void no_init_says_what_to_set(void **state)
{
	enum stop_way ret = STOP_WAYS;
	struct error err;

	(void)state;
	assert_int_equal(find("/sbin/init", &ret, &err), -ENOENT);
	assert_string_equal(err.text, "the template has no init /sbin/init: set --init");
	assert_int_equal(ret, STOP_WAYS);
}

/* An absolute link means the VE's root, where there is no such file, not the host's. */
static void a_link_is_followed_inside_only(void **state)
{
	enum stop_way ret;
	struct error err;

	(void)state;
	link_to("/proc/self/exe", "sbin/init");
	assert_int_equal(find("/sbin/init", &ret, &err), -ENOENT);
}

static void what_cannot_be_executed_is_no_init(void **state)
{
	enum stop_way ret;
	struct error err;

	(void)state;
	scratch_write("sbin/init", "text");
	assert_int_equal(find("/sbin/init", &ret, &err), -EACCES);
	assert_int_equal(find("/sbin", &ret, &err), -EACCES);
}

#define tree_test(fn) cmocka_unit_test_setup_teardown(fn, setup, scratch_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(debian_with_systemd),
		tree_test(debian_with_sysvinit),
		tree_test(alpine_with_busybox),
		tree_test(busybox_as_hard_links),
		tree_test(openrc_and_runit_by_name),
		tree_test(anything_else_is_a_program),
		tree_test(no_init_says_what_to_set),
		tree_test(a_link_is_followed_inside_only),
		tree_test(what_cannot_be_executed_is_no_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
