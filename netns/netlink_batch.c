/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * netlink_batch.c - requests gathered in one buffer.
 *
 * There is always room for one more request behind the last: libmnl's put functions do not ask.
 * When memory runs out requests go on into the buffer there is, over one another, and the batch
 * remembers not to send them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns/netlink.h"

/* Where requests go when there is no memory at all. */
static char scratch[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));

void netlink_batch_init(struct netlink_batch *batch)
{
	*batch = (struct netlink_batch){ 0 };
}

void netlink_batch_done(struct netlink_batch *batch)
{
	free(batch->buffer);
	free(batch->requests);
	netlink_batch_init(batch);
}

static struct nlmsghdr *message_at(const struct netlink_batch *batch, size_t i)
{
	return (void *)(batch->buffer + batch->requests[i].offset);
}

/* Room for another request's bytes and its entry. */
static bool grow(struct netlink_batch *batch)
{
	if (batch->capacity - batch->used < NETLINK_REQUEST_MAX) {
		size_t capacity = batch->capacity * 2 + NETLINK_REQUEST_MAX * 2;
		char *buffer = realloc(batch->buffer, capacity);

		if (!buffer)
			return false;
		batch->buffer = buffer;
		batch->capacity = capacity;
	}
	if (batch->n == batch->requests_capacity) {
		size_t capacity = batch->requests_capacity * 2 + 16;
		struct netlink_request *requests =
			reallocarray(batch->requests, capacity, sizeof(*requests));

		if (!requests)
			return false;
		batch->requests = requests;
		batch->requests_capacity = capacity;
	}
	return true;
}

/* nfnetlink wants its frame around a transaction. */
static void frame(struct nlmsghdr *message)
{
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->nfgen_family = AF_UNSPEC;
	header->version = NFNETLINK_V0;
	header->res_id = htons(NFNL_SUBSYS_NFTABLES);
}

struct nlmsghdr *netlink_add(
	struct netlink_batch *batch, uint16_t type, uint16_t flags, const char *what, ...)
{
	struct nlmsghdr *message;
	va_list args;

	if (batch->transaction && batch->n == 0 && type != NFNL_MSG_BATCH_BEGIN)
		netlink_add(batch, NFNL_MSG_BATCH_BEGIN, 0, "begin a transaction");
	if (batch->n > 0)
		batch->used = batch->requests[batch->n - 1].offset +
			      NLMSG_ALIGN(message_at(batch, batch->n - 1)->nlmsg_len);
	if (batch->failed || !grow(batch)) {
		batch->failed = true;
		return mnl_nlmsg_put_header(scratch);
	}
	batch->requests[batch->n].offset = batch->used;
	va_start(args, what);
	vsnprintf(batch->requests[batch->n].what, NETLINK_WHAT, what, args);
	va_end(args);
	message = mnl_nlmsg_put_header(batch->buffer + batch->used);
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	batch->n++;
	/* Their numbers are RTM_NEWLINK's and RTM_DELLINK's elsewhere. */
	if (batch->transaction && (type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END))
		frame(message);
	return message;
}
