/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * connection_data.h - what server.c (who may connect) and connection.c (what is said) share.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/text.h"
#include "daemon/call.h"
#include "daemon/wire.h"

struct loop_source;

struct connection {
	LIST_ENTRY(connection) link;
	struct server *server;
	struct loop_source *source;
	int fd;
	uint32_t watched;
	enum role role;
	struct caller caller;
	struct call *call; /* under way */
	struct wire wire;
	uint64_t partial_since;
	struct text output;
	uint64_t waiting_since;  /* the client read something, or the output began */
	int fds[SOCKET_FDS_MAX]; /* to go with the byte at fds_at */
	size_t n_fds, fds_at;
	bool dead;
};

struct listener {
	struct server *server;
	struct loop_source *source;
	int fd;
	enum role role;
};

struct server {
	struct manager *manager;
	struct listener listeners[2];
	LIST_HEAD(, connection) connections;
	size_t count;
	struct loop_source *housekeeping;
	bool awake;
};

/* Has the housekeeping run in the next round. */
void server_wake(struct server *server);

/* Takes fd on success. */
int connection_new(
	struct server *server, int fd, const struct ucred *peer, enum role role, struct error *err);
void connection_free(struct connection *connection);
/* Takes up the next message, if the last one has been answered. */
void connection_work(struct connection *connection);
bool connection_overdue(const struct connection *connection, uint64_t now);
