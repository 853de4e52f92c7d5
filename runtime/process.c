/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * process.c - what every child that ends up inside a VE does, whichever way it came.
 */
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

pid_t process_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct error *err)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return error_sys(err, "cannot create a process");
	if (pid > 0)
		*ret_pidfd = pidfd;
	return pid;
}

void process_kill(int pidfd)
{
	if (pidfd >= 0) /* it may have ended */
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

int process_end_with(pid_t parent, struct error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return error_sys(err, "cannot ask for an end with the parent");
	return getppid() == parent ? 0 : error_set(err, ECHILD, "the parent has ended");
}

void process_end(int pidfd)
{
	siginfo_t info;

	if (pidfd < 0)
		return;
	process_kill(pidfd);
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
}

int process_become_root(struct error *err)
{
	if (setgroups(0, NULL) < 0)
		return error_sys(err, "cannot clear the supplementary groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_sys(err, "cannot become root of the VE");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(err, "cannot hide from the VE");
	return 0;
}

int process_set_stdio(const int fds[3], struct error *err)
{
	int high[3];

	/* First out of the way of 0..2, whatever the order they came in. */
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
		if (high[i] < 0)
			return error_sys(err, "cannot duplicate a descriptor");
	}
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			return error_sys(err, "cannot set descriptor %d", i);
	for (int i = 0; i < 3; i++)
		close_fd(&high[i]);
	return 0;
}

int process_reset(struct error *err)
{
	sigset_t none;

	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		(void)signal(signal_number, SIG_DFL); /* KILL, STOP and libc's own refuse */
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return error_sys(err, "cannot unblock signals");
	umask(022);
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return error_sys(err, "cannot mark descriptors close-on-exec");
	return 0;
}

int process_exec(const char *program, char *const *argv, char *const *env, struct error *err)
{
	bool is_path = strchr(program, '/') != NULL;
	int code;

	environ = (char **)env; /* execvp looks the name up in this PATH, not in our own */
	if (is_path)
		execv(program, argv); /* as the kernel says: execvp would try /bin/sh */
	else
		execvp(program, argv);
	code = errno;
	if (code == ENOEXEC)
		return error_set(err, ENOEXEC,
			"cannot execute %s: neither a program of this machine nor a script with #!",
			program);
	if (is_path && code == ENOENT && faccessat(AT_FDCWD, program, F_OK, AT_EACCESS) == 0)
		return error_set(
			err, ENOENT, "cannot execute %s: its interpreter is not there", program);
	errno = code;
	return error_sys(err, "cannot execute %s", program);
}
