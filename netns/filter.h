/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter.h - what the near ends of routed pairs may send and receive: one nftables table.
 *
 * The rules are fixed when the table is built and their number never changes. What differs from
 * link to link are elements of sets and maps, so a packet costs the same with one link as with a
 * thousand. A link without elements can send nothing: rules go by the interface's name (prefix and
 * number), elements by its index.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/ip.h"
#include "netns/link.h"
#include "netns/netlink.h"

struct error;

#define FILTER_TABLE 72 /* the table's name and NUL */

struct filter {
	struct netlink netlink;
	char table[FILTER_TABLE];
	char prefix[LINK_NAME]; /* of the near ends' names */
};

/* A port of the host, TCP or UDP. */
struct filter_port {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port;
};

/* A port of the host that leads to a link's address. */
struct filter_published {
	struct filter_port from;
	struct ip at; /* of the host; family 0: at all of its addresses */
	struct ip to; /* of the link; its family is the rule's */
	uint16_t to_port;
};

/* What was dropped from a link, by reason. */
enum filter_reason {
	FILTER_SPOOFED, /* not its own address, or a router's word */
	FILTER_CLOSED,  /* the host's services, metadata addresses, isolated */
	FILTER_CROWDED, /* more connections than its share */
	FILTER_REASONS
};
extern const char *const filter_reason_names[FILTER_REASONS];

/* One link, as the filter knows it. */
struct filter_link {
	uint32_t index;
	const struct ip *ips; /* that it may send from; its link-local address among them */
	size_t n_ips;
	const struct filter_published *published;
	size_t n_published;
	uint32_t connections; /* at most this many at once; 0: no limit */
	bool masqueraded;     /* its private addresses leave the host as the host's */
	bool isolated;        /* neither to nor from other links of this table */
	/* Packets that were counted before: where the counters begin. */
	uint64_t dropped[FILTER_REASONS];
};

/* Opens the way to the table of that name, whether it is there or not. */
int filter_open(struct filter *filter, const char *table, const char *prefix, int netns_fd,
	struct error *err);
void filter_close(struct filter *filter);
#define cleanup_filter __attribute__((cleanup(filter_close)))

/* Builds the table anew, with these links and nothing else, in one transaction: what was there
 * stays in force until it is done. `open` are the host's ports that every link may reach. */
int filter_build(struct filter *filter, const struct filter_port *open, size_t n_open,
	const struct filter_link *links, size_t n_links, struct error *err);

/* Takes the table away; none is no error. */
int filter_destroy(struct filter *filter, struct error *err);

/* Each one transaction: a link's elements are in force together or not at all. A published port
 * that another link holds is -EBUSY. Adding what is there already and removing what is not are no
 * errors; of a link that was never added nothing is removed.
 * A change leaves alone, with its counters and connections, what both have; it is -ENOENT if
 * something of the old is not there. */
int filter_add(struct filter *filter, const struct filter_link *link, struct error *err);
int filter_remove(struct filter *filter, const struct filter_link *link, struct error *err);
int filter_change(struct filter *filter, const struct filter_link *old,
	const struct filter_link *new, struct error *err);

/* Whether the link has been added. Costs no transaction: one that fails makes the kernel wait for a
 * grace period, some 10 ms. */
int filter_holds(struct filter *filter, uint32_t index, bool *ret, struct error *err);

/* Whether the table is there with all of its rules. */
int filter_whole(struct filter *filter, bool *ret, struct error *err);

/* Calls fn for each link and reason. Counters begin where the link
 * says when its elements are added. */
typedef int filter_count_fn(
	uint32_t index, enum filter_reason reason, uint64_t packets, uint64_t bytes, void *data);
int filter_count(struct filter *filter, filter_count_fn *fn, void *data, struct error *err);

/* Keeps connections that go by translated addresses when another program takes the table away, for
 * as long as the socket is open. */
int filter_guard_open(
	struct netlink *ret, const struct filter *filter, int netns_fd, struct error *err);

/* Whether somebody else's chain drops what is forwarded and not accepted there: an accept of this
 * table does not override it. Returns 1 with "TABLE CHAIN", or 0. */
#define FILTER_CHAIN 160
int filter_foreign_drop(struct filter *filter, char ret[FILTER_CHAIN], struct error *err);

/* A socket that is readable when any table changes. filter_watch_read() empties it (it never
 * blocks) and returns 1 if something of this table may have been taken away: ask filter_whole(). */
int filter_watch_open(struct netlink *ret, int netns_fd, struct error *err);
int filter_watch_read(struct netlink *watch, const struct filter *filter, struct error *err);
