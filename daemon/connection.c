/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * connection.c - the clients of the two sockets.
 *
 * A connection is freed only by the server's housekeeping, a timer of its own: whoever drops one
 * may still stand in a handler of it.
 */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/socket.h"
#include "daemon/call.h"
#include "daemon/connection_data.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"

#define CHUNK      65536
#define OUTPUT_MAX (4 << 20)
#define TIMEOUT_MS 60000 /* of half a message, and of a client that does not read */

static int update_watch(struct connection *c)
{
	struct error err = { 0 };
	uint32_t events = c->output.length > 0 ? EPOLLOUT : 0;

	if (!c->call && c->output.length == 0)
		events |= EPOLLIN;
	if (events == c->watched || c->dead)
		return 0;
	c->watched = events;
	if (loop_change_io(c->source, events, &err) < 0)
		connection_drop(c);
	return 0;
}

void connection_drop(struct connection *c)
{
	c->dead = true;
	server_wake(c->server);
}

void connection_next(struct connection *c)
{
	c->call = NULL;
	server_wake(c->server);
}

/* One write: up to the byte that descriptors belong to, or from there on with them. */
static ssize_t flush_once(struct connection *c)
{
	ssize_t n;

	if (c->n_fds > 0 && c->fds_at == 0) {
		n = socket_send(c->fd, c->output.data, c->output.length, c->fds, c->n_fds);
		while (n > 0 && c->n_fds > 0)
			close_fd(&c->fds[--c->n_fds]);
		return n;
	}
	n = socket_send(
		c->fd, c->output.data, c->n_fds > 0 ? c->fds_at : c->output.length, NULL, 0);
	if (n > 0 && c->n_fds > 0)
		c->fds_at -= (size_t)n;
	return n;
}

static void flush(struct connection *c)
{
	while (c->output.length > 0 && !c->dead) {
		ssize_t n = flush_once(c);

		if (n == -EAGAIN)
			break;
		if (n < 0) {
			connection_drop(c);
			return;
		}
		text_drop(&c->output, (size_t)n);
		c->waiting_since = clock_monotonic_ms();
	}
	if (c->output.length == 0) {
		text_done(&c->output);
		if (!c->call)
			server_wake(c->server); /* the next message may be here already */
	}
	update_watch(c);
}

static void keep_fds(struct connection *c, const int *fds, size_t n_fds)
{
	if (n_fds == 0)
		return;
	if (c->n_fds > 0 || n_fds > SOCKET_FDS_MAX) {
		connection_drop(c);
		return;
	}
	c->fds_at = c->output.length;
	for (size_t i = 0; i < n_fds; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			connection_drop(c);
		else
			c->fds[c->n_fds++] = fd;
	}
}

void connection_send(struct connection *c, const struct text *reply, const int *fds, size_t n_fds)
{
	if (c->dead)
		return;
	if (c->output.length == 0)
		c->waiting_since = clock_monotonic_ms();
	keep_fds(c, fds, n_fds);
	text_add_bytes(&c->output, reply->data, reply->length);
	if (c->output.failed || c->output.length > OUTPUT_MAX)
		connection_drop(c);
	else
		flush(c);
}

static void bad_client(struct connection *c, const struct error *err)
{
	log_line(LOG_LEVEL_WARNING, "dropped a client: %s (uid %u, pid %d)", err->text,
		(unsigned int)c->caller.uid, (int)c->caller.pid);
	connection_drop(c);
}

static void dispatch(struct connection *c, struct wire_call *request)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call) {
		wire_call_done(request);
		connection_drop(c);
		return;
	}
	*call = (struct call){
		.manager = c->server->manager,
		.connection = c,
		.request = *request,
		.caller = c->caller,
		.role = c->role,
	};
	c->call = call;
	method_dispatch(call);
}

void connection_work(struct connection *c)
{
	struct wire_call request;
	struct error err = { 0 };
	int r;

	if (c->dead || c->call || c->output.length > 0) {
		update_watch(c);
		return;
	}
	r = wire_take(&c->wire, &request, &err);
	if (r < 0)
		bad_client(c, &err);
	else if (r > 0)
		dispatch(c, &request);
	update_watch(c);
}

static int receive(struct connection *c)
{
	static char chunk[CHUNK]; /* one thread, and nothing keeps it */
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	struct error err = { 0 };
	ssize_t n = socket_receive(c->fd, chunk, sizeof(chunk), fds, &n_fds);

	if (n == -EAGAIN)
		return 0;
	if (n <= 0) {
		connection_drop(c);
		return 0;
	}
	if (!wire_partial(&c->wire))
		c->partial_since = clock_monotonic_ms();
	if (wire_feed(&c->wire, chunk, (size_t)n, fds, n_fds, &err) < 0)
		bad_client(c, &err);
	else
		connection_work(c);
	return 0;
}

static int on_io(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct connection *c = data;

	if (c->dead)
		return 0;
	if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN)) {
		connection_drop(c);
		return 0;
	}
	if (events & EPOLLOUT)
		flush(c);
	if (events & EPOLLIN && !c->call && !c->dead)
		receive(c);
	return 0;
}

bool connection_overdue(const struct connection *c, uint64_t now)
{
	if (c->output.length > 0)
		return now - c->waiting_since > TIMEOUT_MS;
	return !c->call && wire_partial(&c->wire) && now - c->partial_since > TIMEOUT_MS;
}

/* For the log only: a pid may be another process by now. */
static int64_t login_of(pid_t pid)
{
	struct error ignored = { 0 };
	cleanup_free char *text = NULL;
	char path[48]; /* "/proc/" and a pid and "/loginuid" */
	uint64_t login;

	snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
	if (file_read(AT_FDCWD, path, 32, &text, &ignored) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return parse_count(text, &login) < 0 || login == UINT32_MAX ? -1 : (int64_t)login;
}

int connection_new(
	struct server *server, int fd, const struct ucred *peer, enum role role, struct error *err)
{
	struct connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return error_memory(err);
	*c = (struct connection){
		.server = server,
		.fd = fd,
		.role = role,
		.watched = EPOLLIN,
		.caller = { .uid = peer->uid, .pid = peer->pid, .login = login_of(peer->pid) },
	};
	wire_init(&c->wire);
	text_init(&c->output);
	r = loop_add_io(server->manager->loop, fd, EPOLLIN, on_io, c, &c->source, err);
	if (r < 0) {
		free(c);
		return r;
	}
	LIST_INSERT_HEAD(&server->connections, c, link);
	server->count++;
	return 0;
}

void connection_free(struct connection *c)
{
	struct call *call = c->call;

	if (call) {
		call->connection = NULL;
		if (call->hung_up)
			call->hung_up(call);
	}
	LIST_REMOVE(c, link);
	c->server->count--;
	loop_remove(c->source);
	while (c->n_fds > 0)
		close_fd(&c->fds[--c->n_fds]);
	close_fd(&c->fd);
	wire_done(&c->wire);
	text_done(&c->output);
	free(c);
}
