/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * announce.c - one frame by a packet socket, one datagram by a raw one, whose checksum the kernel
 * makes.
 */
#include "netns/announce.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netns/ip.h"

#define HOPS 255 /* RFC 4861, 7.1.2: or it came from beyond the link */

/* A request rather than a reply: what updates on either is the same, and it is the older custom. */
static int announce_arp(
	uint32_t index, const uint8_t mac[LINK_MAC], const struct ip *ip, struct error *err)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = (int)index,
		.sll_halen = ETH_ALEN,
		.sll_addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	struct ether_arp arp = { .arp_hrd = htons(ARPHRD_ETHER),
		.arp_pro = htons(ETH_P_IP),
		.arp_hln = ETH_ALEN,
		.arp_pln = 4,
		.arp_op = htons(ARPOP_REQUEST) };
	cleanup_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(arp.arp_sha, mac, ETH_ALEN);
	memcpy(arp.arp_spa, ip->bytes, 4);
	memcpy(arp.arp_tpa, ip->bytes, 4);
	if (fd < 0 || sendto(fd, &arp, sizeof(arp), MSG_DONTWAIT, (void *)&to, sizeof(to)) < 0)
		return error_sys(err, "cannot send ARP");
	return 0;
}

static int announce_ndp(
	uint32_t index, const uint8_t mac[LINK_MAC], const struct ip *ip, struct error *err)
{
	struct {
		struct nd_neighbor_advert head;
		struct nd_opt_hdr option;
		uint8_t mac[LINK_MAC];
	} advert = { .head.nd_na_type = ND_NEIGHBOR_ADVERT,
		.head.nd_na_flags_reserved = ND_NA_FLAG_ROUTER | ND_NA_FLAG_OVERRIDE,
		.option = { ND_OPT_TARGET_LINKADDR, 1 } };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = index };
	cleanup_close int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	int hops = HOPS;

	memcpy(&advert.head.nd_na_target, ip->bytes, sizeof(advert.head.nd_na_target));
	memcpy(advert.mac, mac, LINK_MAC);
	inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
		sendto(fd, &advert, sizeof(advert), MSG_DONTWAIT, (void *)&to, sizeof(to)) < 0)
		return error_sys(err, "cannot send a neighbour advertisement");
	return 0;
}

int announce(uint32_t index, const uint8_t mac[LINK_MAC], const struct ip *ip, struct error *err)
{
	return ip->family == AF_INET ? announce_arp(index, mac, ip, err)
				     : announce_ndp(index, mac, ip, err);
}
