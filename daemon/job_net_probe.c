/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_net_probe.c - asks the host's subnets for an address before a VE gets it: announced, it would
 * be taken from whoever has it. The kernel asks, as it does for any neighbour; a second is what a
 * machine is given to answer. When a VE starts nobody waits for that.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/job_net.h"
#include "netns/address.h"
#include "netns/ip.h"
#include "netns/link.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/subnet.h"
#include "runtime/setting.h"
#include "runtime/ve_net.h"

#define WAIT_MS 1000
#define POLL_NS 10000000

/* ret[]: those that are new in a subnet, as many as `settings` has at most. */
static size_t find_new(const struct settings *settings, const struct settings *before,
	const struct subnets *subnets, const struct ip **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_ips; i++)
		if (!ve_net_has_ip(before, &settings->ips[i]) &&
			subnet_link(subnets, &settings->ips[i]))
			ret[n++] = &settings->ips[i];
	return n;
}

static void each_sent(struct netlink *route, const struct subnets *subnets, const struct ip **ips,
	size_t n, void (*add)(struct netlink_batch *, uint32_t, const struct ip *))
{
	struct error ignored = { 0 }; /* an interface that has just gone has no neighbours */
	cleanup_batch struct netlink_batch batch;

	netlink_batch_init(&batch);
	for (size_t i = 0; i < n; i++)
		add(&batch, subnet_link(subnets, ips[i])->index, ips[i]);
	(void)netlink_batch_send(route, &batch, &ignored);
}

static int refuse_taken(const struct link *link, const struct ip *ip, const uint8_t mac[LINK_MAC],
	struct error *err)
{
	char text[IP_TEXT];

	return error_refuse(err, ERROR_STATE,
		"%s is the address of another machine, %02x:%02x:%02x:%02x:%02x:%02x on %s",
		ip_format(ip, text), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], link->name);
}

/* The first that is so far or further is refused. */
static int look(struct netlink *route, const struct subnets *subnets, const struct ip **ips,
	size_t n, enum neighbour refused, bool *ret_waits, struct error *err)
{
	*ret_waits = false;
	for (size_t i = 0; i < n; i++) {
		const struct link *link = subnet_link(subnets, ips[i]);
		struct error ignored = { 0 }; /* gone with its interface */
		enum neighbour state;
		uint8_t mac[LINK_MAC];

		if (neighbour_state(route, link->index, ips[i], &state, mac, &ignored) < 0)
			continue;
		if (state >= refused)
			return refuse_taken(link, ips[i], mac, err);
		*ret_waits |= state == NEIGHBOUR_UNKNOWN;
	}
	return 0;
}

static int probe(struct netlink *route, const struct subnets *subnets, const struct ip **ips,
	size_t n, struct error *err)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	uint64_t end = clock_monotonic_ms() + WAIT_MS;
	bool waits;
	int r = look(route, subnets, ips, n, NEIGHBOUR_FIXED, &waits, err);

	if (r < 0)
		return r; /* asking would undo what the operator has set */
	each_sent(route, subnets, ips, n, neighbour_ask);
	waits = true;
	while (r == 0 && waits && clock_monotonic_ms() < end) {
		nanosleep(&pause, NULL);
		r = look(route, subnets, ips, n, NEIGHBOUR_THERE, &waits, err);
	}
	each_sent(route, subnets, ips, n, neighbour_remove);
	return r;
}

int job_net_probe(const struct settings *settings, const struct settings *before, struct error *err)
{
	cleanup_netlink struct netlink route = NETLINK_CLOSED;
	cleanup_subnets struct subnets subnets = { 0 };
	cleanup_free const struct ip **ips = NULL;
	size_t n;
	int r;

	if (!ve_net_wanted(settings))
		return 0;
	ips = calloc(settings->n_ips, sizeof(*ips));
	if (!ips)
		return error_memory(err);
	r = netlink_open(&route, NETLINK_ROUTE, NETNS_PRESENT, err);
	if (r == 0)
		r = subnets_read(&route, &subnets, err);
	if (r < 0)
		return r;
	n = find_new(settings, before, &subnets, ips);
	return n == 0 ? 0 : probe(&route, &subnets, ips, n, err);
}
