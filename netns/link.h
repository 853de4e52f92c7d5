/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * link.h - network interfaces: made, set, found, listed.
 *
 * Functions that take a batch only add a request; what fails says so when the batch is sent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct netlink;
struct netlink_batch;

#define LINK_NAME     16  /* IFNAMSIZ, with its NUL */
#define LINK_ALT_NAME 128 /* ALTIFNAMSIZ */
#define LINK_MAC      6

struct link_counters { /* as the host's end counts them */
	uint64_t rx_bytes, rx_packets, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_dropped;
};

struct link {
	uint32_t index;
	uint32_t mtu;
	bool up;
	uint8_t mac[LINK_MAC];
	char name[LINK_NAME];
	struct link_counters counters;
};

/* One end of a pair. */
struct link_end {
	const char *name;
	const uint8_t *mac; /* LINK_MAC bytes */
	uint32_t index;     /* 0: the kernel chooses */
};

/* Makes a veth pair: `near` here, `far` in the namespace of far_netns_fd, both down. mtu 0: the
 * kernel's default. */
void link_add_veth(struct netlink_batch *batch, const struct link_end *near,
	const struct link_end *far, int far_netns_fd, uint32_t mtu);

/* Makes the host's end of a routed pair ready and up: IPv4 forwarding on, redirects off, no
 * addresses by itself. */
void link_set_routed(struct netlink_batch *batch, const char *name);

void link_set_up(struct netlink_batch *batch, uint32_t index, bool up);

/* Makes a link whose other end has just come up pass packets at once. Until the kernel's link watch
 * has run, which it does when it gets to it, such a link drops what is sent into it. */
int link_settle(struct netlink *netlink, const char *name, struct error *err);

/* A further name that tcpdump and ip know it by. -EEXIST when the batch is sent if any interface
 * has that name already: send it alone if that is no reason to fail. */
void link_add_alt_name(struct netlink_batch *batch, uint32_t index, const char *alt_name);

/* RTM_DELLINK: waits for an RCU grace period (some 20 ms). A pair goes by itself with a namespace
 * that holds one end; this is for what is left over. */
void link_delete(struct netlink_batch *batch, uint32_t index);

/* By name or alternative name; -ENODEV if there is none. */
int link_find(struct netlink *netlink, const char *name, struct link *ret, struct error *err);

/* Calls fn for each link whose name is `prefix` and a number; "" for each link. A negative return
 * value of fn ends it. Returns 1 if links came or went meanwhile. */
typedef int link_fn(const struct link *link, void *data);
int link_each(
	struct netlink *netlink, const char *prefix, link_fn *fn, void *data, struct error *err);

/* A MAC address of our own, locally administered, that follows from the bytes given (a UUID). */
void link_make_mac(const uint8_t *seed, uint32_t seed_size, uint8_t ret[LINK_MAC]);
