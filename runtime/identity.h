/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * identity.h - the files that tell a guest who it is: /etc/hostname, /etc/hosts, /etc/machine-id.
 */
#pragma once

#include <stddef.h>

#include "netns/ip.h"

struct error;

struct identity {
	const char *hostname;
	const char *uuid; /* 36 characters; without its dashes it is the machine-id */
	const struct ip *ips;
	size_t n_ips;
};

/* Writes what differs, and nothing where there is no /etc. The caller has the VE's ids as its file
 * system ids. */
int identity_write(int root_fd, const struct identity *identity, struct error *err);

/* The text of /etc/hosts with a line for each address, or without one for 127.0.1.1, owned by the
 * caller; `old` NULL: there is no such file. NULL if a line of the tenant's own names the host and
 * there is none of ours, or if memory ran out. */
char *identity_hosts(const char *old, const struct identity *identity);
