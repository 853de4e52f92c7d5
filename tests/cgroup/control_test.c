/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * control_test.c - the shapes of control files.
 */
#include "base/parse.h"
#include "cgroup/control.h"
#include "tests/base/scratch.h"

static void number_ends_at_the_line(void **state)
{
	uint64_t value = 7;

	assert_int_equal(control_parse_number("123\n", &value), 0);
	assert_int_equal(value, 123);
	assert_int_equal(control_parse_number("max 100000\n", &value), 0);
	assert_true(value == PARSE_NONE);
	assert_int_equal(control_parse_number("-1\n", &value), 0);
	assert_true(value == PARSE_NONE);
	value = 7;
	assert_true(control_parse_number("", &value) < 0);
	assert_true(control_parse_number("-2\n", &value) < 0);
	assert_int_equal(value, 7);
}

static void key_is_a_whole_word(void **state)
{
	static const char text[] = "oom 1\noom_kill 22\noom_group_kill 3\n";
	uint64_t value = 0;

	assert_int_equal(control_parse_keyed(text, "oom_kill", &value), 0);
	assert_int_equal(value, 22);
	assert_int_equal(control_parse_keyed(text, "oom", &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(control_parse_keyed(text, "kill", &value), -ENOENT);
	assert_int_equal(control_parse_keyed("", "oom", &value), -ENOENT);
}

static void word_of_a_list(void **state)
{
	assert_true(control_has_word("cpuset cpu memory\n", "cpu"));
	assert_true(control_has_word("rw,cpu,cpuacct", "cpuacct"));
	assert_true(control_has_word("rw,name=systemd", "name=systemd"));
	assert_false(control_has_word("cpuset cpuacct\n", "cpu"));
	assert_false(control_has_word("\n", "cpu"));
	assert_false(control_has_word("", "cpu"));
}

static void missing_file_is_enoent(void **state)
{
	uint64_t value = 0;

	assert_int_equal(control_read(scratch_fd, "pids.max", NULL, &value), -ENOENT);
	scratch_write("pids.max", "max\n");
	assert_int_equal(control_read(scratch_fd, "pids.max", NULL, &value), 0);
	assert_true(value == PARSE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_ends_at_the_line),
		cmocka_unit_test(key_is_a_whole_word),
		cmocka_unit_test(word_of_a_list),
		scratch_test(missing_file_is_enoent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
