/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * server.c - who may connect: the two sockets, their groups, the number of clients.
 *
 * A socket's mode and group are the check of a caller's right. A uid that belongs to a VE is
 * refused whatever the file system says (property P20).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/socket.h"
#include "daemon/connection.h"
#include "daemon/connection_data.h"
#include "daemon/manager_data.h"
#include "runtime/config.h"

#define CONNECTIONS_MAX 512
#define RESERVED        32 /* of them for root */
#define GROUP_FILE_MAX  (1 << 20)
#define SWEEP_MS        10000

static const struct {
	const char *name, *group;
	enum role role;
} sockets[] = {
	{ "vessel.sock", "vessel", ROLE_ADMIN },
	{ "vessel-ro.sock", "vessel-ro", ROLE_READER },
};

/* From /etc/group itself: a name service may block, and loads code of its own. */
static bool group_find(const char *name, gid_t *ret)
{
	struct error ignored = { 0 };
	cleanup_free char *text = NULL;
	size_t length = strlen(name);

	if (file_read(AT_FDCWD, "/etc/group", GROUP_FILE_MAX, &text, &ignored) < 0)
		return false;
	for (char *line = text; line && *line; line = strchr(line, '\n')) {
		char *id;

		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		id = strchr(line + length + 1, ':');
		if (!id)
			return false;
		id[1 + strcspn(id + 1, ":\n")] = '\0';
		return parse_id(id + 1, ret) == 0;
	}
	return false;
}

/* The server is full: the client that has been silent for longest makes room. Only root pushes out
 * clients of others. */
static bool make_room(struct server *server, const struct ucred *peer)
{
	struct connection *oldest = NULL;
	struct connection *c;

	LIST_FOREACH(c, &server->connections, link)
	{
		if (!c->dead && !c->call && c->output.length == 0 &&
			(peer->uid == 0 || peer->uid == c->caller.uid))
			oldest = c; /* new ones are put at the head */
	}
	if (oldest)
		connection_drop(oldest);
	return oldest != NULL;
}

static bool may_connect(struct server *server, const struct ucred *peer)
{
	const struct instance *instance = server->manager->instance;
	uint64_t end = instance->first_id + (uint64_t)instance->id_blocks * VE_IDS;

	if (peer->uid >= instance->first_id && peer->uid < end) {
		log_line(LOG_LEVEL_WARNING, "refused a client with an id of a VE (uid %u, pid %d)",
			(unsigned int)peer->uid, (int)peer->pid);
		return false;
	}
	return server->count < (peer->uid == 0 ? CONNECTIONS_MAX : CONNECTIONS_MAX - RESERVED) ||
	       make_room(server, peer);
}

/* Out of descriptors: the listener rests until the next sweep, or it would wake us for ever. */
static void rest(struct listener *listener)
{
	struct error err = { 0 };

	log_line(LOG_LEVEL_WARNING, "cannot accept a client: out of descriptors");
	(void)loop_change_io(listener->source, 0, &err);
}

static int on_accept(struct loop *loop, int listen_fd, uint32_t events, void *data)
{
	struct listener *listener = data;
	cleanup_close int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct error err = { 0 };
	struct ucred peer;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			rest(listener);
		return 0;
	}
	if (socket_peer(fd, &peer, &err) == 0 && may_connect(listener->server, &peer) &&
		connection_new(listener->server, fd, &peer, listener->role, &err) == 0)
		(void)take_fd(&fd);
	return 0;
}

static int on_housekeeping(struct loop *loop, void *data)
{
	struct server *server = data;
	struct error err = { 0 };
	uint64_t now = clock_monotonic_ms();
	struct connection *next;

	server->awake = false;
	for (struct connection *c = LIST_FIRST(&server->connections); c; c = next) {
		if (connection_overdue(c, now))
			c->dead = true;
		if (!c->dead)
			connection_work(c);
		next = LIST_NEXT(c, link);
		if (c->dead)
			connection_free(c);
	}
	for (size_t i = 0; i < ARRAY_SIZE(server->listeners); i++)
		(void)loop_change_io(server->listeners[i].source, EPOLLIN, &err);
	return loop_set_timer(server->housekeeping, server->awake ? 0 : SWEEP_MS, &err);
}

void server_wake(struct server *server)
{
	struct error err = { 0 };

	if (server->awake || !server->housekeeping)
		return;
	server->awake = true;
	(void)loop_set_timer(server->housekeeping, 0, &err);
}

static int open_listener(struct server *server, size_t i, struct error *err)
{
	struct listener *listener = &server->listeners[i];
	int run_fd = server->manager->instance->run_fd;
	gid_t group = 0;

	if (!group_find(sockets[i].group, &group))
		log_line(LOG_LEVEL_INFO, "there is no group %s: %s is for root alone",
			sockets[i].group, sockets[i].name);
	*listener = (struct listener){ .server = server, .role = sockets[i].role, .fd = -1 };
	listener->fd = socket_listen(run_fd, sockets[i].name, SOCK_STREAM, 0660, group, err);
	if (listener->fd < 0)
		return listener->fd;
	return loop_add_io(server->manager->loop, listener->fd, EPOLLIN, on_accept, listener,
		&listener->source, err);
}

int server_new(struct manager *manager, struct server **ret, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int r = 0;

	if (!server)
		return error_memory(err);
	server->manager = manager;
	LIST_INIT(&server->connections);
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		server->listeners[i].fd = -1;
	r = loop_add_timer(
		manager->loop, SWEEP_MS, on_housekeeping, server, &server->housekeeping, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sockets); i++)
		r = open_listener(server, i, err);
	if (r < 0) {
		server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	while (!LIST_EMPTY(&server->connections))
		connection_free(LIST_FIRST(&server->connections));
	for (size_t i = 0; i < ARRAY_SIZE(server->listeners); i++) {
		loop_remove(server->listeners[i].source);
		close_fd(&server->listeners[i].fd);
	}
	loop_remove(server->housekeeping);
	free(server);
}
