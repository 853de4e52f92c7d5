/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * id_blocks_test.c - whose ids are seen: in the files of a made-up /etc, and in a made-up /proc.
 */
#include "daemon/id_blocks.h"
#include "runtime/config.h"
#include "tests/base/scratch.h"

#define FIRST (16 * VE_IDS)
#define N     4

static bool taken[N];
static struct id_blocks blocks = { .first = FIRST, .n = N, .taken = taken };

static int setup(void **state)
{
	memset(taken, 0, sizeof(taken));
	return scratch_open(state);
}

static void assert_taken(const char *wanted)
{
	char found[N + 1] = "";

	for (size_t i = 0; i < N; i++)
		found[i] = taken[i] ? 'x' : '-';
	assert_string_equal(found, wanted);
}

static void users_and_sub_ids_have_theirs(void **state)
{
	scratch_write("passwd", "root:x:0:0::/:/bin/sh\nfar:x:1048577:0::/:/bin/sh\n");
	scratch_write("group", "root:x:0:\n");
	scratch_write("subuid", "far:1179640:65536\n");
	id_blocks_take_users(&blocks, scratch_fd);
	assert_taken("xxx-");
}

static void process(const char *pid, const char *status)
{
	char path[64];

	assert_int_equal(mkdirat(scratch_fd, pid, 0755), 0);
	snprintf(path, sizeof(path), "%s/status", pid);
	scratch_write(path, status);
}

static void processes_have_theirs(void **state)
{
	struct error err = { 0 };

	process("1", "Name:\tinit\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \nNStgid:\t1\n");
	assert_int_equal(id_blocks_take_processes(&blocks, scratch_fd, &err), 0);
	assert_taken("----");
	/* A saved id, and one further group of many. */
	process("7", "Name:\tx\nUid:\t0\t0\t1048576\t0\nGid:\t0\t0\t0\t0\nGroups:\t5 1245184 \n");
	process("self", "Name:\tx\nUid:\t1114112\t0\t0\t0\n"); /* no process of its own */
	assert_int_equal(id_blocks_take_processes(&blocks, scratch_fd, &err), 0);
	assert_taken("x--x");
	process("8", "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t1179647\t0\t0\n");
	assert_int_equal(mkdirat(scratch_fd, "9", 0755), 0); /* it has just ended */
	assert_int_equal(id_blocks_take_processes(&blocks, scratch_fd, &err), 0);
	assert_taken("xx-x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			users_and_sub_ids_have_theirs, setup, scratch_close),
		cmocka_unit_test_setup_teardown(processes_have_theirs, setup, scratch_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
