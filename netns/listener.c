/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * listener.c - sockets as sock_diag(7) lists them: of one port, and only those without a peer, so
 * that the answer is short on a host with many connections.
 */
#include "netns/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "netns/ip.h"
#include "netns/netlink.h"

#define REQUEST 128 /* two headers */

struct look {
	int family;
	uint16_t port; /* network order */
	const struct ip *at;
	bool found;
};

/* A socket of IPv6 that is not restricted to it has the port in both families. */
static bool takes_both(const struct nlmsghdr *message)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct inet_diag_msg))
	{
		if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY)
			return mnl_attr_get_payload_len(attribute) == 1 &&
			       mnl_attr_get_u8(attribute) == 0;
	}
	return false;
}

static bool is_any(const struct ip *ip)
{
	static const uint8_t zero[sizeof(ip->bytes)];

	return memcmp(ip->bytes, zero, sizeof(zero)) == 0;
}

static bool is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = { [15] = 1 };

	return ip->family == AF_INET ? ip->bytes[0] == 127
				     : memcmp(ip->bytes, one, sizeof(one)) == 0;
}

static int take_socket(const struct nlmsghdr *message, void *data)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);
	struct look *look = data;
	struct ip ip = { 0 };

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*socket) ||
		socket->id.idiag_sport != look->port)
		return 0;
	ip.family = socket->idiag_family;
	memcpy(ip.bytes, socket->id.idiag_src, ip_size(&ip));
	if (is_any(&ip))
		look->found |= ip.family == look->family || takes_both(message);
	else if (ip.family == look->family && !is_loopback(&ip))
		look->found |= !look->at || ip_compare(look->at, &ip) == 0;
	return 0;
}

static int dump(
	struct netlink *netlink, int family, uint8_t protocol, struct look *look, struct error *err)
{
	struct nlmsghdr buffer[REQUEST / sizeof(struct nlmsghdr)];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	struct error cannot = { 0 };
	int r;

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->sdiag_family = (uint8_t)family;
	header->sdiag_protocol = protocol;
	header->idiag_states = 1U << (protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
	header->id.idiag_sport = look->port;
	r = netlink_dump(netlink, request, take_socket, look, &cannot);
	if (r >= 0 || r == -ENOENT || r == -EINVAL || r == -EOPNOTSUPP)
		return 0;
	*err = cannot;
	return r;
}

int listener_find(struct netlink *netlink, int family, uint8_t protocol, uint16_t port,
	const struct ip *at, bool *ret, struct error *err)
{
	struct look look = { .family = family, .port = htons(port), .at = at };
	int r = dump(netlink, AF_INET6, protocol, &look, err);

	if (r == 0 && family == AF_INET)
		r = dump(netlink, AF_INET, protocol, &look, err);
	if (r == 0)
		*ret = look.found;
	return r;
}
