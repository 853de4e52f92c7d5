/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * netlink.c - the socket and its answers.
 *
 * Only the last request of a batch asks for an answer; the kernel answers failures unasked
 * (netlink_rcv_skb, nfnetlink_rcv_batch), in order. Answers leave out the request's own bytes
 * (NETLINK_CAP_ACK), so that one small buffer takes them.
 */
#include "netns/netlink.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "netns/namespace.h"

#define SKIP_MAX   8192
#define ANSWER_MAX 32768 /* the kernel fills dumps up to this (netlink_dump) */

static const int options[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK };

int netlink_open(struct netlink *netlink, int protocol, int netns_fd, struct error *err)
{
	cleanup_namespace int back_fd = NETNS_PRESENT;
	cleanup_close int fd = -1;
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int on = 1, strict = protocol == NETLINK_ROUTE;
	int r = namespace_enter(netns_fd, &back_fd, err);

	if (r < 0)
		return r;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return error_sys(err, "cannot open a netlink socket");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, "cannot bind a netlink socket");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(fd, SOL_NETLINK, options[i], &on, sizeof(on));
	/* Makes the kernel filter dumps by what the request's header names (Linux 4.20). */
	if (strict)
		(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	*netlink = (struct netlink){ .fd = take_fd(&fd), .protocol = protocol };
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	close_fd(&netlink->fd);
}

static int send_bytes(struct netlink *netlink, const void *bytes, size_t size, struct error *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	/* A message must fit the send buffer, whose default is 208 KiB. */
	if (size > 65536) {
		int room = (int)size + 65536;

		(void)setsockopt(netlink->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	}
	do
		n = sendto(netlink->fd, bytes, size, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? error_sys(err, "cannot send %zu bytes to netlink", size) : 0;
}

/* One datagram from the kernel; anything sent by another process is passed over. */
static ssize_t receive(
	struct netlink *netlink, void *buffer, size_t size, int flags, struct error *err)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = buffer, .iov_len = size };
		struct msghdr header = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t n = recvmsg(netlink->fd, &header, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, "cannot receive from netlink");
		if (from.nl_pid != 0)
			continue;
		if (header.msg_flags & MSG_TRUNC)
			return error_set(err, EMSGSIZE, "an answer of netlink is too long");
		return n;
	}
}

/* The kernel's own words in an error message, or NULL. */
static const char *extended_text(const struct nlmsghdr *message)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
	size_t offset = sizeof(*answer);
	const struct nlattr *attribute;

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(message->nlmsg_flags & NLM_F_CAPPED))
		offset += mnl_nlmsg_get_payload_len(message) > offset
				  ? answer->msg.nlmsg_len - sizeof(struct nlmsghdr)
				  : 0;
	mnl_attr_for_each(attribute, message, offset)
	{
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
			mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(attribute);
	}
	return NULL;
}

static int fail(const struct nlmsghdr *message, int code, const char *what, struct error *err)
{
	const char *text = extended_text(message);

	errno = code;
	if (!text)
		return error_sys(err, "cannot %s", what);
	return error_sys(err, "cannot %s: %s", what, text);
}

static const struct netlink_request *request_find(
	const struct netlink_batch *batch, uint32_t sequence)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->requests[i].sequence == sequence)
			return &batch->requests[i];
	return NULL;
}

struct answers {
	struct netlink_batch *batch;
	uint32_t last;
	int result; /* of the first request that failed */
	bool done;
};

static void take_answer(const struct nlmsghdr *message, struct answers *answers, struct error *err)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
	const struct netlink_request *request = request_find(answers->batch, message->nlmsg_seq);

	if (message->nlmsg_type != NLMSG_ERROR ||
		mnl_nlmsg_get_payload_len(message) < sizeof(*answer))
		return;
	if (answer->error && answers->result == 0)
		answers->result = fail(
			message, -answer->error, request ? request->what : "send a batch", err);
	if (message->nlmsg_seq == answers->last)
		answers->done = true;
}

/* All answers are there when sendto() returns, so nothing is waited for: nfnetlink answers the
 * frame alone when it refuses a batch as a whole. */
static int take_answers(struct netlink *netlink, struct answers *answers, struct error *err)
{
	struct nlmsghdr buffer[ANSWER_MAX / sizeof(struct nlmsghdr)];

	while (!answers->done) {
		const struct nlmsghdr *message = buffer;
		struct error lost = { 0 };
		ssize_t received = receive(netlink, buffer, sizeof(buffer), MSG_DONTWAIT, &lost);
		int rest = (int)received;

		/* So many failed that the socket could not hold all of it; the first is there. */
		if (received == -ENOBUFS)
			continue;
		if (received < 0 && answers->result < 0)
			break;
		if (received < 0) {
			*err = lost;
			return (int)received;
		}
		for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest))
			take_answer(message, answers, err);
	}
	return answers->result;
}

/* Ends the last request, numbers all, and asks for an answer to the last that can have one. */
static uint32_t seal(struct netlink *netlink, struct netlink_batch *batch)
{
	struct nlmsghdr *message = NULL;

	if (batch->transaction)
		netlink_add(batch, NFNL_MSG_BATCH_END, 0, "commit");
	netlink_add(batch, NLMSG_NOOP, 0, "end"); /* settles the length of the one before */
	if (batch->failed)
		return 0;
	batch->n--;
	for (size_t i = 0; i < batch->n; i++) {
		message = (void *)(batch->buffer + batch->requests[i].offset);
		message->nlmsg_seq = ++netlink->sequence;
		batch->requests[i].sequence = message->nlmsg_seq;
	}
	message = (void *)(batch->buffer +
			   batch->requests[batch->n - (batch->transaction ? 2 : 1)].offset);
	message->nlmsg_flags |= NLM_F_ACK;
	return message->nlmsg_seq;
}

int netlink_batch_send(struct netlink *netlink, struct netlink_batch *batch, struct error *err)
{
	struct answers answers = { .batch = batch };
	int r = 0;

	if (batch->n > 0)
		answers.last = seal(netlink, batch);
	if (batch->failed)
		r = error_memory(err);
	else if (batch->n > 0)
		r = send_bytes(netlink, batch->buffer, batch->used, err);
	if (r == 0 && batch->n > 0)
		r = take_answers(netlink, &answers, err);
	batch->n = 0;
	batch->used = 0;
	return r;
}

struct dump {
	netlink_message_fn *fn;
	void *data;
	uint32_t sequence;
	bool one; /* a single answer, not a list */
	bool interrupted, done;
};

/* The end of a dump, with the errno that it broke off at, if it did. */
static int take_end(const struct nlmsghdr *message, struct error *err)
{
	int code = 0;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(message), sizeof(code));
	return code < 0 ? error_set(err, -code, "the kernel broke off a list") : 0;
}

static int take_message(const struct nlmsghdr *message, struct dump *dump, struct error *err)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
	int r;

	if (message->nlmsg_seq != dump->sequence || dump->done)
		return 0;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		dump->interrupted = true;
	if (message->nlmsg_type == NLMSG_DONE) {
		dump->done = true;
		return take_end(message, err);
	}
	if (message->nlmsg_type == NLMSG_ERROR) {
		dump->done = true;
		if (mnl_nlmsg_get_payload_len(message) < sizeof(*answer) || answer->error == 0)
			return 0;
		return fail(message, -answer->error, "ask the kernel", err);
	}
	dump->done = dump->one;
	r = dump->fn(message, dump->data);
	return r < 0 ? error_set(err, -r, "cannot use an answer of netlink") : 0;
}

static int take_messages(struct netlink *netlink, struct dump *dump, struct error *err)
{
	struct nlmsghdr buffer[ANSWER_MAX / sizeof(struct nlmsghdr)];
	int result = 0;

	while (!dump->done) {
		const struct nlmsghdr *message = buffer;
		ssize_t received = receive(netlink, buffer, sizeof(buffer), 0, err);
		int rest = (int)received;

		if (received < 0)
			return (int)received;
		/* After a failure the rest is read all the same: the socket is used again. */
		for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
			int r = result < 0 && message->nlmsg_type != NLMSG_DONE
					? 0
					: take_message(message, dump, err);

			if (r < 0)
				result = r;
		}
	}
	return result;
}

int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_message_fn *fn,
	void *data, struct error *err)
{
	struct dump dump = { .fn = fn, .data = data, .sequence = ++netlink->sequence };
	int r;

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = dump.sequence;
	r = send_bytes(netlink, request, request->nlmsg_len, err);
	if (r == 0)
		r = take_messages(netlink, &dump, err);
	return r < 0 ? r : dump.interrupted;
}

int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, netlink_message_fn *fn,
	void *data, struct error *err)
{
	struct dump dump = { .fn = fn, .data = data, .sequence = ++netlink->sequence, .one = true };
	int r;

	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = dump.sequence;
	r = send_bytes(netlink, request, request->nlmsg_len, err);
	return r < 0 ? r : take_messages(netlink, &dump, err);
}

int netlink_watch(struct netlink *netlink, const struct sock_fprog *program, const int *groups,
	size_t n, struct error *err)
{
	if (setsockopt(netlink->fd, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(*program)) < 0)
		return error_sys(err, "cannot watch the host's network");
	for (size_t i = 0; i < n; i++)
		if (setsockopt(netlink->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			    sizeof(groups[i])) < 0)
			return error_sys(err, "cannot watch the host's network");
	return 0;
}

void netlink_skip(int fd)
{
	char buffer[SKIP_MAX];

	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
		errno == EINTR)
		;
}
