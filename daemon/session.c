/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * session.c - passes signals in and the exit status out.
 */
#include "daemon/session.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/loop.h"
#include "daemon/keeper_state.h"

#define STATUS_TEXT 32 /* a word of 8 and a 32-bit number */

struct session {
	TAILQ_ENTRY(session) link;
	struct sessions *owner;
	pid_t pid;
	int pidfd, status_fd;
	struct loop_source *source;
};

struct sessions {
	struct loop *loop;
	TAILQ_HEAD(, session) list;
};

int sessions_new(struct loop *loop, struct sessions **ret, struct error *err)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return error_memory(err);
	sessions->loop = loop;
	TAILQ_INIT(&sessions->list);
	*ret = sessions;
	return 0;
}

static void session_free(struct session *session)
{
	TAILQ_REMOVE(&session->owner->list, session, link);
	loop_remove(session->source);
	close_fd(&session->pidfd);
	close_fd(&session->status_fd);
	free(session);
}

void sessions_free(struct sessions *sessions)
{
	struct session *session;

	if (!sessions)
		return;
	while ((session = TAILQ_FIRST(&sessions->list)))
		session_free(session);
	free(sessions);
}

/* One byte is a signal; a client that hung up is forgotten, its process goes on. */
static int on_status(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct session *session = data;
	unsigned char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		session_free(session);
		return 0;
	}
	if (byte >= 1 && byte <= SIGRTMAX)
		(void)syscall(SYS_pidfd_send_signal, session->pidfd, (int)byte, NULL, 0); /* gone */
	return 0;
}

int sessions_add(struct sessions *sessions, pid_t pid, int pidfd, int status_fd, struct error *err)
{
	struct session *session = calloc(1, sizeof(*session));
	int r;

	if (!session) {
		close_fd(&pidfd);
		close_fd(&status_fd);
		return error_memory(err);
	}
	*session = (struct session){
		.owner = sessions, .pid = pid, .pidfd = pidfd, .status_fd = status_fd
	};
	TAILQ_INSERT_TAIL(&sessions->list, session, link);
	r = loop_add_io(
		sessions->loop, status_fd, EPOLLIN, on_status, session, &session->source, err);
	if (r < 0)
		session_free(session);
	return r;
}

bool sessions_end(struct sessions *sessions, pid_t pid, int status)
{
	struct session *session;
	char text[STATUS_TEXT];
	int n;

	TAILQ_FOREACH(session, &sessions->list, link)
	if (session->pid == pid)
		break;
	if (!session)
		return false;
	n = WIFSIGNALED(status) ? snprintf(text, sizeof(text), "signaled %d", WTERMSIG(status))
				: snprintf(text, sizeof(text), "exited %d", WEXITSTATUS(status));
	(void)send(session->status_fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	session_free(session);
	return true;
}

void sessions_save(struct sessions *sessions, struct state_writer *writer)
{
	struct session *session;

	TAILQ_FOREACH(session, &sessions->list, link)
	{
		struct state_session to = {
			.pid = session->pid,
			.pidfd = state_keep_fd(writer, session->pidfd),
			.status_fd = state_keep_fd(writer, session->status_fd),
		};

		state_write(writer, STATE_SESSION, &to, sizeof(to));
	}
}
