/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * subnet.h - the subnets that the host is in: it has an address of each on an interface with a MAC,
 * where neighbours are asked for by ARP and NDP.
 */
#pragma once

#include <stddef.h>

struct error;
struct ip;
struct link;
struct netlink;
struct subnet;

struct subnets {
	struct subnet *list;
	size_t n;
};

/* Reads them into a zeroed struct, for subnets_done(). Returns 1 if they changed meanwhile. */
int subnets_read(struct netlink *netlink, struct subnets *ret, struct error *err);
void subnets_done(struct subnets *subnets);
#define cleanup_subnets __attribute__((cleanup(subnets_done)))

/* The interface that an address of one of them would be on, or NULL. */
const struct link *subnet_link(const struct subnets *subnets, const struct ip *ip);
