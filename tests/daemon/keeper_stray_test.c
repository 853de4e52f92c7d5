/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_stray_test.c - an end that was heard before anybody said whose it is.
 */
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "daemon/keeper.h"
#include "tests/base/scratch.h"

#define STATUS 0x700 /* exited 7 */

static pid_t start(int *ret_pidfd)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	*ret_pidfd = pidfd_open(pid, 0);
	assert_true(*ret_pidfd >= 0);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void an_end_is_claimed_once(void **state)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	int pidfd, status = 0;
	pid_t pid = start(&pidfd);

	assert_non_null(keeper);
	end(pid);
	keeper_add_stray(keeper, pid, 0);
	keeper_add_stray(keeper, pid, STATUS);
	assert_true(keeper_claim_stray(keeper, pid, pidfd, &status));
	assert_int_equal(status, STATUS);
	assert_false(keeper_claim_stray(keeper, pid, pidfd, &status));
	close(pidfd);
	free(keeper);
}

static void a_number_used_again_is_not_the_one_that_ended(void **state)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	int pidfd, status = 0;
	pid_t pid = start(&pidfd);

	assert_non_null(keeper);
	keeper_add_stray(keeper, pid, STATUS);
	assert_false(keeper_claim_stray(keeper, pid, pidfd, &status));
	end(pid);
	assert_false(keeper_claim_stray(keeper, pid, pidfd, &status));
	close(pidfd);
	free(keeper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_claimed_once),
		cmocka_unit_test(a_number_used_again_is_not_the_one_that_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
