/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * namespace.c - setns there and back. Where "back" is comes from a socket (SIOCGSKNS, Linux 4.10),
 * so that no procfs has to be at hand.
 */
#include "netns/namespace.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

#define SYSCTL_MAX 256

int namespace_of_socket(int socket_fd, struct error *err)
{
	int fd = ioctl(socket_fd, SIOCGSKNS);

	return fd < 0 ? error_sys(err, "cannot get a socket's network namespace") : fd;
}

static int open_present(struct error *err)
{
	cleanup_close int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (socket_fd < 0)
		return error_sys(err, "cannot open a socket");
	return namespace_of_socket(socket_fd, err);
}

int namespace_new(int *ret_back_fd, struct error *err)
{
	cleanup_close int back_fd = open_present(err);

	if (back_fd < 0)
		return back_fd;
	if (unshare(CLONE_NEWNET) < 0)
		return error_sys(err, "cannot make a network namespace");
	*ret_back_fd = take_fd(&back_fd);
	return 0;
}

int namespace_enter(int netns_fd, int *ret_back_fd, struct error *err)
{
	cleanup_close int back_fd = -1;

	if (netns_fd == NETNS_PRESENT) {
		*ret_back_fd = NETNS_PRESENT;
		return 0;
	}
	back_fd = open_present(err);
	if (back_fd < 0)
		return back_fd;
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return error_sys(err, "cannot enter a network namespace");
	*ret_back_fd = take_fd(&back_fd);
	return 0;
}

void namespace_leave(int *back_fd)
{
	if (*back_fd == NETNS_PRESENT)
		return;
	if (setns(*back_fd, CLONE_NEWNET) < 0)
		abort();
	close_fd(back_fd);
}

static bool reads_as(int proc_fd, const char *path, const char *value)
{
	cleanup_free char *now = NULL;
	struct error ignored = { 0 }; /* then it is written, which tells */
	size_t length = strlen(value);

	return file_read(proc_fd, path, SYSCTL_MAX, &now, &ignored) >= 0 &&
	       strncmp(now, value, length) == 0 && (now[length] == '\n' || now[length] == '\0');
}

int namespace_sysctl(
	int netns_fd, int proc_fd, const char *name, const char *value, struct error *err)
{
	cleanup_namespace int back_fd = NETNS_PRESENT;
	cleanup_free char *path = NULL;
	int r;

	if (asprintf(&path, "sys/net/%s", name) < 0)
		return error_memory(err);
	r = namespace_enter(netns_fd, &back_fd, err);
	/* Writing disable_ipv6 spins for the lock of all links, even if nothing changes. */
	if (r < 0 || reads_as(proc_fd, path, value))
		return r;
	return file_write_control(proc_fd, path, value, err);
}
