/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * seccomp_test.c - the filter, loaded into children that then try calls. Each refusal has its
 * control: the same call without the filter answers something else.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/seccomp.h"

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/error.h"

#define NO_SUCH_CALL 1000
#define X32_BIT      0x40000000L
#define USER_ONLY    1L
#define WITHOUT      false
#define WITH         true
#define CANNOT       200 /* the child's word for "no filter may be loaded here" */

static struct seccomp_program *program;

struct call {
	long number, a, b, c;
};

/* The errno of a call made by a child, 0 for success. */
static int try(struct call call, bool filtered)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		long r;

		if (filtered && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
					seccomp_program_load(program) < 0))
			_exit(CANNOT);
		r = syscall(call.number, call.a, call.b, call.c, 0L, 0L);
		_exit(r < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		skip();
	return WEXITSTATUS(status);
}

static struct call socket_call(long family, long type, long protocol)
{
	return (struct call){ SYS_socket, family, type, protocol };
}

static void what_reaches_the_host_is_not_permitted(void **state)
{
	static const struct call calls[] = {
		{ .number = SYS_bpf },
		{ .number = SYS_io_uring_setup },
		{ .number = SYS_kexec_load },
		{ .number = SYS_open_by_handle_at, .a = -1 },
		{ .number = SYS_perf_event_open },
		{ .number = SYS_syslog, .a = 10 },
		{ .number = SYS_userfaultfd },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_int_equal(try(calls[i], WITH), EPERM);
}

static void ordinary_calls_answer_as_without(void **state)
{
	static const struct call calls[] = {
		{ .number = SYS_getpid },
		{ .number = SYS_unshare },
		{ .number = SYS_clone3 },
		{ .number = SYS_keyctl, .a = -1 },
		{ .number = SYS_ptrace, .a = -1 },
		{ .number = SYS_userfaultfd, .a = USER_ONLY },
		{ .number = SYS_openat2, .a = -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_int_equal(try(calls[i], WITH), try(calls[i], WITHOUT));
}

static void an_unknown_call_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(try((struct call){ .number = NO_SUCH_CALL }, WITH), ENOSYS);
	assert_int_equal(try((struct call){ .number = X32_BIT + SYS_getppid }, WITH), ENOSYS);
}

static void ordinary_families_open(void **state)
{
	(void)state;
	assert_int_equal(try(socket_call(AF_UNIX, SOCK_STREAM, 0), WITH), 0);
	assert_int_equal(try(socket_call(AF_INET, SOCK_DGRAM, 0), WITH), 0);
	assert_int_equal(try(socket_call(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), WITH), 0);
	assert_int_equal(try(socket_call(AF_PACKET, SOCK_RAW, 0), WITH),
		try(socket_call(AF_PACKET, SOCK_RAW, 0), WITHOUT));
}

static void rare_families_do_not(void **state)
{
	static const long families[] = { AF_UNSPEC, AF_AX25, AF_KEY, AF_RDS, AF_TIPC, AF_BLUETOOTH,
		AF_ALG, AF_VSOCK, AF_XDP, 45, 46, 1000 };
	static const long netlinks[] = { NETLINK_AUDIT, NETLINK_XFRM, NETLINK_SELINUX,
		NETLINK_CRYPTO, MAX_LINKS, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		assert_int_equal(try(socket_call(families[i], SOCK_STREAM, 0), WITH), EAFNOSUPPORT);
	for (size_t i = 0; i < ARRAY_SIZE(netlinks); i++)
		assert_int_equal(
			try(socket_call(AF_NETLINK, SOCK_RAW, netlinks[i]), WITH), EAFNOSUPPORT);
}

/* The kernel takes the lower half of the argument, and so must the filter. */
static void the_upper_half_of_a_family_hides_nothing(void **state)
{
	const long high = INT64_C(1) << 32;

	(void)state;
	assert_int_equal(try(socket_call(high | AF_ALG, SOCK_SEQPACKET, 0), WITH), EAFNOSUPPORT);
	assert_int_equal(
		try(socket_call(AF_NETLINK, SOCK_RAW, high | NETLINK_AUDIT), WITH), EAFNOSUPPORT);
	assert_int_equal(try(socket_call(high | AF_UNIX, SOCK_STREAM, 0), WITH), 0);
}

static int program_make(void **state)
{
	struct error err = { 0 };

	(void)state;
	return seccomp_program_new(&program, &err);
}

static int program_end(void **state)
{
	(void)state;
	seccomp_program_free(program);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_reaches_the_host_is_not_permitted),
		cmocka_unit_test(ordinary_calls_answer_as_without),
		cmocka_unit_test(an_unknown_call_is_not_there),
		cmocka_unit_test(ordinary_families_open),
		cmocka_unit_test(rare_families_do_not),
		cmocka_unit_test(the_upper_half_of_a_family_hides_nothing),
	};

	return cmocka_run_group_tests(tests, program_make, program_end);
}
