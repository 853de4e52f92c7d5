/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * seccomp.c - the system call filter of a VE, from tables of names.
 *
 * libseccomp knows the names and numbers of this machine and its 32-bit sibling; the program is
 * written here, for libseccomp's own takes 60 ms to build and 0.7 ms to load where this one takes
 * 1 and 0.1:
 *
 *   which machine? --> a binary tree over ranges of call numbers with one verdict each
 *                      --> allow | ENOSYS | EPERM | look at the arguments
 *
 * Comparisons of arguments are of their lower 32 bits, which are all that the kernel looks at
 * there. The 32-bit socketcall(2) passes a socket's family in memory, where no filter can look, and
 * any program may call it by int 0x80: it makes no sockets. 32-bit programs whose C library knows
 * socket(2) (Linux 4.3) have their network, older ones only what they are given. x32 calls have a
 * bit that no range holds and end as unknown.
 */
#include "runtime/seccomp.h"

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"

#define RANGES_MAX     512
#define USER_MODE_ONLY 1 /* UFFD_USER_MODE_ONLY of <linux/userfaultfd.h>, Linux 5.11 */
#define JUMP_MAX       255

/* Of each call number; the argument-dependent ones last. */
enum verdict {
	VERDICT_UNKNOWN,
	VERDICT_ALLOW,
	VERDICT_DENY,
	VERDICT_SOCKET,
	VERDICT_SOCKETCALL,
	VERDICT_USERFAULTFD,
};

struct range {
	uint32_t start; /* up to the next one's */
	enum verdict verdict;
};

struct seccomp_program {
	unsigned short n;
	bool full; /* an instruction did not fit */
	struct sock_filter code[BPF_MAXINSNS];
};

/* Machines and the 32-bit siblings whose programs run on them. */
static const struct {
	uint32_t native, sibling;
} machines[] = {
	{ SCMP_ARCH_X86_64, SCMP_ARCH_X86 },
	{ SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },
};

/* Where calls have numbers: the tables proper end below 600; arm has a few private ones. */
static const struct {
	uint32_t start, end;
} numbers[] = { { 0, 1024 }, { 0xf0000, 0xf0010 } };

/* Calls that only ever reach the host, or that have been its undoing too often. syslog reads the
 * host's kernel log where dmesg_restrict is 0. */
static const char *const denied[] = {
	"acct",
	"bpf",
	"clock_settime",
	"clock_settime64",
	"delete_module",
	"fanotify_init",
	"finit_module",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"lookup_dcookie",
	"nfsservctl",
	"open_by_handle_at",
	"perf_event_open",
	"quotactl",
	"quotactl_fd",
	"settimeofday",
	"stime",
	"swapoff",
	"swapon",
	"syslog",
};

static const unsigned int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_PACKET };
static const unsigned int netlinks[] = { NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER,
	NETLINK_KOBJECT_UEVENT, NETLINK_GENERIC };

/* Numbers of socketcall(2), by SYS_SOCKET and SYS_SOCKETPAIR of <linux/net.h>. */
static const unsigned int socket_makers[] = { 1, 8 };

static const struct {
	const char *name;
	enum verdict verdict;
} guarded[] = {
	{ "socket", VERDICT_SOCKET },
	{ "socketcall", VERDICT_SOCKETCALL },
	{ "socketpair", VERDICT_SOCKET },
	{ "userfaultfd", VERDICT_USERFAULTFD },
};

static enum verdict verdict_of(uint32_t machine, uint32_t number)
{
	cleanup_free char *name = seccomp_syscall_resolve_num_arch(machine, (int)number);

	if (!name)
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++)
		if (strcmp(name, guarded[i].name) == 0)
			return guarded[i].verdict;
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++)
		if (strcmp(name, denied[i]) == 0)
			return VERDICT_DENY;
	return VERDICT_ALLOW;
}

/* Neighbours with the same verdict become one range. The first starts at 0; the last has no end and
 * is unknown. */
static int ranges_make(uint32_t machine, struct range *ranges, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (uint32_t number = numbers[i].start; number <= numbers[i].end; number++) {
			enum verdict verdict = number == numbers[i].end
						       ? VERDICT_UNKNOWN
						       : verdict_of(machine, number);

			if (n > 0 && ranges[n - 1].verdict == verdict)
				continue;
			if (n == RANGES_MAX)
				return -E2BIG;
			ranges[n++] = (struct range){ number, verdict };
		}
	}
	*ret_n = n;
	return 0;
}

static void add(struct seccomp_program *program, struct sock_filter instruction)
{
	if (program->n == ARRAY_SIZE(program->code))
		program->full = true;
	else
		program->code[program->n++] = instruction;
}

static void add_return(struct seccomp_program *program, uint32_t action)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void add_load(struct seccomp_program *program, size_t offset)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void add_load_argument(struct seccomp_program *program, size_t number)
{
	add_load(program, offsetof(struct seccomp_data, args) + number * sizeof(uint64_t) +
				  (BYTE_ORDER == BIG_ENDIAN ? sizeof(uint32_t) : 0));
}

/* If the loaded word is one of the values, jumps `beyond` instructions past the last comparison. */
static void add_any_of(
	struct seccomp_program *program, const unsigned int *values, size_t n, unsigned int beyond)
{
	for (size_t i = 0; i < n; i++)
		add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, values[i],
				     (uint8_t)(n - 1 - i + beyond), 0));
}

static void add_guard_socket(struct seccomp_program *program)
{
	/* What stands between the families' comparisons and the last return, and after netlink's.
	 */
	const unsigned int rest = 1 + 1 + ARRAY_SIZE(netlinks) + 1;

	add_load_argument(program, 0);
	add_any_of(program, families, ARRAY_SIZE(families), rest);
	add(program,
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, rest - 2));
	add_load_argument(program, 2);
	add_any_of(program, netlinks, ARRAY_SIZE(netlinks), 1);
	add_return(program, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	add_return(program, SECCOMP_RET_ALLOW);
}

static void add_guard_socketcall(struct seccomp_program *program)
{
	add_load_argument(program, 0);
	add_any_of(program, socket_makers, ARRAY_SIZE(socket_makers), 1);
	add_return(program, SECCOMP_RET_ALLOW);
	add_return(program, SECCOMP_RET_ERRNO | ENOSYS);
}

static void add_guard_userfaultfd(struct seccomp_program *program)
{
	add_load_argument(program, 0);
	add(program,
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, USER_MODE_ONLY, 1, 0));
	add_return(program, SECCOMP_RET_ERRNO | EPERM);
	add_return(program, SECCOMP_RET_ALLOW);
}

static void add_verdict(struct seccomp_program *program, enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_UNKNOWN:
		add_return(program, SECCOMP_RET_ERRNO | ENOSYS);
		break;
	case VERDICT_ALLOW:
		add_return(program, SECCOMP_RET_ALLOW);
		break;
	case VERDICT_DENY:
		add_return(program, SECCOMP_RET_ERRNO | EPERM);
		break;
	case VERDICT_SOCKET:
		add_guard_socket(program);
		break;
	case VERDICT_SOCKETCALL:
		add_guard_socketcall(program);
		break;
	case VERDICT_USERFAULTFD:
		add_guard_userfaultfd(program);
		break;
	}
}

/* Depth is the logarithm of the number of ranges. */
static int add_tree(struct seccomp_program *program, const struct range *ranges, size_t n)
{
	size_t half = n / 2, branch = program->n, distance;
	int r;

	if (n == 1) {
		add_verdict(program, ranges[0].verdict);
		return 0;
	}
	add(program,
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges[half].start, 0, 0));
	r = add_tree(program, ranges, half);
	if (r < 0)
		return r;
	distance = program->n - branch - 1;
	if (program->full || distance > JUMP_MAX)
		return -E2BIG;
	program->code[branch].jt = (uint8_t)distance;
	return add_tree(program, ranges + half, n - half);
}

/* The tree of one machine, jumped over if it is not the one loaded. */
static int add_machine(struct seccomp_program *program, uint32_t machine)
{
	struct range ranges[RANGES_MAX];
	size_t n = 0, skip;
	int r = ranges_make(machine, ranges, &n);

	if (r < 0)
		return r;
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0));
	skip = program->n;
	add(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	add_load(program, offsetof(struct seccomp_data, nr));
	r = add_tree(program, ranges, n);
	if (r == 0)
		program->code[skip].k = (uint32_t)(program->n - skip - 1);
	return r;
}

static int program_fill(struct seccomp_program *program)
{
	uint32_t native = seccomp_arch_native();
	int r = 0;

	add_load(program, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < ARRAY_SIZE(machines) && r == 0; i++) {
		if (machines[i].native != native)
			continue;
		r = add_machine(program, machines[i].native);
		if (r == 0)
			r = add_machine(program, machines[i].sibling);
	}
	add_return(program, SECCOMP_RET_ERRNO | ENOSYS);
	return program->full ? -E2BIG : r;
}

int seccomp_program_new(struct seccomp_program **ret, struct error *err)
{
	struct seccomp_program *program = calloc(1, sizeof(*program));
	int r;

	if (!program)
		return error_memory(err);
	r = program_fill(program);
	if (r < 0) {
		free(program);
		return error_set(err, -r, "cannot build the system call filter");
	}
	*ret = program;
	return 0;
}

void seccomp_program_free(struct seccomp_program *program)
{
	free(program);
}

int seccomp_program_load(const struct seccomp_program *program)
{
	const struct sock_fprog bpf = { program->n, (struct sock_filter *)program->code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &bpf) < 0)
		return -errno;
	return 0;
}
