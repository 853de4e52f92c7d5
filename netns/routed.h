/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * routed.h - a veth pair without a bridge: the host routes addresses into it, the other end has
 * its default routes through a link-local next hop.
 *
 *     near (host)                          far (the other namespace)
 *     169.254.0.1/32, fe80::1/128          10.77.0.11/32, fd00:77::b/128
 *     route 10.77.0.11/32 dev near         default via 169.254.0.1 onlink, via fe80::1
 *
 * Both ends have permanent neighbour entries, so nothing is asked on the wire. A guest that flushes
 * them and asks gets an answer for the IPv4 next hop, which is an address of the near end, and for
 * the IPv6 one if that was wanted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/ip.h"
#include "netns/link.h"

struct error;
struct netlink;

/* The same in every pair: it tells a capture that the frame is the host's. */
extern const uint8_t routed_near_mac[LINK_MAC];
extern const struct ip routed_gateway4, routed_gateway6;

struct routed {
	const char *near_name; /* "ve12" */
	uint32_t near_index;   /* to create it with; 0: the kernel chooses */
	const char *alt_name;  /* the near end's second name, or NULL */
	const char *far_name;  /* "eth0" */
	uint8_t far_mac[LINK_MAC];
	uint32_t mtu;  /* 0: the kernel's default */
	bool answers6; /* the near end answers NDP: for a guest that configures itself. Each IPv6
			* address on a link costs a walk over all links (their ff00::/8 routes) */
	const struct ip *ips;
	size_t n_ips;
};

/* Makes the pair, with addresses, routes and neighbours on both ends. `host` is a route socket
 * where the near end goes; far_netns_fd the other namespace. proc_fd is a procfs of our own.
 * *ret_index is the near end's. On failure nothing is left but a pair without use, which goes with
 * the far namespace. An alternative name that is taken, or begins as the near name
 * does before its number, is done without. A link that has the near end's name or chosen index
 * already is taken for what an earlier pair has left: the kernel clears away dead namespaces in its
 * own time. It is deleted, which takes some 20 ms. */
int routed_up(struct netlink *host, int far_netns_fd, int proc_fd, const struct routed *routed,
	uint32_t *ret_index, struct error *err);

/* Gives one address to a pair that is up, or takes it. The route and the neighbour of the host
 * decide what is reached; far_netns_fd NETNS_PRESENT leaves the far end alone. */
int routed_add_ip(struct netlink *host, uint32_t near_index, int far_netns_fd,
	const struct routed *routed, const struct ip *ip, struct error *err);
int routed_remove_ip(struct netlink *host, uint32_t near_index, int far_netns_fd,
	const struct routed *routed, const struct ip *ip, struct error *err);

/* Takes the host's routes to all addresses, so that another pair may have them at once; the rest
 * goes with the far namespace, in the kernel's own time. Absent is no error. */
int routed_release(
	struct netlink *host, uint32_t near_index, const struct routed *routed, struct error *err);

/* The link-local address that the far end makes of its MAC by itself. */
void routed_link_local(const uint8_t mac[LINK_MAC], struct ip *ret);
