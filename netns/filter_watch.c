/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter_watch.c - what the kernel says of the table: whether it is whole, what it counted, that
 * somebody changed it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/error.h"
#include "netns/filter.h"
#include "netns/filter_table.h"

#define NFT_TYPE(type) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (type)))
#define REQUEST        512 /* headers and two names */

/* The attribute of that type among a message's own, or NULL. */
static const struct nlattr *attribute_find(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attribute) == type)
			return attribute;
	}
	return NULL;
}

static const struct nlattr *nested_find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attribute;

	if (!nest)
		return NULL;
	mnl_attr_for_each_nested(attribute, nest)
	{
		if (mnl_attr_get_type(attribute) == type)
			return attribute;
	}
	return NULL;
}

static bool is_text(const struct nlattr *attribute, const char *text)
{
	return attribute && mnl_attr_get_payload_len(attribute) == strlen(text) + 1 &&
	       memcmp(mnl_attr_get_payload(attribute), text, strlen(text) + 1) == 0;
}

static struct nlmsghdr *request_put(void *buffer, uint16_t type, uint8_t family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = NFT_TYPE(type);
	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	return request;
}

struct tally {
	const struct filter *filter;
	size_t rules;
};

static int count_rule(const struct nlmsghdr *message, void *data)
{
	struct tally *tally = data;

	if (message->nlmsg_type == NFT_TYPE(NFT_MSG_NEWRULE) &&
		is_text(attribute_find(message, NFTA_RULE_TABLE), tally->filter->table))
		tally->rules++;
	return 0;
}

int filter_whole(struct filter *filter, bool *ret, struct error *err)
{
	struct tally tally = { .filter = filter };
	static const uint8_t families[] = { NFPROTO_INET, NFPROTO_ARP };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct nlmsghdr buffer[REQUEST / sizeof(struct nlmsghdr)];
		struct nlmsghdr *request = request_put(buffer, NFT_MSG_GETRULE, families[i]);
		int r;

		mnl_attr_put_strz(request, NFTA_RULE_TABLE, filter->table);
		r = netlink_dump(&filter->netlink, request, count_rule, &tally, err);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	*ret = tally.rules == filter_n_rules;
	return 0;
}

const char *const filter_reason_names[FILTER_REASONS] = {
	[FILTER_SPOOFED] = "spoofed",
	[FILTER_CLOSED] = "closed",
	[FILTER_CROWDED] = "crowded",
};

struct count {
	enum filter_reason reason;
	filter_count_fn *fn;
	void *data;
};

static uint64_t number64(const struct nlattr *attribute)
{
	uint64_t number = 0;

	if (attribute && mnl_attr_get_payload_len(attribute) == sizeof(number))
		memcpy(&number, mnl_attr_get_payload(attribute), sizeof(number));
	return be64toh(number);
}

static int take_element(const struct nlattr *element, const struct count *count)
{
	const struct nlattr *key =
		nested_find(nested_find(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
	const struct nlattr *counter =
		nested_find(nested_find(element, NFTA_SET_ELEM_EXPR), NFTA_EXPR_DATA);
	uint32_t index;

	if (!key || !counter || mnl_attr_get_payload_len(key) != sizeof(index))
		return 0;
	memcpy(&index, mnl_attr_get_payload(key), sizeof(index));
	return count->fn(index, count->reason, number64(nested_find(counter, NFTA_COUNTER_PACKETS)),
		number64(nested_find(counter, NFTA_COUNTER_BYTES)), count->data);
}

static int take_elements(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *list = attribute_find(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct nlattr *element;
	int r = 0;

	if (message->nlmsg_type != NFT_TYPE(NFT_MSG_NEWSETELEM) || !list)
		return 0;
	mnl_attr_for_each_nested(element, list)
	{
		r = take_element(element, data);
		if (r < 0)
			return r;
	}
	return 0;
}

int filter_count(struct filter *filter, filter_count_fn *fn, void *data, struct error *err)
{
	for (int i = 0; i < FILTER_REASONS; i++) {
		struct nlmsghdr buffer[REQUEST / sizeof(struct nlmsghdr)];
		struct nlmsghdr *request = request_put(buffer, NFT_MSG_GETSETELEM, NFPROTO_INET);
		struct count count = { .reason = (enum filter_reason)i, .fn = fn, .data = data };
		int r;

		mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, filter->table);
		mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, filter_reason_names[i]);
		r = netlink_dump(&filter->netlink, request, take_elements, &count, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_held(const struct nlmsghdr *message, void *data)
{
	*(bool *)data |= (message->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM;
	return 0;
}

int filter_holds(struct filter *filter, uint32_t index, bool *ret, struct error *err)
{
	struct nlmsghdr buffer[REQUEST / sizeof(struct nlmsghdr)];
	struct nlmsghdr *request = request_put(buffer, NFT_MSG_GETSETELEM, NFPROTO_INET);
	struct error missing = { 0 };
	struct nlattr *list, *item, *key;
	bool held = false;
	int r;

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, filter->table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, filter_reason_names[FILTER_SPOOFED]);
	list = mnl_attr_nest_start(request, NFTA_SET_ELEM_LIST_ELEMENTS);
	item = mnl_attr_nest_start(request, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(request, NFTA_SET_ELEM_KEY);
	mnl_attr_put_u32(request, NFTA_DATA_VALUE, index);
	mnl_attr_nest_end(request, key);
	mnl_attr_nest_end(request, item);
	mnl_attr_nest_end(request, list);
	r = netlink_ask(&filter->netlink, request, take_held, &held, &missing);
	if (r < 0 && r != -ENOENT) {
		*err = missing;
		return r;
	}
	*ret = held;
	return 0;
}

struct foreign {
	const struct filter *filter;
	char *name;
	bool found;
};

static uint32_t number32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) == sizeof(uint32_t)
		       ? ntohl(mnl_attr_get_u32(attribute))
		       : UINT32_MAX;
}

static const char *text_of(const struct nlattr *attribute)
{
	return attribute && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0
		       ? mnl_attr_get_str(attribute)
		       : "";
}

static int take_chain(const struct nlmsghdr *message, void *data)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *hook = attribute_find(message, NFTA_CHAIN_HOOK);
	const struct nlattr *table = attribute_find(message, NFTA_CHAIN_TABLE);
	struct foreign *foreign = data;

	if (message->nlmsg_type != NFT_TYPE(NFT_MSG_NEWCHAIN) || foreign->found ||
		(header->nfgen_family != NFPROTO_INET && header->nfgen_family != NFPROTO_IPV4 &&
			header->nfgen_family != NFPROTO_IPV6))
		return 0;
	if (number32(nested_find(hook, NFTA_HOOK_HOOKNUM)) != NF_INET_FORWARD ||
		number32(attribute_find(message, NFTA_CHAIN_POLICY)) != NF_DROP ||
		is_text(table, foreign->filter->table))
		return 0;
	foreign->found = true;
	snprintf(foreign->name, FILTER_CHAIN, "%.70s %.70s", text_of(table),
		text_of(attribute_find(message, NFTA_CHAIN_NAME)));
	return 0;
}

int filter_foreign_drop(struct filter *filter, char ret[FILTER_CHAIN], struct error *err)
{
	struct nlmsghdr buffer[REQUEST / sizeof(struct nlmsghdr)];
	struct nlmsghdr *request = request_put(buffer, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC);
	struct foreign foreign = { .filter = filter, .name = ret };
	int r = netlink_dump(&filter->netlink, request, take_chain, &foreign, err);

	return r < 0 ? r : foreign.found;
}

int filter_watch_open(struct netlink *ret, int netns_fd, struct error *err)
{
	cleanup_netlink struct netlink watch = NETLINK_CLOSED;
	int group = NFNLGRP_NFTABLES;
	int r = netlink_open(&watch, NETLINK_NETFILTER, netns_fd, err);

	if (r < 0)
		return r;
	if (setsockopt(watch.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return error_sys(err, "cannot watch nftables");
	*ret = watch;
	watch.fd = -1;
	return 0;
}

static const struct {
	uint8_t type;
	uint16_t table; /* the attribute that names it */
} losses[] = {
	{ NFT_MSG_DELTABLE, NFTA_TABLE_NAME },
	{ NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE },
	{ NFT_MSG_DELRULE, NFTA_RULE_TABLE },
	{ NFT_MSG_DELSET, NFTA_SET_TABLE },
};

static bool is_loss(const struct nlmsghdr *message, const struct filter *filter)
{
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		if (message->nlmsg_type == NFT_TYPE(losses[i].type))
			return is_text(attribute_find(message, losses[i].table), filter->table);
	return false;
}

int filter_watch_read(struct netlink *watch, const struct filter *filter, struct error *err)
{
	struct nlmsghdr buffer[32768 / sizeof(struct nlmsghdr)];
	bool lost = false;

	for (;;) {
		ssize_t n = recv(watch->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		const struct nlmsghdr *message = buffer;
		int rest = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		/* More was said than the socket holds: anything may have happened. */
		if (n < 0 && errno == ENOBUFS) {
			lost = true;
			continue;
		}
		if (n < 0 && errno != EAGAIN)
			return error_sys(err, "cannot watch nftables");
		if (n < 0)
			return lost;
		for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest))
			lost |= is_loss(message, filter);
	}
}
