/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * link.c - RTM_NEWLINK and its relatives.
 *
 * A pair is made with its far end already in the other namespace, with name and MAC: no move, which
 * costs a grace period. Neither end can be up from the start (veth_open: ENOTCONN without a peer).
 * Interface settings that have a place in IFLA_AF_SPEC go there instead of through /proc/sys: same
 * batch, no procfs.
 */
#include "netns/link.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/array.h"
#include "base/error.h"
#include "netns/netlink.h"

static struct ifinfomsg *put_header(struct nlmsghdr *message)
{
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifi_family = AF_UNSPEC;
	return header;
}

static struct nlmsghdr *add_by_index(struct netlink_batch *batch, uint16_t type, uint16_t flags,
	uint32_t index, const char *what)
{
	struct nlmsghdr *message = netlink_add(batch, type, flags, "%s %u", what, index);

	put_header(message)->ifi_index = (int)index;
	return message;
}

static void put_end(struct nlmsghdr *message, const struct link_end *end, uint32_t mtu)
{
	put_header(message)->ifi_index = (int)end->index;
	mnl_attr_put_strz(message, IFLA_IFNAME, end->name);
	mnl_attr_put(message, IFLA_ADDRESS, LINK_MAC, end->mac);
	if (mtu)
		mnl_attr_put_u32(message, IFLA_MTU, mtu);
}

void link_add_veth(struct netlink_batch *batch, const struct link_end *near,
	const struct link_end *far, int far_netns_fd, uint32_t mtu)
{
	struct nlmsghdr *message = netlink_add(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
		"make the interfaces %s and %s", near->name, far->name);
	struct nlattr *info, *data, *peer;

	put_end(message, near, mtu);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	put_end(message, far, mtu);
	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)far_netns_fd);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
}

/* clang-format off */
static const struct {
	uint16_t which;
	uint32_t value;
} routed[] = {
	{ IPV4_DEVCONF_FORWARDING,       1 },
	{ IPV4_DEVCONF_ACCEPT_REDIRECTS, 0 },
	{ IPV4_DEVCONF_SEND_REDIRECTS,   0 }, /* a VE that reaches itself by a published port */
	{ IPV4_DEVCONF_PROXY_ARP,        0 },
	{ IPV4_DEVCONF_ROUTE_LOCALNET,   0 },
};
/* clang-format on */

void link_set_routed(struct netlink_batch *batch, const char *name)
{
	struct nlmsghdr *message =
		netlink_add(batch, RTM_NEWLINK, 0, "set the interface %s up", name);
	struct ifinfomsg *header = put_header(message);
	struct nlattr *families, *family, *values;

	header->ifi_flags = IFF_UP;
	header->ifi_change = IFF_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
	family = mnl_attr_nest_start(message, AF_INET);
	values = mnl_attr_nest_start(message, IFLA_INET_CONF);
	for (size_t i = 0; i < ARRAY_SIZE(routed); i++)
		mnl_attr_put_u32(message, routed[i].which, routed[i].value);
	mnl_attr_nest_end(message, values);
	mnl_attr_nest_end(message, family);
	family = mnl_attr_nest_start(message, AF_INET6);
	mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(message, family);
	mnl_attr_nest_end(message, families);
}

void link_set_up(struct netlink_batch *batch, uint32_t index, bool up)
{
	struct nlmsghdr *message =
		add_by_index(batch, RTM_NEWLINK, 0, index, up ? "set up link" : "set down link");
	struct ifinfomsg *header = mnl_nlmsg_get_payload(message);

	header->ifi_flags = up ? IFF_UP : 0;
	header->ifi_change = IFF_UP;
}

/* ethtool_op_get_link() runs the link watch for the link (linkwatch_sync_dev). A netlink socket
 * takes interface ioctls, too, for the namespace that it is in. */
int link_settle(struct netlink *netlink, const char *name, struct error *err)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq request = { .ifr_data = (void *)&value };

	memcpy(request.ifr_name, name, strnlen(name, LINK_NAME - 1));
	if (ioctl(netlink->fd, SIOCETHTOOL, &request) < 0)
		return error_sys(err, "cannot ask for the state of %s", name);
	return 0;
}

void link_add_alt_name(struct netlink_batch *batch, uint32_t index, const char *alt_name)
{
	struct nlmsghdr *message = add_by_index(batch, RTM_NEWLINKPROP,
		NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, index, "give another name to link");
	struct nlattr *list = mnl_attr_nest_start(message, IFLA_PROP_LIST);

	mnl_attr_put_strz(message, IFLA_ALT_IFNAME, alt_name);
	mnl_attr_nest_end(message, list);
}

void link_delete(struct netlink_batch *batch, uint32_t index)
{
	add_by_index(batch, RTM_DELLINK, 0, index, "delete link");
}

static void take_counters(const struct nlattr *attribute, struct link_counters *ret)
{
	struct rtnl_link_stats64 stats = { 0 };
	size_t size = mnl_attr_get_payload_len(attribute);

	memcpy(&stats, mnl_attr_get_payload(attribute),
		size < sizeof(stats) ? size : sizeof(stats));
	*ret = (struct link_counters){
		.rx_bytes = stats.rx_bytes,
		.rx_packets = stats.rx_packets,
		.rx_dropped = stats.rx_dropped,
		.tx_bytes = stats.tx_bytes,
		.tx_packets = stats.tx_packets,
		.tx_dropped = stats.tx_dropped,
	};
}

static void take_attribute(const struct nlattr *attribute, struct link *link)
{
	size_t size = mnl_attr_get_payload_len(attribute);

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		if (size <= sizeof(link->name))
			memcpy(link->name, mnl_attr_get_payload(attribute), size);
		link->name[LINK_NAME - 1] = '\0';
		break;
	case IFLA_ADDRESS:
		if (size == LINK_MAC)
			memcpy(link->mac, mnl_attr_get_payload(attribute), size);
		break;
	case IFLA_MTU:
		if (size == sizeof(uint32_t))
			link->mtu = mnl_attr_get_u32(attribute);
		break;
	case IFLA_STATS64:
		take_counters(attribute, &link->counters);
		break;
	default:
		break;
	}
}

static int take_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	struct link *link = data;

	if (message->nlmsg_type != RTM_NEWLINK)
		return 0;
	*link = (struct link){ .index = (uint32_t)header->ifi_index,
		.up = header->ifi_flags & IFF_UP };
	mnl_attr_for_each(attribute, message, sizeof(*header)) take_attribute(attribute, link);
	return 0;
}

#define ASK_MAX 512 /* a header and one name */

int link_find(struct netlink *netlink, const char *name, struct link *ret, struct error *err)
{
	char buffer[ASK_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct link link = { 0 };
	size_t length = strlen(name);
	int r;

	if (length == 0 || length >= LINK_ALT_NAME)
		return error_set(err, ENODEV, "no interface is named like that");
	request->nlmsg_type = RTM_GETLINK;
	put_header(request);
	mnl_attr_put_strz(request, length < LINK_NAME ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
	r = netlink_ask(netlink, request, take_link, &link, err);
	if (r < 0)
		return error_wrap(err, "interface %s", name);
	*ret = link;
	return 0;
}

struct each {
	const char *prefix;
	size_t length;
	link_fn *fn;
	void *data;
};

static bool is_numbered(const char *name, const struct each *each)
{
	const char *number = name + each->length;

	return strncmp(name, each->prefix, each->length) == 0 && *number &&
	       number[strspn(number, "0123456789")] == '\0';
}

static int take_each(const struct nlmsghdr *message, void *data)
{
	struct each *each = data;
	struct link link = { 0 };

	take_link(message, &link);
	if (link.index == 0 || (each->length > 0 && !is_numbered(link.name, each)))
		return 0;
	return each->fn(&link, each->data);
}

int link_each(
	struct netlink *netlink, const char *prefix, link_fn *fn, void *data, struct error *err)
{
	char buffer[ASK_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct each each = { .prefix = prefix, .length = strlen(prefix), .fn = fn, .data = data };

	request->nlmsg_type = RTM_GETLINK;
	put_header(request);
	return netlink_dump(netlink, request, take_each, &each, err);
}

/* FNV-1a, 64 bits: nothing has to be secret about it, only spread. */
void link_make_mac(const uint8_t *seed, uint32_t seed_size, uint8_t ret[LINK_MAC])
{
	uint64_t hash = 0xcbf29ce484222325;

	for (uint32_t i = 0; i < seed_size; i++)
		hash = (hash ^ seed[i]) * 0x100000001b3;
	for (int i = 0; i < LINK_MAC; i++)
		ret[i] = (uint8_t)(hash >> (8 * i));
	ret[0] = (uint8_t)((ret[0] & 0xfc) | 0x02); /* locally administered, one station */
}
