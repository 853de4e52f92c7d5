/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_probe.c - a pair, the filter's table and a rate, made in a namespace that goes at once.
 *
 * Asking for modules by name would be a guess: kernels have them built in, or have them and lack an
 * option. What was there once is there as long as the host runs; what was missing is asked again,
 * since the operator may have loaded it.
 */
#include "daemon/network_probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netns/filter.h"
#include "netns/link.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/rate.h"

#define PROBE      "probe"
#define PROBE_NEAR "probe0"
#define PROBE_IFB  "probeifb"
#define PROBE_BITS 1000000

static int try_links(struct netlink *netlink, struct error *err)
{
	static const uint8_t macs[2][LINK_MAC] = { { 2, 1 }, { 2, 2 } };
	cleanup_batch struct netlink_batch batch;
	struct link_end near = { .name = PROBE_NEAR, .mac = macs[0] };
	struct link_end far = { .name = "probe1", .mac = macs[1] };
	cleanup_close int netns_fd = namespace_of_socket(netlink->fd, err);

	netlink_batch_init(&batch);
	if (netns_fd < 0)
		return netns_fd;
	link_add_veth(&batch, &near, &far, netns_fd, 0);
	return netlink_batch_send(netlink, &batch, err);
}

static int try_filter(struct netlink *netlink, struct error *err)
{
	cleanup_filter struct filter filter = { .netlink = NETLINK_CLOSED };
	int r = filter_open(&filter, PROBE, PROBE, NETNS_PRESENT, err);

	return r < 0 ? r : filter_build(&filter, NULL, 0, NULL, 0, err);
}

static int try_rates(struct netlink *netlink, struct error *err)
{
	struct link link;
	uint32_t ifb;
	int r = try_links(netlink, err);

	if (r == 0)
		r = link_find(netlink, PROBE_NEAR, &link, err);
	if (r == 0)
		r = rate_open(netlink, PROBE_IFB, &ifb, err);
	if (r == 0)
		r = rate_set_to(netlink, link.index, PROBE_BITS, err);
	return r < 0 ? r : rate_set_from(netlink, link.index, ifb, 1, PROBE_BITS, err);
}

static const struct {
	int (*try)(struct netlink *netlink, struct error *err);
	const char *what;
} parts[NETWORK_PARTS] = {
	[NETWORK_LINKS] = { try_links, "link VEs to a network" },
	[NETWORK_FILTER] = { try_filter, "filter what VEs send" },
	[NETWORK_RATES] = { try_rates, "shape what VEs send and receive" },
};

static int try(enum network_part part, struct error *err)
{
	cleanup_namespace int back_fd = NETNS_PRESENT;
	cleanup_netlink struct netlink netlink = NETLINK_CLOSED;
	int r = namespace_new(&back_fd, err);

	if (r == 0)
		r = netlink_open(&netlink, NETLINK_ROUTE, NETNS_PRESENT, err);
	return r < 0 ? r : parts[part].try(&netlink, err);
}

int network_can(enum network_part part, struct error *err)
{
	static bool known[NETWORK_PARTS];
	int r = known[part] ? 0 : try(part, err);

	known[part] = r == 0;
	if (r == 0)
		return 0;
	err->kind = ERROR_UNSUPPORTED;
	return error_wrap(err, "this host cannot %s", parts[part].what);
}
