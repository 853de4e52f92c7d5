/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * netlink.h - a netlink socket in a network namespace, batches of requests, dumps.
 *
 * Requests are gathered and sent with one system call; the kernel answers the last one and each
 * that fails, so a batch costs one send and one receive however long it is. An answer carries the
 * kernel's own words (NETLINK_EXT_ACK) into the error.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct netlink {
	int fd;
	int protocol;
	uint32_t sequence;
};

#define NETLINK_CLOSED                                                                             \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Opens a socket of `protocol` (NETLINK_ROUTE, NETLINK_NETFILTER) that lives in the namespace of
 * netns_fd (NETNS_PRESENT: the process's own). */
int netlink_open(struct netlink *netlink, int protocol, int netns_fd, struct error *err);
void netlink_close(struct netlink *netlink);
#define cleanup_netlink __attribute__((cleanup(netlink_close)))

/* Attributes of one request may take this much; whoever puts more starts another request. */
#define NETLINK_REQUEST_MAX 8192

/* What a request was for, for its error: "cannot " + what. */
#define NETLINK_WHAT 96

struct netlink_request {
	size_t offset;
	uint32_t sequence;
	char what[NETLINK_WHAT];
};

struct netlink_batch {
	char *buffer;
	size_t used, capacity;
	struct netlink_request *requests;
	size_t n, requests_capacity;
	bool failed;      /* memory ran out: netlink_batch_send says so */
	bool transaction; /* framed for nfnetlink: all or nothing */
};

void netlink_batch_init(struct netlink_batch *batch);
void netlink_batch_done(struct netlink_batch *batch);
#define cleanup_batch __attribute__((cleanup(netlink_batch_done)))

/* Begins a request and ends the one before it. The header is zeroed but for type and flags
 * (NLM_F_REQUEST is added); put the protocol's own header and at most NETLINK_REQUEST_MAX bytes of
 * attributes behind it with libmnl. Never NULL. */
struct nlmsghdr *netlink_add(struct netlink_batch *batch, uint16_t type, uint16_t flags,
	const char *what, ...) __attribute__((format(printf, 4, 5)));

/* Sends all and empties the batch. The first request that failed is the error (its errno; the text
 * tells what and why). rtnetlink goes on after a failure: the requests behind it have been tried. A
 * transaction (nfnetlink) is done whole or not at all. */
int netlink_batch_send(struct netlink *netlink, struct netlink_batch *batch, struct error *err);

/* Called for each message of a dump; a negative return value ends it. */
typedef int netlink_message_fn(const struct nlmsghdr *message, void *data);

/* Sends the request that `request` holds (built with mnl_nlmsg_put_header, type set) as a dump.
 * Returns 1 if the kernel says that what it listed changed meanwhile (ask again), else 0. */
int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_message_fn *fn,
	void *data, struct error *err);

/* One request, one answer that `fn` gets (RTM_GETLINK of one link, say). */
int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, netlink_message_fn *fn,
	void *data, struct error *err);

/* Subscribes to groups of events; `program` (classic BPF, over the message) lets through what wakes
 * the reader. */
struct sock_fprog;
int netlink_watch(struct netlink *netlink, const struct sock_fprog *program, const int *groups,
	size_t n, struct error *err);

/* Reads all that is there, for a reader who only has to know that something was: what it says does
 * not matter, nor whether the socket could hold all of it. */
void netlink_skip(int fd);
