/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_reload.c - the keeper replaces itself without being missed.
 *
 *   SIGHUP: child: PROGRAM ARGUMENTS --check  -- "I can" --> table into a memfd, execve(PROGRAM)
 *
 * execve keeps the pid, the children, the subreaper mark, locks and descriptors. A program that
 * cannot read its options or our table would end there, and with it the memory of what ends: hence
 * the check. Its status is none that a program which is not ours ends with by chance.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/parse.h"
#include "daemon/console.h"
#include "daemon/keeper.h"
#include "daemon/keeper_state.h"
#include "daemon/session.h"

#define STATE_VARIABLE "VESSELD_STATE"
#define TABLE_VARIABLE "VESSELD_TABLE" /* to the child: the version of our table */
#define CAN_READ_TABLE 86              /* its answer */

static _Noreturn void ask(const struct keeper *keeper)
{
	char number[FORMAT_SIZE]; /* a 32-bit number */

	snprintf(number, sizeof(number), "%d", STATE_VERSION);
	if (setenv(TABLE_VARIABLE, number, 1) < 0)
		_exit(1);
	keeper_execute(keeper, "--check");
}

int keeper_check(struct error *err)
{
	const char *word = getenv(TABLE_VARIABLE);
	uint64_t version;

	if (!word)
		return 0;
	if (parse_count(word, &version) < 0 || version != STATE_VERSION)
		return error_set(err, EPROTO,
			"this vesseld cannot take over from the running keeper: table version "
			"%.20s, not %d",
			word, STATE_VERSION);
	return CAN_READ_TABLE;
}

void keeper_reload(struct keeper *keeper)
{
	pid_t pid;

	if (keeper->check_pid || keeper->quitting)
		return;
	pid = keeper_fork();
	if (pid == 0)
		ask(keeper);
	if (pid < 0)
		log_line(LOG_LEVEL_ERROR, "cannot reload: %s", strerror(errno));
	else
		keeper->check_pid = pid;
}

static void save_table(struct keeper *keeper, struct state_writer *writer)
{
	struct keeper_job *job;
	struct keeper_ve *ve;

	TAILQ_FOREACH(ve, &keeper->table.ves, link)
	{
		struct state_ve to = {
			.message = ve->fact.message,
			.job = ve->job,
			.untold = ve->fact.untold,
			.child = ve->child,
			.pidfd = state_keep_fd(writer, ve->pidfd),
			.notify_fd = state_keep_fd(writer, ve->notify_fd),
		};

		state_write(writer, STATE_VE, &to, sizeof(to));
	}
	TAILQ_FOREACH(job, &keeper->table.jobs, link)
	{
		struct state_job to = {
			.message = job->fact.message,
			.untold = job->fact.untold,
			.result = job->result,
			.pid = job->pid,
			.fd = state_keep_fd(writer, job->fd),
		};

		state_write(writer, STATE_JOB, &to, sizeof(to));
	}
}

static void save_strays(const struct keeper *keeper, struct state_writer *writer)
{
	for (size_t i = 0; i < STRAYS; i++) {
		struct state_stray to = { keeper->strays[i].pid, keeper->strays[i].status };

		if (to.pid)
			state_write(writer, STATE_STRAY, &to, sizeof(to));
	}
}

static int save(struct keeper *keeper, struct state_writer *writer, struct error *err)
{
	struct state_keeper to = {
		.listen_fd = state_keep_fd(writer, keeper->listen_fd),
		.manager_fd = state_keep_fd(writer, keeper->manager_fd),
		.manager_pid = keeper->manager_pid,
		.synced = keeper->synced,
	};

	for (size_t i = 0; i < STATE_LOCKS; i++)
		to.lock_fds[i] = state_keep_fd(writer, keeper->lock_fds[i]);
	state_write(writer, STATE_KEEPER, &to, sizeof(to));
	save_table(keeper, writer);
	sessions_save(keeper->sessions, writer);
	consoles_save(keeper->consoles, writer);
	save_strays(keeper, writer);
	return state_finish(writer, err);
}

/* Returns only if it fails. */
static int execute(struct keeper *keeper, struct state_writer *writer, struct error *err)
{
	char number[FORMAT_SIZE]; /* a 32-bit number */
	cleanup_close int fd = save(keeper, writer, err);

	if (fd < 0)
		return fd;
	snprintf(number, sizeof(number), "%d", fd);
	if (setenv(STATE_VARIABLE, number, 1) < 0)
		return error_memory(err);
	execv(keeper->program, keeper->argv);
	error_sys(err, "cannot execute %s", keeper->program);
	unsetenv(STATE_VARIABLE);
	return -err->code;
}

void keeper_checked(struct keeper *keeper, int status)
{
	struct state_writer writer = { 0 };
	struct error err;

	keeper->check_pid = 0;
	if (keeper->quitting)
		return;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != CAN_READ_TABLE) {
		log_line(LOG_LEVEL_ERROR, "not reloaded: %s cannot take over", keeper->program);
		return;
	}
	state_begin(&writer);
	(void)execute(keeper, &writer, &err);
	log_line(LOG_LEVEL_ERROR, "not reloaded: %s", err.text);
	state_abandon(&writer);
}

int keeper_find_state(void)
{
	const char *word = getenv(STATE_VARIABLE);
	uint64_t fd;
	bool good = word && parse_count(word, &fd) == 0 && fd <= INT_MAX;

	unsetenv(STATE_VARIABLE);
	if (!good || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	return (int)fd;
}

static int take(int fd)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* it was so in the last life */
	return fd;
}

static int load_keeper(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	struct state_keeper from;
	int r;

	state_copy(&from, sizeof(from), bytes, n);
	for (size_t i = 0; i < STATE_LOCKS; i++)
		keeper->lock_fds[i] = take(from.lock_fds[i]);
	keeper->manager_pid = from.manager_pid;
	keeper->manager_started = 0;
	keeper->synced = from.synced;
	keeper->listen_fd = take(from.listen_fd);
	keeper->manager_fd = take(from.manager_fd);
	r = keeper_listen(keeper, err);
	if (r == 0 && keeper->manager_fd >= 0)
		r = keeper_attach_manager(keeper, err);
	return r;
}

/* Marks again what was untold. */
static void load_untold(struct keeper *keeper, struct fact *fact, uint32_t untold)
{
	for (unsigned int i = 0; i <= KEEPER_JOB_ENDED - KEEPER_VE; i++)
		if (untold & 1U << i)
			table_tell(&keeper->table, fact, KEEPER_VE + (enum message_type)i);
}

static int load_ve(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	struct keeper_ve *ve = table_add_ve(&keeper->table, keeper);
	struct state_ve from;
	int r;

	if (!ve)
		return error_memory(err);
	state_copy(&from, sizeof(from), bytes, n);
	ve->fact.message = from.message;
	ve->job = from.job;
	ve->child = from.child;
	ve->pidfd = take(from.pidfd);
	ve->notify_fd = take(from.notify_fd);
	r = keeper_attach_ve(ve, err);
	if (r == 0 && !ve->child && !from.message.ended)
		keeper_settle_ve(ve);
	load_untold(keeper, &ve->fact, from.untold);
	return r;
}

static int load_job(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	struct keeper_job *job = table_add_job(&keeper->table, keeper);
	struct state_job from;

	if (!job)
		return error_memory(err);
	state_copy(&from, sizeof(from), bytes, n);
	job->fact.message = from.message;
	job->result = from.result;
	job->pid = from.pid;
	job->fd = take(from.fd);
	load_untold(keeper, &job->fact, from.untold);
	return job->fd < 0 ? 0 : keeper_attach_job(job, err);
}

static int load_session(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	struct state_session from;

	state_copy(&from, sizeof(from), bytes, n);
	return sessions_add(
		keeper->sessions, from.pid, take(from.pidfd), take(from.status_fd), err);
}

static int load_console(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	struct state_console from;

	state_copy(&from, sizeof(from), bytes, n);
	(void)take(from.master_fd);
	(void)take(from.slave_fd);
	return consoles_load_console(keeper->consoles, &from, err);
}

static int load_ring(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	consoles_load_ring(keeper->consoles, bytes, n);
	return 0;
}

static int load_watcher(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	struct state_watcher from;

	state_copy(&from, sizeof(from), bytes, n);
	return consoles_load_watcher(keeper->consoles, take(from.fd), err);
}

static int load_stray(struct keeper *keeper, const void *bytes, size_t n, struct error *err)
{
	struct state_stray from;

	state_copy(&from, sizeof(from), bytes, n);
	keeper_add_stray(keeper, from.pid, from.status);
	return 0;
}

/* A record that cannot be taken over costs what it told of, not the keeper. */
static int load_record(
	struct keeper *keeper, enum state_type type, const void *bytes, size_t n, struct error *err)
{
	static int (*const rows[])(struct keeper *, const void *, size_t, struct error *) = {
		[STATE_KEEPER] = load_keeper,
		[STATE_VE] = load_ve,
		[STATE_JOB] = load_job,
		[STATE_SESSION] = load_session,
		[STATE_CONSOLE] = load_console,
		[STATE_RING] = load_ring,
		[STATE_WATCHER] = load_watcher,
		[STATE_STRAY] = load_stray,
	};

	if (type < STATE_KEEPER || type > STATE_STRAY)
		return 0;
	if (rows[type](keeper, bytes, n, err) < 0)
		log_line(LOG_LEVEL_ERROR, "reload: %s", err->text);
	return 0;
}

int keeper_load(struct keeper *keeper, int fd, struct error *err)
{
	int r = state_read(fd, keeper, load_record, err);

	close_fd(&fd);
	if (r == 0 && keeper->by_hand && keeper->manager_pid)
		(void)kill(keeper->manager_pid, SIGHUP); /* ours, not reaped yet: it follows */
	return r;
}
