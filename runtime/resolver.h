/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * resolver.h - name servers: those of the host, and /etc/resolv.conf in a guest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "netns/ip.h"

#define RESOLVERS_MAX 8                  /* glibc asks three */
#define RESOLVER_PATH "/etc/resolv.conf" /* in a guest */

struct resolvers {
	struct ip ips[RESOLVERS_MAX];
	size_t n;
};

/* Those of a resolv.conf that a VE can ask: none of the host's loopback, none with a zone. */
void resolvers_parse(const char *text, struct resolvers *ret);

/* Those of the host the calling process sees. Where it asks a stub on itself alone, those that
 * systemd-resolved asks. None where nothing can be read. */
void resolvers_of_host(struct resolvers *ret);

/* The text of a guest's file: our mark in the first line; owned by the caller. NULL: no memory. */
char *resolver_text(const struct ip *ips, size_t n, char *const *search, size_t n_search);

/* Writes RESOLVER_PATH below the root if it differs. A file with our mark, an empty one or none
 * is ours; another's is replaced if `replace` says so; a link leads to what a resolver in the guest
 * looks after, and stays. What cannot be written stops nobody. The caller has the VE's ids as its
 * file system ids. */
void resolver_write(int root_fd, const char *text, bool replace);
