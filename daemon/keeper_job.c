/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_job.c - a job is a fork of the keeper with a socket of its own and nothing it does not
 * need.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/socket.h"
#include "daemon/console.h"
#include "daemon/job.h"
#include "daemon/keeper.h"
#include "daemon/protocol.h"
#include "daemon/session.h"

#define JOB_FDS (1 + SOCKET_FDS_MAX) /* the socket, and what came with MANAGER_JOB */

static int compare_fds(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* Closes every descriptor between two that stay. */
static void close_others(const struct keeper *keeper, const int *own, size_t n_own)
{
	size_t n = keeper->n_host_fds;
	int *keep = reallocarray(NULL, n + n_own, sizeof(*keep));
	unsigned int next = 0;

	if (!keep)
		_exit(1); /* reported by the keeper as a job without a result */
	memcpy(keep, keeper->host_fds, n * sizeof(*keep));
	memcpy(keep + n, own, n_own * sizeof(*keep));
	n += n_own;
	qsort(keep, n, sizeof(*keep), compare_fds);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned int)keep[i] > next)
			(void)close_range(next, (unsigned int)keep[i] - 1, 0);
		next = (unsigned int)keep[i] + 1;
	}
	(void)close_range(next, ~0U, 0);
	free(keep);
}

static _Noreturn void run_child(
	struct keeper *keeper, uint64_t id, int socket_fd, const int *fds, size_t n_fds)
{
	struct job job = {
		.instance = keeper->instance,
		.host = &keeper->host,
		.keeper_fd = socket_fd,
		.id = id,
		.spec_fd = fds[0],
		.n_fds = n_fds - 1,
	};
	int own[JOB_FDS] = { socket_fd };

	memcpy(own + 1, fds, n_fds * sizeof(*fds));
	for (size_t i = 0; i < ARRAY_SIZE(job.fds); i++)
		job.fds[i] = i + 1 < n_fds ? fds[i + 1] : -1;
	(void)setsid(); /* a terminal's Ctrl-C is for the keeper */
	(void)prctl(PR_SET_NAME, "vessel-job");
	close_others(keeper, own, n_fds + 1);
	job_run(&job);
}

static int fork_job(struct keeper_job *job, const int *fds, size_t n_fds, struct error *err)
{
	cleanup_close int ours = -1, theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "cannot make a socket for a job");
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(err, "cannot make a socket for a job");
	job->pid = keeper_fork();
	if (job->pid == 0)
		run_child(job->keeper, job->fact.message.id, theirs, fds, n_fds);
	if (job->pid < 0) {
		job->pid = 0;
		return error_sys(err, "cannot fork a job");
	}
	job->fd = take_fd(&ours);
	return 0;
}

void keeper_start_job(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	struct keeper_job *job = table_find_job(&keeper->table, message->id);
	struct message *known;
	int r;

	if (job || keeper->quitting)
		return; /* known already, or nobody would hear of it */
	job = table_add_job(&keeper->table, keeper);
	if (!job) {
		log_line(LOG_LEVEL_ERROR, "%s: out of memory for a job", message->name);
		return;
	}
	known = &job->fact.message;
	known->id = message->id;
	memcpy(known->name, message->name, sizeof(known->name));
	known->started = time(NULL);
	r = fork_job(job, fds, n_fds, &known->error);
	if (r == 0)
		r = keeper_attach_job(job, &known->error);
	if (r == 0) {
		table_tell(&keeper->table, &job->fact, KEEPER_JOB);
		return;
	}
	if (job->pid) {
		close_fd(&job->fd); /* it has lost its keeper, and ends */
		job->result = true;
		return;
	}
	known->status = -1;
	known->ended = time(NULL);
	table_tell(&keeper->table, &job->fact, KEEPER_JOB_ENDED);
}

static void hang_up(struct keeper_job *job)
{
	loop_remove(job->source);
	job->source = NULL;
	close_fd(&job->fd);
}

static int do_register(
	struct keeper_job *job, const struct message *message, int *fds, size_t n_fds)
{
	struct message go = { .version = PROTOCOL_VERSION, .type = KEEPER_GO };
	struct error err;
	int r;

	r = keeper_register(
		job->keeper, job->fact.message.id, message, fds, n_fds < 3 ? 1 : 3, &err);
	if (r < 0) {
		log_line(LOG_LEVEL_ERROR, "%s: cannot register: %s", message->name, err.text);
		return r;
	}
	return socket_send(job->fd, &go, sizeof(go), NULL, 0) < 0 ? -1 : 0;
}

static int do_console(struct keeper_job *job, const struct message *message, int *fds, size_t n_fds)
{
	struct keeper *keeper = job->keeper;
	struct error err;

	if (!table_find_ve(&keeper->table, message->name))
		return 0; /* it has ended meanwhile */
	if (consoles_start(keeper->consoles, message->name, take_fd(&fds[0]), &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: console: %s", message->name, err.text);
	return 0;
}

static int do_session(struct keeper_job *job, const struct message *message, int *fds, size_t n_fds)
{
	struct keeper *keeper = job->keeper;
	int pidfd = fds[0]; /* the session's from here on */
	struct error err;
	int status;

	if (sessions_add(keeper->sessions, message->pid, take_fd(&fds[0]), take_fd(&fds[1]), &err) <
		0)
		log_line(LOG_LEVEL_WARNING, "%s: session: %s", message->name, err.text);
	else if (keeper_claim_stray(keeper, message->pid, pidfd, &status))
		(void)sessions_end(keeper->sessions, message->pid, status);
	return 0;
}

static int do_progress(
	struct keeper_job *job, const struct message *message, int *fds, size_t n_fds)
{
	job->fact.message.done = message->done;
	job->fact.message.total = message->total;
	table_tell(&job->keeper->table, &job->fact, KEEPER_JOB_PROGRESS);
	return 0;
}

static int do_result(struct keeper_job *job, const struct message *message, int *fds, size_t n_fds)
{
	job->result = true;
	job->fact.message.error = message->error;
	memcpy(job->fact.message.text, message->text, sizeof(message->text));
	return 0;
}

/* clang-format off */
static const struct {
	enum message_type type;
	size_t min_fds;
	int (*fn)(struct keeper_job *job, const struct message *message, int *fds, size_t n_fds);
} rows[] = {
	{ JOB_REGISTER, 1, do_register },
	{ JOB_CONSOLE,  1, do_console },
	{ JOB_SESSION,  2, do_session },
	{ JOB_PROGRESS, 0, do_progress },
	{ JOB_RESULT,   0, do_result },
};
/* clang-format on */

static int dispatch(
	struct keeper_job *job, const struct message *message, ssize_t size, int *fds, size_t n_fds)
{
	if (!message_check(message, (size_t)size))
		return -EPROTO;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == message->type && n_fds >= rows[i].min_fds)
			return rows[i].fn(job, message, fds, n_fds);
	return -EPROTO;
}

/* One message; false when there is none, now or ever. */
static bool hear(struct keeper_job *job)
{
	int fds[SOCKET_FDS_MAX];
	struct message message;
	size_t n_fds = 0;
	ssize_t n = socket_receive(job->fd, &message, sizeof(message), fds, &n_fds);
	int r;

	if (n == -EAGAIN || n == -EINTR)
		return false;
	r = n <= 0 ? -EPIPE : dispatch(job, &message, n, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		close_fd(&fds[i]);
	if (r < 0)
		hang_up(job);
	return r == 0;
}

static int on_job(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct keeper_job *job = data;
	struct keeper *keeper = job->keeper;

	(void)hear(job);
	keeper_tell(keeper);
	return 0;
}

int keeper_attach_job(struct keeper_job *job, struct error *err)
{
	return loop_add_io(job->keeper->loop, job->fd, EPOLLIN, on_job, job, &job->source, err);
}

static void explain(struct keeper_job *job, int status)
{
	struct error *err = &job->fact.message.error;

	if (WIFSIGNALED(status))
		error_set(err, EINTR, "job was killed by signal %d", WTERMSIG(status));
	else
		error_set(err, EPROTO, "job ended with status %d and without a result",
			WEXITSTATUS(status));
}

void keeper_end_job(struct keeper_job *job, int status)
{
	struct keeper *keeper = job->keeper;
	uint64_t id = job->fact.message.id;
	struct keeper_ve *next;

	while (job->fd >= 0 && hear(job))
		; /* what it said before it ended */
	hang_up(job);
	job->pid = 0;
	job->fact.message.status = status;
	job->fact.message.ended = time(NULL);
	if (!job->result)
		explain(job, status);
	table_tell(&keeper->table, &job->fact, KEEPER_JOB_ENDED);
	for (struct keeper_ve *ve = TAILQ_FIRST(&keeper->table.ves); ve; ve = next) {
		next = TAILQ_NEXT(ve, link);
		if (ve->job == id && !ve->fact.message.ended)
			keeper_settle_ve(ve);
	}
}
