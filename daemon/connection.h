/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * connection.h - the two sockets and their clients.
 *
 * One call of a connection is under way at a time; what a client sends meanwhile waits in its own
 * socket. A client that sends garbage or half a message, or never reads, loses its connection and
 * disturbs nobody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct call;
struct connection;
struct error;
struct manager;
struct server;
struct text;

/* Opens vessel.sock and vessel-ro.sock. */
int server_new(struct manager *manager, struct server **ret, struct error *err);
void server_free(struct server *server);

/* For call.c: sends what `reply` holds, with descriptors at its first byte. */
void connection_send(
	struct connection *connection, const struct text *reply, const int *fds, size_t n_fds);
/* The call has had its last reply. */
void connection_next(struct connection *connection);
void connection_drop(struct connection *connection);
