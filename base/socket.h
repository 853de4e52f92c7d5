/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * socket.h - Unix sockets: paths, messages with descriptors, who is at the other end.
 */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct error;

#define SOCKET_FDS_MAX 8

/* Listens on `name` inside the directory (bind by /proc/self/fd/N/name, so no length limit bites),
 * mode as given, replacing a stale socket. `type` is SOCK_STREAM or SOCK_SEQPACKET; both ends are
 * non-blocking and close-on-exec. */
int socket_listen(
	int dir_fd, const char *name, int type, mode_t mode, gid_t group, struct error *err);
int socket_connect(int dir_fd, const char *name, int type, struct error *err);

/* One message with up to SOCKET_FDS_MAX descriptors (borrowed). Returns bytes sent or -errno
 * (-EAGAIN when a non-blocking socket is full). MSG_NOSIGNAL. */
ssize_t socket_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds);

/* Receives; descriptors arrive close-on-exec in fds[SOCKET_FDS_MAX], *n_fds of them, owned by the
 * caller. More than that are closed and the message refused with -EPROTO. 0 is end of file. */
ssize_t socket_receive(int fd, void *data, size_t size, int fds[SOCKET_FDS_MAX], size_t *n_fds);

/* SO_PEERCRED: who connected, as of connect(2). For the log line and to refuse a VE's ids. */
int socket_peer(int fd, struct ucred *ret, struct error *err);
