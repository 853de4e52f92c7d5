/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_log_test.c - the log is bounded, has no gap where it turns, and says what was lost.
 */
#include <signal.h>
#include <sys/resource.h>

#include "daemon/console_log.h"
#include "tests/base/scratch.h"

#define PIECE 8192

static off_t size_of(const char *name)
{
	struct stat st;

	return fstatat(scratch_fd, name, &st, 0) == 0 ? st.st_size : -1;
}

static struct console_log new_log(void)
{
	struct console_log log;

	console_log_init(&log, openat(scratch_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	assert_true(log.fd >= 0);
	return log;
}

static void a_second_opening_appends(void **state)
{
	char text[16] = "";

	for (int i = 0; i < 2; i++) {
		struct console_log log = new_log();

		console_log_add(&log, "one\n", 4);
		console_log_done(&log);
	}
	assert_int_equal(console_log_tail(scratch_fd, text, sizeof(text)), 8);
	assert_memory_equal(text, "one\none\n", 8);
}

static void a_full_log_turns_without_a_gap(void **state)
{
	struct console_log log = new_log();
	const size_t pieces = CONSOLE_LOG_BYTES / PIECE;
	char piece[PIECE];

	for (size_t i = 0; i < pieces + 3; i++) {
		memset(piece, 'a' + (int)(i % 26), sizeof(piece));
		console_log_add(&log, piece, sizeof(piece));
	}
	assert_int_equal(size_of(CONSOLE_LOG_OLD), CONSOLE_LOG_BYTES);
	assert_int_equal(size_of(CONSOLE_LOG), 3 * PIECE);
	assert_int_equal(log.lost, 0);
	assert_int_equal(console_log_tail(scratch_fd, piece, 1), 1);
	assert_int_equal(piece[0], 'a' + (int)((pieces + 2) % 26));
	console_log_done(&log);
}

static void two_files_are_all_there_ever_is(void **state)
{
	struct console_log log = new_log();
	char piece[PIECE];

	memset(piece, 'x', sizeof(piece));
	for (size_t i = 0; i < 4 * (CONSOLE_LOG_BYTES / PIECE); i++)
		console_log_add(&log, piece, sizeof(piece));
	assert_true(size_of(CONSOLE_LOG) <= CONSOLE_LOG_BYTES);
	assert_true(size_of(CONSOLE_LOG_OLD) <= CONSOLE_LOG_BYTES);
	assert_false(scratch_exists("console.log.2"));
	console_log_done(&log);
}

static void the_log_follows_its_directory(void **state)
{
	struct console_log log;

	assert_int_equal(mkdirat(scratch_fd, "web1", 0700), 0);
	console_log_init(&log, openat(scratch_fd, "web1", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	assert_int_equal(renameat(scratch_fd, "web1", scratch_fd, "web2"), 0);
	console_log_add(&log, "here\n", 5);
	assert_int_equal(size_of("web2/" CONSOLE_LOG), 5);
	console_log_done(&log);
}

static void what_the_disk_refuses_is_named_later(void **state)
{
	const struct rlimit none = { 0, RLIM_INFINITY };
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct console_log log = new_log();
	char text[128] = "";

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	console_log_add(&log, "0123456789", 10);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(log.lost, 10);
	console_log_add(&log, "again\n", 6);
	assert_int_equal(log.lost, 0);
	(void)console_log_tail(scratch_fd, text, sizeof(text) - 1);
	assert_string_equal(text, "\n[vessel: 10 bytes lost, the disk did not take them]\nagain\n");
	console_log_done(&log);
}

static void a_directory_without_a_log_has_no_tail(void **state)
{
	char text[16];

	assert_int_equal(console_log_tail(scratch_fd, text, sizeof(text)), 0);
	assert_int_equal(mkfifoat(scratch_fd, CONSOLE_LOG, 0600), 0);
	assert_int_equal(console_log_tail(scratch_fd, text, sizeof(text)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(a_second_opening_appends),
		scratch_test(a_full_log_turns_without_a_gap),
		scratch_test(two_files_are_all_there_ever_is),
		scratch_test(the_log_follows_its_directory),
		scratch_test(what_the_disk_refuses_is_named_later),
		scratch_test(a_directory_without_a_log_has_no_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
