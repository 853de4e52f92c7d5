/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * namespace.h - a moment inside another network namespace.
 *
 * Sockets stay in the namespace that they were made in, and /proc/sys/net shows the one of who
 * looks: for both, a process has to be there for a moment.
 */
#pragma once

struct error;

#define NETNS_PRESENT (-1) /* as a namespace descriptor: the one the process is in */

/* Enters the network namespace (of a descriptor, or NETNS_PRESENT for a no-op) and returns a
 * descriptor of the one left, for namespace_leave(); needs CAP_SYS_ADMIN over both. With
 * NETNS_PRESENT it returns NETNS_PRESENT. */
int namespace_enter(int netns_fd, int *ret_back_fd, struct error *err);

/* The same into a new namespace, which ends with what holds it. */
int namespace_new(int *ret_back_fd, struct error *err);

/* Goes back and closes. That cannot fail for a namespace that the process has just left; if it does
 * the process is in the wrong place and must not go on: it aborts. */
void namespace_leave(int *back_fd);

/* A descriptor of the network namespace that a socket is in, without any procfs. */
int namespace_of_socket(int socket_fd, struct error *err);

static inline void namespace_leave_run(int *back_fd)
{
	namespace_leave(back_fd);
}
#define cleanup_namespace __attribute__((cleanup(namespace_leave_run)))

/* Writes net/NAME below `proc_fd` (a procfs of our own) for the network namespace given:
 * "ipv6/conf/eth0/accept_ra"; one that has the value is left alone. An absent file is -ENOENT with
 * an error. */
int namespace_sysctl(
	int netns_fd, int proc_fd, const char *name, const char *value, struct error *err);
