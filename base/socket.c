/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * socket.c - Unix sockets: paths, messages with descriptors, who is at the other end.
 *
 * A socket's mode is its access check, so it must never be there with a wider one: it is born with
 * mode 0 (bind(2) takes the mode of the socket's own inode), gets its group, then its mode, and
 * listens last.
 */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

static int address_fill(
	int dir_fd, const char *name, struct sockaddr_un *address, struct error *err)
{
	int n;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (dir_fd == AT_FDCWD)
		n = snprintf(address->sun_path, sizeof(address->sun_path), "%s", name);
	else
		n = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
			dir_fd, name);
	if (n < 0 || (size_t)n >= sizeof(address->sun_path))
		return error_set(err, ENAMETOOLONG, "the name of socket %s is too long", name);
	if (name[0] == '\0')
		return error_set(err, EINVAL, "a socket needs a name");
	return 0;
}

static int socket_new(int type, struct error *err)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_sys(err, "cannot create a socket");
	return fd;
}

/* Nobody listens behind a stale socket. Anything else of that name stays. */
static int remove_stale(int dir_fd, const char *name, int type, const struct sockaddr_un *address,
	struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, "cannot look at %s", name);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, EEXIST, "cannot listen on %s: it is no socket", name);

	fd = socket_new(type, err);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno != ECONNREFUSED)
		return error_set(err, EADDRINUSE, "another process listens on %s", name);
	if (unlinkat(dir_fd, name, 0) < 0)
		return error_sys(err, "cannot remove the stale socket %s", name);
	return 0;
}

static int open_for_clients(
	int fd, int dir_fd, const char *name, mode_t mode, gid_t group, struct error *err)
{
	if (group != (gid_t)-1 && fchownat(dir_fd, name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, "cannot set the group of socket %s", name);
	if (fchmodat(dir_fd, name, mode, 0) < 0)
		return error_sys(err, "cannot set the mode of socket %s", name);
	if (listen(fd, SOMAXCONN) < 0)
		return error_sys(err, "cannot listen on %s", name);
	return 0;
}

int socket_listen(
	int dir_fd, const char *name, int type, mode_t mode, gid_t group, struct error *err)
{
	struct sockaddr_un address;
	cleanup_close int fd = -1;
	int r = address_fill(dir_fd, name, &address, err);

	if (r < 0)
		return r;
	r = remove_stale(dir_fd, name, type, &address, err);
	if (r < 0)
		return r;
	fd = socket_new(type, err);
	if (fd < 0)
		return fd;
	if (fchmod(fd, 0) < 0)
		return error_sys(err, "cannot close socket %s to others", name);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, "cannot bind socket %s", name);
	r = open_for_clients(fd, dir_fd, name, mode, group, err);
	if (r < 0) {
		(void)unlinkat(
			dir_fd, name, 0); /* it would be stale, and the next try removes it */
		return r;
	}
	return take_fd(&fd);
}

int socket_connect(int dir_fd, const char *name, int type, struct error *err)
{
	struct sockaddr_un address;
	cleanup_close int fd = -1;
	int r = address_fill(dir_fd, name, &address, err);

	if (r < 0)
		return r;
	fd = socket_new(type, err);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, "cannot connect to %s", name);
	return take_fd(&fd);
}

/* Room for SOCKET_FDS_MAX descriptors exactly: the kernel closes what does not fit and says so. */
union control {
	char bytes[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

ssize_t socket_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds > SOCKET_FDS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Collects the descriptors of all control messages; they are in our table from here on. */
static size_t collect_fds(struct msghdr *message, int fds[SOCKET_FDS_MAX])
{
	size_t n_fds = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && n_fds < SOCKET_FDS_MAX; i++)
			memcpy(&fds[n_fds++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return n_fds;
}

ssize_t socket_receive(int fd, void *data, size_t size, int fds[SOCKET_FDS_MAX], size_t *n_fds)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	*n_fds = 0;
	do {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;

	*n_fds = collect_fds(&message, fds);
	if (message.msg_flags & MSG_CTRUNC)
		n = -EPROTO;
	else if (message.msg_flags & MSG_TRUNC)
		n = -EMSGSIZE; /* half a message is none */
	for (; n <= 0 && *n_fds > 0; (*n_fds)--)
		close_fd(&fds[*n_fds - 1]);
	return n;
}

int socket_peer(int fd, struct ucred *ret, struct error *err)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return error_sys(err, "cannot ask who is connected");
	*ret = peer;
	return 0;
}
