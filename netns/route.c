/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * route.c - RTM_NEWROUTE.
 */
#include "netns/route.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "netns/ip.h"
#include "netns/netlink.h"

static struct nlmsghdr *add_route(struct netlink_batch *batch, uint16_t type, uint16_t flags,
	const struct prefix *prefix, uint32_t index)
{
	char text[PREFIX_TEXT];
	struct nlmsghdr *message = netlink_add(batch, type, flags, "%s the route to %s",
		type == RTM_NEWROUTE ? "set" : "remove", prefix_format(prefix, text));
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->rtm_family = (uint8_t)prefix->ip.family;
	header->rtm_dst_len = prefix->length;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = RTPROT_STATIC;
	header->rtm_scope = RT_SCOPE_LINK;
	header->rtm_type = RTN_UNICAST;
	if (prefix->length > 0)
		mnl_attr_put(message, RTA_DST, ip_size(&prefix->ip), prefix->ip.bytes);
	mnl_attr_put_u32(message, RTA_OIF, index);
	return message;
}

void route_add_link(struct netlink_batch *batch, const struct prefix *prefix, uint32_t index)
{
	add_route(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, prefix, index);
}

void route_remove(struct netlink_batch *batch, const struct prefix *prefix, uint32_t index)
{
	add_route(batch, RTM_DELROUTE, 0, prefix, index);
}

void route_set_default(struct netlink_batch *batch, const struct ip *gateway, uint32_t index)
{
	struct prefix all = { .ip.family = gateway->family };
	struct nlmsghdr *message =
		add_route(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &all, index);
	struct rtmsg *header = mnl_nlmsg_get_payload(message);

	header->rtm_scope = RT_SCOPE_UNIVERSE;
	header->rtm_flags = RTNH_F_ONLINK;
	mnl_attr_put(message, RTA_GATEWAY, ip_size(gateway), gateway->bytes);
}

struct each {
	route_fn *fn;
	void *data;
};

static int take_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct prefix prefix = { .ip.family = header->rtm_family, .length = header->rtm_dst_len };
	const struct each *each = data;
	const struct nlattr *attribute;
	uint32_t index = 0;

	if (message->nlmsg_type != RTM_NEWROUTE || header->rtm_type != RTN_UNICAST ||
		header->rtm_table != RT_TABLE_MAIN || header->rtm_flags & RTM_F_CLONED)
		return 0;
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		uint16_t type = mnl_attr_get_type(attribute);
		size_t size = mnl_attr_get_payload_len(attribute);

		if (type == RTA_DST && size == ip_size(&prefix.ip))
			memcpy(prefix.ip.bytes, mnl_attr_get_payload(attribute), size);
		if (type == RTA_OIF && size == sizeof(index))
			index = mnl_attr_get_u32(attribute);
	}
	return each->fn(&prefix, index, each->data);
}

static int dump_family(
	struct netlink *netlink, uint8_t family, const struct each *each, struct error *err)
{
	char buffer[128] __attribute__((aligned(NLMSG_ALIGNTO))); /* two headers */
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = RTM_GETROUTE;
	header->rtm_family = family;
	return netlink_dump(netlink, request, take_route, (void *)each, err);
}

int route_each(struct netlink *netlink, route_fn *fn, void *data, struct error *err)
{
	struct each each = { .fn = fn, .data = data };
	int r = dump_family(netlink, AF_INET, &each, err);

	return r < 0 ? r : dump_family(netlink, AF_INET6, &each, err);
}
