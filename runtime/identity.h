/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * identity.h - the files that tell a guest who it is: /etc/hostname, /etc/hosts, /etc/machine-id.
 */
#pragma once

struct error;

/* Writes what differs, and nothing where there is no /etc. The caller has the VE's ids as its file
 * system ids. The uuid has 36 characters; without its dashes it is the machine-id. */
int identity_write(int root_fd, const char *hostname, const char *uuid, struct error *err);

/* The text of /etc/hosts with a line for hostname, owned by the caller; NULL if `old` (may be NULL:
 * there is no such file) has one already or memory ran out. */
char *identity_hosts(const char *old, const char *hostname);
