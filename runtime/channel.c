/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * channel.c - fixed-size messages over a SOCK_SEQPACKET pair, at most one descriptor with each.
 */
#include "runtime/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "base/socket.h"

int channel_open(int ret_fds[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return error_sys(err, "cannot create a socket pair");
	return 0;
}

int channel_limit(int channel_fd, unsigned int seconds, struct error *err)
{
	struct timeval most = { .tv_sec = seconds };

	if (setsockopt(channel_fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) < 0)
		return error_sys(err, "cannot limit the wait for a process");
	return 0;
}

int channel_send(int channel_fd, const struct channel_message *message, int fd)
{
	ssize_t n = socket_send(channel_fd, message, sizeof(*message), &fd, fd >= 0 ? 1 : 0);

	return n < 0 ? (int)n : 0;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close_fd(&fds[i]);
}

int channel_receive(int channel_fd, struct channel_message *message, int *ret_fd)
{
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n = socket_receive(channel_fd, message, sizeof(*message), fds, &n_fds);

	*ret_fd = -1;
	if (n < 0)
		return n == -EAGAIN ? -ETIMEDOUT : (int)n;
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(*message) || n_fds > 1) {
		close_all(fds, n_fds);
		return -EPROTO;
	}
	message->error.text[sizeof(message->error.text) - 1] = '\0';
	if (n_fds == 1)
		*ret_fd = fds[0];
	return 1;
}

int channel_expect(int channel_fd, enum channel_kind kind, struct channel_message *ret, int *ret_fd,
	struct error *err)
{
	cleanup_close int fd = -1;
	int r = channel_receive(channel_fd, ret, &fd);

	if (r == -ETIMEDOUT)
		return error_set(err, ETIMEDOUT, "the process being set up does not answer");
	if (r < 0)
		return error_set(err, -r, "cannot talk to the process being set up");
	if (r == 0)
		return error_set(err, ECONNRESET, "the process being set up died");
	if (ret->kind == CHANNEL_ERROR) {
		*err = ret->error;
		return err->code ? -err->code : error_set(err, EPROTO, "an error without a code");
	}
	if (ret->kind != kind)
		return error_set(err, EPROTO, "an unexpected message while setting up");
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}
