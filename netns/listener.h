/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * listener.h - whether a program of this namespace has a port.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct ip;
struct netlink;

/* Whether somebody listens on the port (TCP), or has it without a peer (UDP), by an address of the
 * family that others can reach: `at`, or any if that is NULL. `netlink` is of
 * NETLINK_SOCK_DIAG. A kernel that cannot tell knows of none. */
int listener_find(struct netlink *netlink, int family, uint8_t protocol, uint16_t port,
	const struct ip *at, bool *ret, struct error *err);
