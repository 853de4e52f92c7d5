/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * join.c - the job's side of a join, and the process C that changes namespaces.
 *
 * C is cloned straight into the VE's cgroup, for a cgroup namespace is rooted where a process
 * stands. It sheds every descriptor before it enters (P01), is never dumpable (P03), and forks: pid
 * namespaces take hold in children only, and what runs must not have been anything before.
 */
#include "runtime/join.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/inside.h"
#include "cgroup/group.h"
#include "runtime/channel.h"
#include "runtime/mount.h"
#include "runtime/privilege.h"
#include "runtime/process.h"
#include "runtime/pty.h"
#include "runtime/session.h"

#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | \
		CLONE_NEWCGROUP)

#define CONSOLES_MAX 16 /* of dead keepers, one over the other */

/* Where C keeps what it keeps. */
enum { KEPT_CHANNEL = 3, KEPT_INIT, KEPT_END };

/* Leaves 0, 1, 2, the channel and the init's pidfd, and closes everything else. Without descriptors
 * of its own 0, 1 and 2 are stood in for by the channel, until the terminal is there: a free number
 * among them would be given to the next file opened. */
static int shed_descriptors(int channel_fd, int init_pidfd, const int *stdio_fds, struct error *err)
{
	const int stand_in[3] = { channel_fd, channel_fd, channel_fd };
	int high[2] = { fcntl(channel_fd, F_DUPFD_CLOEXEC, KEPT_END),
		fcntl(init_pidfd, F_DUPFD_CLOEXEC, KEPT_END) };
	int r;

	if (high[0] < 0 || high[1] < 0)
		return error_sys(err, "cannot duplicate a descriptor");
	r = process_set_stdio(stdio_fds ? stdio_fds : stand_in, err);
	if (r < 0)
		return r;
	if (dup3(high[0], KEPT_CHANNEL, O_CLOEXEC) < 0 || dup3(high[1], KEPT_INIT, O_CLOEXEC) < 0)
		return error_sys(err, "cannot keep a descriptor");
	if (close_range(KEPT_END, UINT_MAX, 0) < 0)
		return error_sys(err, "cannot close the host's descriptors");
	return 0;
}

static int enter(int init_pidfd, int namespaces, struct error *err)
{
	if (setns(init_pidfd, namespaces) < 0)
		return error_sys(err, "cannot enter the VE");
	return process_become_root(err);
}

/* C, up to where it is inside. */
static int join_enter(const struct join *join, const struct cgroup_join *cgroup, int channel_fd,
	struct error *err)
{
	int r;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(err, "cannot hide from the VE");
	r = cgroup_join_v1(cgroup);
	if (r < 0)
		return error_set(err, -r, "cannot enter the VE's v1 cgroups");
	r = privilege_set_ceiling(join->host->proc_fd, err);
	if (r == 0)
		r = shed_descriptors(
			channel_fd, join->init_pidfd, join->terminal ? NULL : join->stdio_fds, err);
	if (r == 0)
		r = enter(KEPT_INIT, NAMESPACES, err);
	if (r == 0)
		(void)close(KEPT_INIT);
	return r;
}

static _Noreturn void join_child(
	const struct join *join, const struct cgroup_join *cgroup, int channel_fd)
{
	struct channel_message message = { .kind = CHANNEL_ERROR };
	int pidfd = -1;
	int r = join_enter(join, cgroup, channel_fd, &message.error);

	if (r == 0) {
		channel_fd = KEPT_CHANNEL;
		message.pid = process_clone(0, -1, &pidfd, &message.error);
		if (message.pid == 0)
			session_run(join, channel_fd);
		if (message.pid > 0)
			message.kind = CHANNEL_PROCESS;
	}
	(void)channel_send(channel_fd, &message, pidfd); /* the job may be gone */
	_exit(0);
}

/* Pipes and files go in as they are. A terminal would take what the VE types for its user's own
 * (P19), and from a directory the way leads on, upwards too (P01). */
static int check_stdio(const struct join *join, struct error *err)
{
	for (size_t i = 0; !join->terminal && i < ARRAY_SIZE(join->stdio_fds); i++) {
		struct stat st;

		if (isatty(join->stdio_fds[i]))
			return error_refuse(err, ERROR_USAGE,
				"a terminal of the host may not enter a VE: ask for one of its "
				"own");
		if (fstat(join->stdio_fds[i], &st) < 0)
			return error_sys(err, "cannot look at descriptor %zu", i);
		if (S_ISDIR(st.st_mode))
			return error_refuse(err, ERROR_USAGE,
				"a directory of the host may not enter a VE as descriptor %zu", i);
	}
	return 0;
}

/* The process inside is held back until it is registered. */
static int let_go(
	const struct join *join, int channel_fd, const struct joined *joined, struct error *err)
{
	struct channel_message go = { .kind = CHANNEL_GO };
	int r = join->registered(joined, join->data, err);

	if (r == 0)
		(void)channel_send(channel_fd, &go, -1); /* it may have ended: end of file tells */
	return r;
}

/* Sorts one message into what has become known; an error ends the session. */
static int take_message(const struct join *join, int channel_fd,
	const struct channel_message *message, int *fd, struct joined *joined, bool *ret_exec,
	struct error *err)
{
	if (message->kind == CHANNEL_PROCESS) {
		joined->pid = message->pid;
		close_fd(&joined->pidfd);
		joined->pidfd = take_fd(fd);
		return let_go(join, channel_fd, joined, err);
	}
	if (message->kind == CHANNEL_TERMINAL) {
		close_fd(&joined->terminal_fd);
		joined->terminal_fd = take_fd(fd);
		return 0;
	}
	*ret_exec = message->exec;
	*err = message->error;
	return err->code ? -err->code : error_set(err, EPROTO, "an error without a code");
}

/* Until end of file, which C's exit and the exec of the program make together. */
static int join_follow(const struct join *join, int channel_fd, struct joined *joined,
	bool *ret_exec, struct error *err)
{
	struct channel_message message;
	int r;

	do {
		cleanup_close int fd = -1;

		r = channel_receive(channel_fd, &message, &fd);
		if (r == -ETIMEDOUT)
			return error_set(err, ETIMEDOUT,
				"the VE has not let it in for %d s (a frozen cgroup, or a file "
				"system that does not answer)",
				JOIN_SECONDS);
		if (r < 0)
			return error_set(err, -r, "cannot talk to the process entering the VE");
		if (r > 0 &&
			take_message(join, channel_fd, &message, &fd, joined, ret_exec, err) < 0)
			return -err->code;
	} while (r > 0);
	if (joined->pidfd < 0)
		return error_set(err, ECONNRESET, "the process entering the VE died");
	return 0;
}

static int join_clone(const struct join *join, int channel[2], int *ret_pidfd, struct error *err)
{
	struct cgroup_join cgroup = { .v2_fd = -1 };
	pid_t pid;
	int r = cgroup_open_exec(
		join->host->tree, join->name, join->config->first_id, &cgroup, err);

	if (r < 0)
		return r;
	pid = process_clone(0, cgroup.v2_fd, ret_pidfd, err);
	if (pid == 0)
		join_child(join, &cgroup, channel[1]);
	cgroup_join_done(&cgroup);
	return pid < 0 ? pid : 0;
}

int join_run(const struct join *join, struct joined *ret, bool *ret_exec, struct error *err)
{
	struct joined joined = { .pidfd = -1, .terminal_fd = -1, .channel_fd = -1 };
	int channel[2], child_pidfd = -1;
	int r = check_stdio(join, err);

	*ret_exec = false;
	if (r == 0)
		r = channel_open(channel, err);
	if (r < 0)
		return r;
	r = channel_limit(channel[0], JOIN_SECONDS, err);
	if (r == 0)
		r = join_clone(join, channel, &child_pidfd, err);
	close_fd(&channel[1]);
	if (r == 0)
		r = join_follow(join, channel[0], &joined, ret_exec, err);
	process_end(child_pidfd);
	close_fd(&child_pidfd);
	if (r < 0) {
		close_fd(&joined.terminal_fd);
		joined.channel_fd = take_fd(&channel[0]);
	}
	close_fd(&channel[0]);
	*ret = joined;
	return r;
}

/* What the last console is bound over, or, if it was not bound, what is there. The slave of a
 * master that is gone has been unlinked from its devpts, and nothing can be mounted on it. */
static int console_target(int root_fd, struct error *err)
{
	cleanup_close int dev_fd = inside_open(root_fd, "/dev", O_PATH | O_DIRECTORY, 0, err);
	int target_fd = -1;
	struct stat st;

	if (dev_fd < 0)
		return dev_fd;
	for (int i = 0; i < CONSOLES_MAX; i++) {
		close_fd(&target_fd);
		target_fd = inside_open(dev_fd, "console", O_PATH | O_NOFOLLOW, 0, err);
		if (target_fd < 0)
			return target_fd;
		if (fstat(target_fd, &st) == 0 && st.st_nlink > 0)
			break;
		if (mount_detach(dev_fd, "console", err) < 0)
			break;
	}
	return target_fd;
}

static int console_make(int *ret_master_fd, struct error *err)
{
	cleanup_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int devpts_fd = -1;
	cleanup_close int target_fd = -1;
	cleanup_close int slave_fd = -1;
	int r;

	if (root_fd < 0)
		return error_sys(err, "cannot open the VE's root");
	devpts_fd = inside_open(root_fd, "/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (devpts_fd < 0)
		return devpts_fd;
	target_fd = console_target(root_fd, err);
	if (target_fd < 0)
		return target_fd;
	r = pty_open(devpts_fd, ret_master_fd, &slave_fd, err);
	return r < 0 ? r : pty_place(slave_fd, target_fd, err);
}

static _Noreturn void console_child(pid_t job, int init_pidfd, int channel_fd)
{
	struct channel_message message = { .kind = CHANNEL_ERROR };
	int master_fd = -1;
	int r = shed_descriptors(channel_fd, init_pidfd, NULL, &message.error);

	if (r == 0) {
		channel_fd = KEPT_CHANNEL;
		r = enter(KEPT_INIT, CLONE_NEWUSER | CLONE_NEWNS, &message.error);
	}
	if (r == 0) /* from here on the VE decides how long it takes */
		r = process_end_with(job, &message.error);
	if (r == 0)
		r = console_make(&master_fd, &message.error);
	if (r == 0)
		message.kind = CHANNEL_READY;
	(void)channel_send(channel_fd, &message, master_fd); /* the job may be gone */
	_exit(0);
}

/* In the VE's cgroup, so that it ends with the VE; a paused one would freeze it. */
static int console_clone(const struct runtime_host *host, const char *name, int init_pidfd,
	int channel_fd, int *ret_pidfd, struct error *err)
{
	cleanup_close int cgroup_fd = -1;
	pid_t job = getpid(), pid;
	bool frozen = false;
	int r = cgroup_frozen(host->tree, name, &frozen, err);

	if (r == 0 && !frozen)
		r = cgroup_fd = cgroup_open_host(host->tree, name, err);
	if (r < 0)
		return r;
	pid = process_clone(0, cgroup_fd, ret_pidfd, err);
	if (pid == 0)
		console_child(job, init_pidfd, channel_fd);
	return pid < 0 ? pid : 0;
}

int join_replace_console(const struct runtime_host *host, const char *name, int init_pidfd,
	int *ret_master_fd, struct error *err)
{
	struct channel_message message;
	int channel[2], child_pidfd = -1;
	int r = channel_open(channel, err);

	if (r < 0)
		return r;
	r = channel_limit(channel[0], CONSOLE_SECONDS, err);
	if (r == 0)
		r = console_clone(host, name, init_pidfd, channel[1], &child_pidfd, err);
	close_fd(&channel[1]);
	if (r == 0)
		r = channel_expect(channel[0], CHANNEL_READY, &message, ret_master_fd, err);
	close_fd(&channel[0]);
	if (r == -ETIMEDOUT) {
		error_set(err, ETIMEDOUT, "its /dev has not answered for %d s", CONSOLE_SECONDS);
		process_kill(child_pidfd); /* the keeper's to reap, when the VE lets it end */
	} else {
		process_end(child_pidfd);
	}
	close_fd(&child_pidfd);
	return r;
}
