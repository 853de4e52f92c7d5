/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * routed.c - three batches: make the pair, set up the near end, set up the far end.
 *
 * The near end's 169.254.0.1 has host scope, so that the kernel never takes it as the source of
 * what the host itself sends (inet_select_addr), and the host is seen by its real address.
 */
#include "netns/routed.h"

#include <ctype.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "netns/address.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/route.h"

const uint8_t routed_near_mac[LINK_MAC] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };
const struct ip routed_gateway4 = { AF_INET, { 169, 254, 0, 1 } };
const struct ip routed_gateway6 = { AF_INET6, { 0xfe, 0x80, [15] = 1 } };

static int send_pair(struct netlink *host, struct netlink_batch *batch, int far_netns_fd,
	const struct routed *routed, struct error *err)
{
	struct link_end near = { routed->near_name, routed_near_mac, routed->near_index };
	struct link_end far = { routed->far_name, routed->far_mac, 0 };

	link_add_veth(batch, &near, &far, far_netns_fd, routed->mtu);
	return netlink_batch_send(host, batch, err);
}

struct left_over {
	const struct routed *routed;
	uint32_t indexes[2]; /* one has the name, one the index */
	size_t n;
};

/* Only what looks like the near end of a pair: the name may be an operator's interface's. */
static int take_left_over(const struct link *link, void *data)
{
	struct left_over *left = data;
	const struct routed *routed = left->routed;

	if (strcmp(link->name, routed->near_name) != 0 && link->index != routed->near_index)
		return 0;
	if (left->n < ARRAY_SIZE(left->indexes) &&
		memcmp(link->mac, routed_near_mac, LINK_MAC) == 0)
		left->indexes[left->n++] = link->index;
	return 0;
}

/* Deletes what an earlier pair has left; returns how many there were. */
static int delete_left_over(struct netlink *host, const struct routed *routed, struct error *err)
{
	cleanup_batch struct netlink_batch batch;
	struct left_over left = { .routed = routed };
	int r = link_each(host, "", take_left_over, &left, err);

	netlink_batch_init(&batch);
	if (r < 0)
		return r;
	for (size_t i = 0; i < left.n; i++)
		link_delete(&batch, left.indexes[i]);
	r = left.n > 0 ? netlink_batch_send(host, &batch, err) : 0;
	return r < 0 && r != -ENODEV ? r : (int)left.n; /* the kernel may have come first */
}

/* Nothing but the pair in the batch: rtnetlink goes on after a failure, on whoever has the name. */
static int make_pair(struct netlink *host, struct netlink_batch *batch, int far_netns_fd,
	const struct routed *routed, uint32_t *ret_index, struct error *err)
{
	struct error reason = { 0 };
	struct link link = { .index = routed->near_index };
	int r;

	if (strlen(routed->near_name) >= LINK_NAME || strlen(routed->far_name) >= LINK_NAME)
		return error_set(err, ENAMETOOLONG, "an interface's name is too long: %s, %s",
			routed->near_name, routed->far_name);
	r = send_pair(host, batch, far_netns_fd, routed, &reason);
	if (r == -EEXIST || r == -EBUSY) { /* the name, the index */
		r = delete_left_over(host, routed, err);
		if (r >= 0)
			r = send_pair(host, batch, far_netns_fd, routed, err);
	} else if (r < 0) {
		*err = reason;
	}
	if (r == 0 && link.index == 0)
		r = link_find(host, routed->near_name, &link, err);
	if (r == 0)
		*ret_index = link.index;
	return r;
}

/* IPv6 settings of the near end that have no place in a request. It is a router: it never takes
 * what the far end announces (RA), also while no packet filter stands before it. */
static const struct {
	const char *name, *value;
} settings6[] = {
	{ "disable_ipv6", "0" }, /* a host may do without for itself: no route could be set */
	{ "accept_ra", "0" },
	{ "force_forwarding", "1" }, /* from Linux 6.17; before it there is only the host's own */
};

/* A kernel without IPv6, or an older one, has no such file. */
static int set_near6(struct netlink *host, int proc_fd, const char *name, struct error *err)
{
	cleanup_close int netns_fd = namespace_of_socket(host->fd, err);

	if (netns_fd < 0)
		return netns_fd;
	for (size_t i = 0; i < ARRAY_SIZE(settings6); i++) {
		struct error failed = { 0 };
		char path[64]; /* the words and a name of at most 15 */
		int r;

		snprintf(path, sizeof(path), "ipv6/conf/%s/%s", name, settings6[i].name);
		r = namespace_sysctl(netns_fd, proc_fd, path, settings6[i].value, &failed);
		if (r < 0 && r != -ENOENT) {
			*err = failed;
			return r;
		}
	}
	return 0;
}

static void add_near(
	struct netlink_batch *batch, uint32_t index, const struct ip *ip, const uint8_t *far_mac)
{
	struct prefix prefix = prefix_of(ip);

	neighbour_add(batch, index, ip, far_mac);
	route_add_link(batch, &prefix, index);
}

static void set_near(struct netlink_batch *batch, uint32_t index, const struct routed *routed)
{
	struct ip link_local;

	routed_link_local(routed->far_mac, &link_local);
	link_set_routed(batch, routed->near_name);
	address_add(batch, index, &routed_gateway4, 32, RT_SCOPE_HOST);
	if (routed->answers6)
		address_add(batch, index, &routed_gateway6, 128, RT_SCOPE_LINK);
	add_near(batch, index, &link_local, routed->far_mac);
	for (size_t i = 0; i < routed->n_ips; i++)
		add_near(batch, index, &routed->ips[i], routed->far_mac);
}

static void set_far(struct netlink_batch *batch, uint32_t index, const struct routed *routed)
{
	link_set_up(batch, index, true);
	neighbour_add(batch, index, &routed_gateway4, routed_near_mac);
	neighbour_add(batch, index, &routed_gateway6, routed_near_mac);
	for (size_t i = 0; i < routed->n_ips; i++)
		address_add(
			batch, index, &routed->ips[i], ip_bits(&routed->ips[i]), RT_SCOPE_UNIVERSE);
	/* Both families always: addresses may be added live. */
	route_set_default(batch, &routed_gateway4, index);
	route_set_default(batch, &routed_gateway6, index);
}

/* Whether the name begins as near ends' names do (and a device's of rate_open() may): one that a
 * pair to come would find taken. */
static bool is_reserved(const char *name, const char *near_name)
{
	size_t length = strlen(near_name);

	while (length > 0 && isdigit((unsigned char)near_name[length - 1]))
		length--;
	return strncmp(name, near_name, length) == 0;
}

static void name_too(struct netlink *host, struct netlink_batch *batch, uint32_t index,
	const struct routed *routed)
{
	const char *alt_name = routed->alt_name;
	struct error ignored = { 0 };

	if (!alt_name || strlen(alt_name) >= LINK_ALT_NAME ||
		is_reserved(alt_name, routed->near_name))
		return;
	link_add_alt_name(batch, index, alt_name);
	(void)netlink_batch_send(
		host, batch, &ignored); /* a VE may be called like the host's NIC */
}

int routed_up(struct netlink *host, int far_netns_fd, int proc_fd, const struct routed *routed,
	uint32_t *ret_index, struct error *err)
{
	cleanup_netlink struct netlink far = NETLINK_CLOSED;
	cleanup_batch struct netlink_batch batch;
	uint32_t near_index = 0;
	struct link link;
	int r;

	netlink_batch_init(&batch);
	r = make_pair(host, &batch, far_netns_fd, routed, &near_index, err);
	if (r == 0)
		r = set_near6(host, proc_fd, routed->near_name, err);
	if (r < 0)
		return r;
	name_too(host, &batch, near_index, routed);
	set_near(&batch, near_index, routed);
	r = netlink_batch_send(host, &batch, err);
	if (r == 0)
		r = netlink_open(&far, NETLINK_ROUTE, far_netns_fd, err);
	if (r == 0)
		r = link_find(&far, routed->far_name, &link, err);
	if (r < 0)
		return r;
	set_far(&batch, link.index, routed);
	r = netlink_batch_send(&far, &batch, err);
	if (r == 0)
		r = link_settle(host, routed->near_name, err);
	if (r == 0)
		*ret_index = near_index;
	return r;
}

static int far_change(int far_netns_fd, const struct routed *routed, const struct ip *ip, bool add,
	struct error *err)
{
	cleanup_netlink struct netlink far = NETLINK_CLOSED;
	cleanup_batch struct netlink_batch batch;
	struct link link;
	int r;

	netlink_batch_init(&batch);
	if (far_netns_fd == NETNS_PRESENT)
		return 0;
	r = netlink_open(&far, NETLINK_ROUTE, far_netns_fd, err);
	if (r == 0)
		r = link_find(&far, routed->far_name, &link, err);
	if (r < 0)
		return r;
	if (add)
		address_add(&batch, link.index, ip, ip_bits(ip), RT_SCOPE_UNIVERSE);
	else
		address_remove(&batch, link.index, ip, ip_bits(ip));
	return netlink_batch_send(&far, &batch, err);
}

int routed_add_ip(struct netlink *host, uint32_t near_index, int far_netns_fd,
	const struct routed *routed, const struct ip *ip, struct error *err)
{
	cleanup_batch struct netlink_batch batch;
	int r;

	netlink_batch_init(&batch);
	add_near(&batch, near_index, ip, routed->far_mac);
	r = netlink_batch_send(host, &batch, err);
	return r < 0 ? r : far_change(far_netns_fd, routed, ip, true, err);
}

int routed_remove_ip(struct netlink *host, uint32_t near_index, int far_netns_fd,
	const struct routed *routed, const struct ip *ip, struct error *err)
{
	cleanup_batch struct netlink_batch batch;
	struct error ignored = { 0 };
	struct prefix prefix = prefix_of(ip);
	int r;

	netlink_batch_init(&batch);
	route_remove(&batch, &prefix, near_index);
	neighbour_remove(&batch, near_index, ip);
	r = netlink_batch_send(host, &batch, err);
	if (r < 0 && r != -ESRCH && r != -ENOENT)
		return r;
	/* What is left there reaches nobody, and its root, who may have taken the address or the
	 * interface away or made it refuse (an MTU too small for IPv6), has no say in this. */
	(void)far_change(far_netns_fd, routed, ip, false, &ignored);
	return 0;
}

int routed_release(
	struct netlink *host, uint32_t near_index, const struct routed *routed, struct error *err)
{
	cleanup_batch struct netlink_batch batch;
	struct error reason = { 0 };
	struct ip ip;
	int r;

	netlink_batch_init(&batch);
	routed_link_local(routed->far_mac, &ip);
	for (size_t i = 0; i <= routed->n_ips; i++) {
		struct prefix prefix = prefix_of(i < routed->n_ips ? &routed->ips[i] : &ip);

		route_remove(&batch, &prefix, near_index);
	}
	r = netlink_batch_send(host, &batch, &reason);
	if (r == 0 || r == -ESRCH || r == -ENOENT || r == -ENODEV)
		return 0;
	*err = reason;
	return r;
}

void routed_link_local(const uint8_t mac[LINK_MAC], struct ip *ret)
{
	*ret = (struct ip){ AF_INET6, { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe,
					      mac[3], mac[4], mac[5] } };
}
