/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * address.h - addresses that an interface has, and what stands permanently in its neighbour table.
 */
#pragma once

#include <stdint.h>

struct error;
struct ip;
struct netlink;
struct netlink_batch;
struct prefix;

/* Adds an address with the length of its subnet; `scope` is RT_SCOPE_*. IPv6 is usable at once (no
 * duplicate address detection) and brings no route of its subnet. One that is there already is no
 * error. */
void address_add(struct netlink_batch *batch, uint32_t index, const struct ip *ip, uint8_t length,
	uint8_t scope);
void address_remove(
	struct netlink_batch *batch, uint32_t index, const struct ip *ip, uint8_t length);

/* Calls fn for each address of an interface (0: of all). */
typedef int address_fn(uint32_t index, const struct ip *ip, uint8_t length, void *data);
int address_each(
	struct netlink *netlink, uint32_t index, address_fn *fn, void *data, struct error *err);

/* Says for good which MAC an address on the link has: nothing is asked on the wire. */
void neighbour_add(
	struct netlink_batch *batch, uint32_t index, const struct ip *ip, const uint8_t *mac);
void neighbour_remove(struct netlink_batch *batch, uint32_t index, const struct ip *ip);

/* Answers ARP and NDP on the interface for an address that lives elsewhere. IPv4 needs forwarding
 * on it, IPv6 proxy_ndp too. The entry carries a mark of ours; it is lost when the interface goes
 * down. */
void neighbour_add_proxy(struct netlink_batch *batch, uint32_t index, const struct ip *ip);
void neighbour_remove_proxy(struct netlink_batch *batch, uint32_t index, const struct ip *ip);

/* Calls fn for each such entry with our mark, which every instance uses. */
typedef int neighbour_fn(uint32_t index, const struct ip *ip, void *data);
int neighbour_each_proxy(struct netlink *netlink, neighbour_fn *fn, void *data, struct error *err);

/* What a subnet has said about an address. */
enum neighbour {
	NEIGHBOUR_UNKNOWN,
	NEIGHBOUR_SILENT,
	NEIGHBOUR_THERE,
	NEIGHBOUR_FIXED, /* set by an operator: nobody is asked */
};

/* Lets the kernel ask for an address by ARP or NDP, whatever it knew; three times, a second apart.
 */
void neighbour_ask(struct netlink_batch *batch, uint32_t index, const struct ip *ip);
/* What has come of it; the last two give the MAC. One that nobody has asked for is -ENOENT. */
int neighbour_state(struct netlink *netlink, uint32_t index, const struct ip *ip,
	enum neighbour *ret, uint8_t *ret_mac, struct error *err);
