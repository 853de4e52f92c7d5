/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * address.c - RTM_NEWADDR, and RTM_NEWNEIGH for the addresses next to it.
 */
#include "netns/address.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netns/ip.h"
#include "netns/link.h"
#include "netns/netlink.h"

/* rtnetlink(7) leaves the numbers from 4 (RTPROT_STATIC) on to programs; iproute2's list of those
 * in use has none near. Proxy entries carry it from Linux 5.0 on. */
#define PROTOCOL_VESSEL 86

static struct nlmsghdr *add_address(struct netlink_batch *batch, uint16_t type, uint16_t flags,
	uint32_t index, const struct ip *ip, uint8_t length, uint8_t scope)
{
	char text[IP_TEXT];
	struct nlmsghdr *message = netlink_add(batch, type, flags, "%s the address %s",
		type == RTM_NEWADDR ? "set" : "remove", ip_format(ip, text));
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifa_family = (uint8_t)ip->family;
	header->ifa_prefixlen = length;
	header->ifa_scope = scope;
	header->ifa_index = index;
	mnl_attr_put(message, IFA_LOCAL, ip_size(ip), ip->bytes);
	mnl_attr_put(message, IFA_ADDRESS, ip_size(ip), ip->bytes);
	return message;
}

void address_add(struct netlink_batch *batch, uint32_t index, const struct ip *ip, uint8_t length,
	uint8_t scope)
{
	struct nlmsghdr *message = add_address(
		batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, ip, length, scope);

	if (ip->family == AF_INET6)
		mnl_attr_put_u32(
			message, IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE);
}

void address_remove(
	struct netlink_batch *batch, uint32_t index, const struct ip *ip, uint8_t length)
{
	add_address(batch, RTM_DELADDR, 0, index, ip, length, 0);
}

struct each {
	uint32_t index;
	address_fn *fn;
	void *data;
};

static int take_address(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct ip ip = { .family = header->ifa_family };
	const struct each *each = data;
	const struct nlattr *attribute;
	bool local = false;

	if (message->nlmsg_type != RTM_NEWADDR || (each->index && header->ifa_index != each->index))
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the other end's; IFA_LOCAL, if any, is ours. */
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		uint16_t type = mnl_attr_get_type(attribute);

		if (mnl_attr_get_payload_len(attribute) != ip_size(&ip) ||
			(type != IFA_LOCAL && (type != IFA_ADDRESS || local)))
			continue;
		memcpy(ip.bytes, mnl_attr_get_payload(attribute), ip_size(&ip));
		local = type == IFA_LOCAL;
	}
	return each->fn(header->ifa_index, &ip, header->ifa_prefixlen, each->data);
}

int address_each(
	struct netlink *netlink, uint32_t index, address_fn *fn, void *data, struct error *err)
{
	char buffer[128] __attribute__((aligned(NLMSG_ALIGNTO))); /* two headers */
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	struct each each = { .index = index, .fn = fn, .data = data };

	request->nlmsg_type = RTM_GETADDR;
	header->ifa_family = AF_UNSPEC;
	return netlink_dump(netlink, request, take_address, &each, err);
}

static struct nlmsghdr *add_neighbour(struct netlink_batch *batch, uint16_t type, uint8_t flags,
	uint32_t index, const struct ip *ip)
{
	char text[IP_TEXT];
	struct nlmsghdr *message = netlink_add(batch, type,
		type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0, "%s the neighbour %s",
		type == RTM_NEWNEIGH ? "set" : "remove", ip_format(ip, text));
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ndm_family = (uint8_t)ip->family;
	header->ndm_ifindex = (int)index;
	header->ndm_state = NUD_PERMANENT;
	header->ndm_flags = flags;
	mnl_attr_put(message, NDA_DST, ip_size(ip), ip->bytes);
	return message;
}

void neighbour_add(
	struct netlink_batch *batch, uint32_t index, const struct ip *ip, const uint8_t *mac)
{
	struct nlmsghdr *message = add_neighbour(batch, RTM_NEWNEIGH, 0, index, ip);

	mnl_attr_put(message, NDA_LLADDR, LINK_MAC, mac);
}

void neighbour_remove(struct netlink_batch *batch, uint32_t index, const struct ip *ip)
{
	add_neighbour(batch, RTM_DELNEIGH, 0, index, ip);
}

void neighbour_add_proxy(struct netlink_batch *batch, uint32_t index, const struct ip *ip)
{
	struct nlmsghdr *message = add_neighbour(batch, RTM_NEWNEIGH, NTF_PROXY, index, ip);

	mnl_attr_put_u8(message, NDA_PROTOCOL, PROTOCOL_VESSEL);
}

void neighbour_remove_proxy(struct netlink_batch *batch, uint32_t index, const struct ip *ip)
{
	add_neighbour(batch, RTM_DELNEIGH, NTF_PROXY, index, ip);
}

struct each_proxy {
	neighbour_fn *fn;
	void *data;
};

static int take_proxy(const struct nlmsghdr *message, void *data)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	struct ip ip = { .family = header->ndm_family };
	const struct each_proxy *each = data;
	const struct nlattr *attribute;
	bool ours = false;

	if (message->nlmsg_type != RTM_NEWNEIGH || !(header->ndm_flags & NTF_PROXY))
		return 0;
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		uint16_t type = mnl_attr_get_type(attribute);
		size_t size = mnl_attr_get_payload_len(attribute);

		if (type == NDA_DST && size == ip_size(&ip))
			memcpy(ip.bytes, mnl_attr_get_payload(attribute), size);
		if (type == NDA_PROTOCOL && size == 1)
			ours = mnl_attr_get_u8(attribute) == PROTOCOL_VESSEL;
	}
	return ours ? each->fn((uint32_t)header->ndm_ifindex, &ip, each->data) : 0;
}

int neighbour_each_proxy(struct netlink *netlink, neighbour_fn *fn, void *data, struct error *err)
{
	char buffer[128] __attribute__((aligned(NLMSG_ALIGNTO))); /* two headers */
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	struct each_proxy each = { .fn = fn, .data = data };

	request->nlmsg_type = RTM_GETNEIGH;
	header->ndm_family = AF_UNSPEC;
	header->ndm_flags = NTF_PROXY;
	return netlink_dump(netlink, request, take_proxy, &each, err);
}

void neighbour_ask(struct netlink_batch *batch, uint32_t index, const struct ip *ip)
{
	struct ndmsg *header =
		mnl_nlmsg_get_payload(add_neighbour(batch, RTM_NEWNEIGH, NTF_USE, index, ip));

	header->ndm_state = NUD_NONE;
}

struct answer {
	enum neighbour state;
	uint8_t *mac;
};

static int take_state(const struct nlmsghdr *message, void *data)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	struct answer *answer = data;

	if (header->ndm_state & NUD_FAILED)
		answer->state = NEIGHBOUR_SILENT;
	if (!(header->ndm_state &
		    (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)))
		return 0;
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		if (mnl_attr_get_type(attribute) != NDA_LLADDR ||
			mnl_attr_get_payload_len(attribute) != LINK_MAC)
			continue;
		memcpy(answer->mac, mnl_attr_get_payload(attribute), LINK_MAC);
		answer->state =
			header->ndm_state & NUD_PERMANENT ? NEIGHBOUR_FIXED : NEIGHBOUR_THERE;
	}
	return 0;
}

int neighbour_state(struct netlink *netlink, uint32_t index, const struct ip *ip,
	enum neighbour *ret, uint8_t *ret_mac, struct error *err)
{
	char buffer[128] __attribute__((aligned(NLMSG_ALIGNTO))); /* two headers, an address */
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	struct answer answer = { NEIGHBOUR_UNKNOWN, ret_mac };
	int r;

	request->nlmsg_type = RTM_GETNEIGH;
	header->ndm_family = (uint8_t)ip->family;
	header->ndm_ifindex = (int)index;
	mnl_attr_put(request, NDA_DST, ip_size(ip), ip->bytes);
	r = netlink_ask(netlink, request, take_state, &answer, err);
	*ret = answer.state;
	return r;
}
