/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * seccomp.c - the system call filter of a VE, from four tables.
 *
 * Default ENOSYS, so that a call newer than the build's libseccomp makes libc fall back; then every
 * call that libseccomp knows by name on this machine or its 32-bit sibling is allowed, except for
 * the denied calls and the guarded ones, whose arguments decide. The 32-bit socketcall(2) passes
 * its arguments in memory, where no filter can look: it is allowed (refusing it breaks every 32-bit
 * program's network), so address families on that path are the kernel's and the LSM's matter.
 *
 * libseccomp builds the program once; what is kept is the BPF array.
 */
#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"

#define CALLS_END            1024 /* numbers tried; the kernel's tables end below 600 */
#define USER_MODE_ONLY       1    /* UFFD_USER_MODE_ONLY of <linux/userfaultfd.h>, Linux 5.11 */
#define ADDRESS_FAMILIES_END 64   /* above AF_MAX of any kernel; what lies beyond is refused too */

struct seccomp_program {
	struct sock_fprog bpf;
};

/* Machines and the 32-bit siblings whose programs run on them. */
static const struct {
	uint32_t native, sibling;
} machines[] = {
	{ SCMP_ARCH_X86_64, SCMP_ARCH_X86 },
	{ SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },
};

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

/* Calls whose arguments decide; the rules are written by guard_*(). */
static const char *const guarded[] = { "socket", "socketpair", "userfaultfd" };

static const unsigned int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET };
static const unsigned int netlinks[] = { NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER,
	NETLINK_KOBJECT_UEVENT, NETLINK_GENERIC };

static bool name_in(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool number_in(unsigned int number, const unsigned int *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (number == numbers[i])
			return true;
	return false;
}

/* One rule for one call; a call that this machine does not have is no error. */
static int rule_add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned int n,
	const struct scmp_arg_cmp *compare)
{
	int number = seccomp_syscall_resolve_name(name);
	int r;

	if (number == __NR_SCMP_ERROR)
		return 0;
	r = seccomp_rule_add_array(filter, action, number, n, compare);
	return r == -EEXIST || r == -EDOM ? 0 : r;
}

/* The complement of the families is written out, value by value: libseccomp lets a rule without
 * conditions swallow those with. Comparisons are of 64 bits where the kernel looks at 32, so
 * rubbish in the upper half ends in the last rule, which refuses. */
static int guard_family(scmp_filter_ctx filter, const char *name)
{
	uint32_t refuse = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	struct scmp_arg_cmp rest = SCMP_A0(SCMP_CMP_GE, ADDRESS_FAMILIES_END);
	int r = rule_add(filter, refuse, name, 1, &rest);

	for (unsigned int i = 0; i < ADDRESS_FAMILIES_END && r == 0; i++) {
		struct scmp_arg_cmp is = SCMP_A0(SCMP_CMP_EQ, i);

		if (i == AF_NETLINK)
			continue;
		r = rule_add(filter,
			number_in(i, families, ARRAY_SIZE(families)) ? SCMP_ACT_ALLOW : refuse,
			name, 1, &is);
	}
	return r;
}

static int guard_netlink(scmp_filter_ctx filter, const char *name)
{
	uint32_t refuse = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	struct scmp_arg_cmp rest[] = { SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
		SCMP_A2(SCMP_CMP_GE, MAX_LINKS) };
	int r = rule_add(filter, refuse, name, 2, rest);

	for (unsigned int i = 0; i < MAX_LINKS && r == 0; i++) {
		struct scmp_arg_cmp is[] = { SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
			SCMP_A2(SCMP_CMP_EQ, i) };

		r = rule_add(filter,
			number_in(i, netlinks, ARRAY_SIZE(netlinks)) ? SCMP_ACT_ALLOW : refuse,
			name, 2, is);
	}
	return r;
}

static int guard_userfaultfd(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp user = SCMP_A0(SCMP_CMP_MASKED_EQ, USER_MODE_ONLY, USER_MODE_ONLY);
	struct scmp_arg_cmp kernel = SCMP_A0(SCMP_CMP_MASKED_EQ, USER_MODE_ONLY, 0);
	int r = rule_add(filter, SCMP_ACT_ALLOW, "userfaultfd", 1, &user);

	return r < 0 ? r : rule_add(filter, SCMP_ACT_ERRNO(EPERM), "userfaultfd", 1, &kernel);
}

static int guard_all(scmp_filter_ctx filter)
{
	static const char *const sockets[] = { "socket", "socketpair" };

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		int r = guard_family(filter, sockets[i]);

		if (r == 0)
			r = guard_netlink(filter, sockets[i]);
		if (r < 0)
			return r;
	}
	return guard_userfaultfd(filter);
}

/* Every call of one machine's table that is not guarded: allowed, or denied by name. */
static int calls_add(scmp_filter_ctx filter, uint32_t machine)
{
	int r = 0;

	for (int number = 0; number < CALLS_END && r == 0; number++) {
		cleanup_free char *name = seccomp_syscall_resolve_num_arch(machine, number);

		if (!name || name_in(name, guarded, ARRAY_SIZE(guarded)))
			continue;
		if (name_in(name, denied, ARRAY_SIZE(denied)))
			r = rule_add(filter, SCMP_ACT_ERRNO(EPERM), name, 0, NULL);
		else
			r = rule_add(filter, SCMP_ACT_ALLOW, name, 0, NULL);
	}
	return r;
}

static int filter_fill(scmp_filter_ctx filter)
{
	uint32_t native = seccomp_arch_native();
	int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */

	/* x32 counts as a foreign machine, and is answered as a kernel without it would. */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	/* The VE keeps set-uid programs: no_new_privs stays off, we have CAP_SYS_ADMIN instead. */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	for (size_t i = 0; i < ARRAY_SIZE(machines) && r == 0; i++) {
		if (machines[i].native != native)
			continue;
		r = seccomp_arch_add(filter, machines[i].sibling);
		if (r == 0)
			r = calls_add(filter, native);
		if (r == 0)
			r = calls_add(filter, machines[i].sibling);
	}
	return r < 0 ? r : guard_all(filter);
}

/* libseccomp 2.5 can write the program to a descriptor only. */
static int filter_export(scmp_filter_ctx filter, struct seccomp_program *program, struct error *err)
{
	cleanup_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return error_sys(err, "cannot create a memory file");
	r = seccomp_export_bpf(filter, fd);
	if (r < 0)
		return error_set(err, -r, "cannot build the system call filter");
	if (fstat(fd, &st) < 0)
		return error_sys(err, "cannot size the system call filter");
	if (st.st_size <= 0 || (size_t)st.st_size > BPF_MAXINSNS * sizeof(struct sock_filter))
		return error_set(err, E2BIG, "the system call filter is too large");

	program->bpf.filter = malloc((size_t)st.st_size);
	if (!program->bpf.filter)
		return error_memory(err);
	program->bpf.len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	if (pread(fd, program->bpf.filter, (size_t)st.st_size, 0) != st.st_size)
		return error_sys(err, "cannot read the system call filter");
	return 0;
}

int seccomp_program_new(enum profile profile, struct seccomp_program **ret, struct error *err)
{
	struct seccomp_program *program = calloc(1, sizeof(*program));
	scmp_filter_ctx filter;
	int r;

	(void)profile; /* nesting differs in its mounts; the calls are the same */
	if (!program)
		return error_memory(err);
	filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter) {
		free(program);
		return error_memory(err);
	}
	r = filter_fill(filter);
	if (r < 0)
		error_set(err, -r, "cannot build the system call filter");
	else
		r = filter_export(filter, program, err);
	seccomp_release(filter);
	if (r < 0) {
		seccomp_program_free(program);
		return r;
	}
	*ret = program;
	return 0;
}

void seccomp_program_free(struct seccomp_program *program)
{
	if (!program)
		return;
	free(program->bpf.filter);
	free(program);
}

int seccomp_program_load(const struct seccomp_program *program)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program->bpf) < 0)
		return -errno;
	return 0;
}
