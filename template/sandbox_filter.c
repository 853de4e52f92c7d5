/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sandbox_filter.c - the system calls that unpacking an archive takes, by libseccomp.
 *
 * An allow-list: whatever else is called, on whichever ABI, ends the process. Arguments count where
 * the call could do more than is needed: no device node, no executable memory, no path from the
 * root (which the C library's character sets would take for the host's and find in the template).
 */
#include "template/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/error.h"

/* clang-format off */
static const int calls[] = {
	/* files below the layer */
	SCMP_SYS(openat2), SCMP_SYS(mkdirat), SCMP_SYS(linkat), SCMP_SYS(symlinkat),
	SCMP_SYS(unlinkat), SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(fchmod),
	SCMP_SYS(fsetxattr), SCMP_SYS(utimensat), SCMP_SYS(ftruncate),
	SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(statx),
	/* descriptors */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(lseek), SCMP_SYS(close),
	SCMP_SYS(sendto), SCMP_SYS(fadvise64),
	/* the C library at work, and a sanitizer beside it */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

#define NEGATIVE UINT64_C(0x80000000) /* AT_FDCWD is one; the upper half of an int is anything */

static const struct {
	uint32_t action;
	int call;
	struct scmp_arg_cmp arg;
} conditions[] = {
	{ SCMP_ACT_ALLOW, SCMP_SYS(openat),
		{ 0, SCMP_CMP_MASKED_EQ, NEGATIVE, 0 } },
	{ SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(openat),
		{ 0, SCMP_CMP_MASKED_EQ, NEGATIVE, NEGATIVE } },
	{ SCMP_ACT_ALLOW, SCMP_SYS(mknodat),
		{ 2, SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO } },
	{ SCMP_ACT_ALLOW, SCMP_SYS(mmap),
		{ 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	{ SCMP_ACT_ALLOW, SCMP_SYS(mprotect),
		{ 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
};
/* clang-format on */

static int add_rules(scmp_filter_ctx context)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int r = seccomp_rule_add(context, SCMP_ACT_ALLOW, calls[i], 0);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		int r = seccomp_rule_add_array(
			context, conditions[i].action, conditions[i].call, 1, &conditions[i].arg);

		if (r < 0)
			return r;
	}
	return 0;
}

int sandbox_filter(struct error *err)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!context)
		return error_memory(err);
	r = add_rules(context);
	if (r == 0)
		r = seccomp_load(context);
	seccomp_release(context);
	return r < 0 ? error_set(err, -r, "cannot load the import's system call filter") : 0;
}
