/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_end.c - what all VEs of an instance shared on the host's network goes with the last of
 * them and the daemon.
 */
#include "base/error.h"
#include "daemon/instance.h"
#include "daemon/network.h"
#include "netns/filter.h"
#include "netns/link.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "runtime/ve_net.h"

static void remove_ifb(const struct instance *instance)
{
	cleanup_netlink struct netlink netlink = NETLINK_CLOSED;
	cleanup_batch struct netlink_batch batch;
	char name[LINK_NAME];
	struct link link;
	struct error ignored = { 0 }; /* absent, most of all */

	netlink_batch_init(&batch);
	network_ifb(instance->name, name);
	if (netlink_open(&netlink, NETLINK_ROUTE, NETNS_PRESENT, &ignored) < 0 ||
		link_find(&netlink, name, &link, &ignored) < 0)
		return;
	link_delete(&batch, link.index);
	(void)netlink_batch_send(&netlink, &batch, &ignored);
}

static void remove_table(const struct instance *instance)
{
	cleanup_filter struct filter filter = { .netlink = NETLINK_CLOSED };
	char table[FILTER_TABLE], prefix[LINK_NAME];
	struct error ignored = { 0 }; /* a kernel without nftables has none */

	network_table(instance->name, table);
	network_prefix(instance->name, prefix);
	if (filter_open(&filter, table, prefix, NETNS_PRESENT, &ignored) == 0)
		(void)filter_destroy(&filter, &ignored);
}

void network_remove(const struct instance *instance)
{
	remove_table(instance);
	remove_ifb(instance);
}
