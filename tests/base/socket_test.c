/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * socket_test.c - sockets in a directory, and messages with descriptors.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>

#include "base/socket.h"
#include "tests/base/scratch.h"

static int listen_here(const char *name, int type, struct error *err)
{
	return socket_listen(scratch_fd, name, type, 0660, (gid_t)-1, err);
}

static size_t open_descriptors(void)
{
	cleanup_dir DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	return n;
}

static void socket_has_mode_and_peer(void **state)
{
	cleanup_close int server = -1, client = -1, accepted = -1;
	struct error err = { 0 };
	struct ucred peer;
	struct stat st;

	server = listen_here("s", SOCK_STREAM, &err);
	assert_true(server >= 0);
	assert_int_equal(fstatat(scratch_fd, "s", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	client = socket_connect(scratch_fd, "s", SOCK_STREAM, &err);
	assert_true(client >= 0);
	assert_int_equal(fcntl(client, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(client, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
	accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	assert_int_equal(socket_peer(accepted, &peer, &err), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(socket_peer(scratch_fd, &peer, &err), -ENOTSOCK);
}

static void only_stale_sockets_are_replaced(void **state)
{
	cleanup_close int server = -1;
	struct error err = { 0 };

	server = listen_here("s", SOCK_SEQPACKET, &err);
	assert_true(server >= 0);
	assert_int_equal(listen_here("s", SOCK_SEQPACKET, &err), -EADDRINUSE);
	close_fd(&server);
	assert_int_equal(socket_connect(scratch_fd, "s", SOCK_SEQPACKET, &err), -ECONNREFUSED);
	server = listen_here("s", SOCK_SEQPACKET, &err);
	assert_true(server >= 0);
	scratch_write("file", "");
	assert_int_equal(listen_here("file", SOCK_STREAM, &err), -EEXIST);
	assert_int_equal(socket_connect(scratch_fd, "none", SOCK_STREAM, &err), -ENOENT);
}

static void names_are_bounded_not_cut(void **state)
{
	struct error err = { 0 };
	char name[120];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(listen_here(name, SOCK_STREAM, &err), -ENAMETOOLONG);
	assert_int_equal(socket_connect(scratch_fd, name, SOCK_STREAM, &err), -ENAMETOOLONG);
	assert_int_equal(listen_here("", SOCK_STREAM, &err), -EINVAL);
}

static void pair(int type, int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
}

static void descriptors_travel(void **state)
{
	int ends[2], fds[SOCKET_FDS_MAX], sent[SOCKET_FDS_MAX];
	size_t n_fds = 99;
	char data[8];

	pair(SOCK_SEQPACKET, ends);
	for (size_t i = 0; i < SOCKET_FDS_MAX; i++)
		sent[i] = scratch_fd;
	assert_int_equal(socket_receive(ends[1], data, 8, fds, &n_fds), -EAGAIN);
	assert_int_equal(n_fds, 0);
	assert_int_equal(socket_send(ends[0], "abc", 3, sent, SOCKET_FDS_MAX), 3);
	assert_int_equal(socket_receive(ends[1], data, 8, fds, &n_fds), 3);
	assert_int_equal(n_fds, SOCKET_FDS_MAX);
	for (size_t i = 0; i < n_fds; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		assert_int_equal(close(fds[i]), 0);
	}
	assert_int_equal(socket_send(ends[0], "abc", 3, sent, SOCKET_FDS_MAX + 1), -EINVAL);
	assert_int_equal(socket_send(ends[0], "d", 1, NULL, 0), 1);
	assert_int_equal(socket_receive(ends[1], data, 8, fds, &n_fds), 1);
	assert_int_equal(n_fds, 0);
	close(ends[0]);
	assert_int_equal(socket_receive(ends[1], data, 8, fds, &n_fds), 0);
	assert_int_equal(socket_send(ends[1], "abc", 3, NULL, 0), -EPIPE);
	close(ends[1]);
}

/* Sent past socket_send(), as a hostile peer would. */
static void send_many(int fd, size_t n)
{
	union {
		char bytes[CMSG_SPACE(64 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (char[]){ 'x' }, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &scratch_fd, sizeof(int));
	assert_int_equal(sendmsg(fd, &message, 0), 1);
}

static void too_many_descriptors_are_closed_and_refused(void **state)
{
	static const size_t counts[] = { SOCKET_FDS_MAX + 1, SOCKET_FDS_MAX + 2, 64 };
	int ends[2], fds[SOCKET_FDS_MAX];
	size_t n_fds, before;
	char data[8];

	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_STREAM) {
		pair(type, ends);
		before = open_descriptors();
		for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
			send_many(ends[0], counts[i]);
			assert_int_equal(socket_receive(ends[1], data, 8, fds, &n_fds), -EPROTO);
			assert_int_equal(n_fds, 0);
			assert_int_equal(open_descriptors(), before);
		}
		close(ends[0]);
		close(ends[1]);
	}
}

static void half_a_message_is_refused(void **state)
{
	int ends[2], fds[SOCKET_FDS_MAX];
	size_t n_fds, before;
	char data[2];

	pair(SOCK_SEQPACKET, ends);
	before = open_descriptors();
	assert_int_equal(socket_send(ends[0], "abc", 3, &scratch_fd, 1), 3);
	assert_int_equal(socket_receive(ends[1], data, sizeof(data), fds, &n_fds), -EMSGSIZE);
	assert_int_equal(n_fds, 0);
	assert_int_equal(open_descriptors(), before);
	close(ends[0]);
	close(ends[1]);
}

static void full_socket_says_again(void **state)
{
	int ends[2];
	ssize_t n;

	pair(SOCK_SEQPACKET, ends);
	for (int i = 0; i < 100000; i++) {
		n = socket_send(ends[0], "abc", 3, NULL, 0);
		if (n < 0)
			break;
	}
	assert_int_equal(n, -EAGAIN);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(socket_has_mode_and_peer),
		scratch_test(only_stale_sockets_are_replaced),
		scratch_test(names_are_bounded_not_cut),
		scratch_test(descriptors_travel),
		scratch_test(too_many_descriptors_are_closed_and_refused),
		scratch_test(half_a_message_is_refused),
		scratch_test(full_socket_says_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
