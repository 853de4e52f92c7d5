/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loopback_test.c - lo in a new network namespace is down, and up after the call.
 */
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netns/loopback.h"
#include "tests/base/scratch.h"

static bool is_up(void)
{
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	return request.ifr_flags & IFF_UP;
}

static void loopback_comes_up(void **state)
{
	struct error err = { 0 };

	/* A user namespace gives an ordinary user the right, where the host allows one. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		skip();
	assert_false(is_up());
	assert_int_equal(loopback_up(&err), 0);
	assert_true(is_up());
	assert_int_equal(loopback_up(&err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(loopback_comes_up) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
