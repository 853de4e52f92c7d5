/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_ve.c - from registration to the end of a VE's init.
 *
 * While the job that cloned it lives, init is the job's child; then it becomes ours, since we are a
 * subreaper. One that was started under an earlier keeper never does: its pidfd tells its end, but
 * not how it ended.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/console.h"
#include "daemon/keeper.h"
#include "daemon/protocol.h"

#define NOTIFY_BYTES 4096  /* more of one datagram is cut off */
#define NOTICES_MAX  65536 /* a systemd that boots for an hour sends some thousand */

static bool says_ready(const char *text, size_t n)
{
	static const char word[] = "READY=1";
	const size_t length = sizeof(word) - 1;
	const char *at = text;

	while ((at = memmem(at, n - (size_t)(at - text), word, length))) {
		const char *end = at + length;

		if ((at == text || at[-1] == '\n') && (end == text + n || *end == '\n'))
			return true;
		at = end;
	}
	return false;
}

static void close_notify(struct keeper_ve *ve)
{
	loop_remove(ve->notify_source);
	ve->notify_source = NULL;
	close_fd(&ve->notify_fd);
}

/* After READY the socket is closed: nothing else is of interest, and nobody can flood us. Nor
 * before it: what a VE has us read here is our time, not its. */
static int on_notify(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct keeper_ve *ve = data;
	struct keeper *keeper = ve->keeper;
	char text[NOTIFY_BYTES];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	if (n < 0)
		return 0;
	if (!says_ready(text, (size_t)n)) {
		if (++ve->notices == NOTICES_MAX) {
			log_line(LOG_LEVEL_WARNING,
				"%s: floods its notify socket: not heard any more",
				ve->fact.message.name);
			close_notify(ve);
		}
		return 0;
	}
	close_notify(ve);
	ve->fact.message.ready = time(NULL);
	table_tell(&keeper->table, &ve->fact, KEEPER_VE_READY);
	keeper_tell(keeper);
	return 0;
}

static int on_pidfd(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct keeper_ve *ve = data;
	struct keeper *keeper = ve->keeper;

	keeper_end_ve(ve, -1);
	keeper_tell(keeper);
	return 0;
}

/* 1: our child; 0: not ours. */
static bool is_child(const struct keeper_ve *ve)
{
	siginfo_t info;

	return waitid(P_PIDFD, (id_t)ve->pidfd, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

void keeper_settle_ve(struct keeper_ve *ve)
{
	struct error err;

	ve->child = is_child(ve);
	if (ve->child || ve->pidfd_source)
		return;
	if (loop_add_io(ve->keeper->loop, ve->pidfd, EPOLLIN, on_pidfd, ve, &ve->pidfd_source,
		    &err) < 0)
		log_line(LOG_LEVEL_ERROR, "%s: %s", ve->fact.message.name, err.text);
}

int keeper_attach_ve(struct keeper_ve *ve, struct error *err)
{
	ve->fact.fd = ve->pidfd;
	if (ve->notify_fd < 0)
		return 0;
	return loop_add_io(
		ve->keeper->loop, ve->notify_fd, EPOLLIN, on_notify, ve, &ve->notify_source, err);
}

static struct keeper_ve *new_ve(
	struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	struct keeper_ve *ve = table_add_ve(&keeper->table, keeper);
	struct message *known;

	if (!ve)
		return NULL;
	known = &ve->fact.message;
	memcpy(known->name, message->name, sizeof(known->name));
	memcpy(known->uuid, message->uuid, sizeof(known->uuid));
	known->pid = message->pid;
	known->stop_way = message->stop_way;
	known->started = message->started ? message->started : time(NULL);
	known->ready = message->ready;
	ve->child = true;
	ve->pidfd = take_fd(&fds[0]);
	ve->notify_fd = n_fds > 2 ? take_fd(&fds[2]) : -1;
	return ve;
}

int keeper_register(struct keeper *keeper, uint64_t job, const struct message *message, int *fds,
	size_t n_fds, struct error *err)
{
	struct keeper_ve *ve;
	int status, r;

	if (!message->name[0] || message->pid <= 1)
		return error_set(err, EPROTO, "no VE in this message");
	if (table_find_ve(&keeper->table, message->name))
		return error_refuse(err, ERROR_STATE, "%s runs already", message->name);
	ve = new_ve(keeper, message, fds, n_fds);
	if (!ve)
		return error_memory(err);
	ve->job = job;
	r = keeper_attach_ve(ve, err);
	if (r == 0 && n_fds > 1)
		r = consoles_start(keeper->consoles, message->name, take_fd(&fds[1]), err);
	if (r < 0) {
		table_remove_ve(&keeper->table, ve);
		return r;
	}
	table_tell(&keeper->table, &ve->fact, KEEPER_VE);
	if (keeper_claim_stray(keeper, message->pid, ve->pidfd, &status))
		keeper_end_ve(ve, status);
	else if (!job)
		keeper_settle_ve(ve);
	return 0;
}

void keeper_end_ve(struct keeper_ve *ve, int status)
{
	struct keeper *keeper = ve->keeper;

	consoles_stop(keeper->consoles, ve->fact.message.name, "has ended");
	loop_remove(ve->pidfd_source);
	ve->pidfd_source = NULL;
	close_fd(&ve->pidfd);
	close_notify(ve);
	ve->fact.fd = -1;
	ve->fact.message.status = status;
	ve->fact.message.ended = time(NULL);
	table_tell(&keeper->table, &ve->fact, KEEPER_VE_ENDED);
}
