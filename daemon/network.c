/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network.c - the packet filter as the table of VEs has it: built when the manager begins, and
 * again when another program has taken it away or when it was built from what was not settled.
 *
 *   somebody changes nftables --> look --> whole: nothing
 *                                      --> not whole: build, tell
 *   built beside an operation --> when that is over: build
 *
 * A link that no VE has goes with its namespace, in the kernel's own time; one that somebody else
 * keeps is deleted here, one at a time, since each deletion takes some 20 ms.
 */
#include "daemon/network.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/event.h"
#include "daemon/manager_data.h"
#include "daemon/network_count.h"
#include "daemon/network_proxy.h"
#include "daemon/network_uplink.h"
#include "daemon/operation_types.h"
#include "daemon/ve_table.h"
#include "netns/filter.h"
#include "netns/link.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/routed.h"
#include "runtime/ve_net.h"

#define SOON_MS   2    /* a flush is many changes */
#define PAUSE_MS  500  /* between two builds, whoever flushes in a loop */
#define RETRY_MS  5000 /* after one that failed */
#define SWEEP_MS  2000 /* a link that still dies by itself is given so long */
#define ORPHAN_MS 200

struct network {
	struct manager *manager;
	struct netlink route, watch, guard;
	struct filter filter;
	struct uplinks *uplinks;
	struct proxies *proxies;
	struct loop_source *watch_source, *look_timer, *sweep_timer;
	uint64_t built_ms;
	bool unsettled; /* build, whether it is whole or not */
	bool failed;    /* the last build did; it has been told */
};

struct netlink *network_route(struct network *network)
{
	return &network->route;
}

struct filter *network_filter(struct network *network)
{
	return &network->filter;
}

/* Its init is there, or was until now: what is known of the run is of this one. */
static bool has_run(const struct ve *ve)
{
	return ve_alive(ve) || ve->ended;
}

/* The `net` that it was started with, if it lives: a change waits for the next start. */
bool network_linked(const struct ve *ve)
{
	const struct settings *settings = ve->ran && has_run(ve) ? ve->ran : &ve->config.settings;
	bool runs = has_run(ve) || ve->state == VE_STARTING;

	if (!ve->has_config || ve->helper || settings->net != NET_ROUTED)
		return false;
	return runs || (ve->current && ve->current->type == &operation_adopted);
}

bool network_has_link(struct ve *ve)
{
	struct network *network = ve->manager->network;
	cleanup_ve_net struct ve_net net = { 0 };
	struct error ignored = { 0 };
	struct link link;
	int r;

	if (!network || network->route.fd < 0 || !ve_alive(ve) || ve->helper || !ve->has_config ||
		ve_net_init(&net, ve->manager->instance->name, ve->name, &ve->config, &ignored) < 0)
		return false;
	r = link_find(&network->route, net.near, &link, &ignored);
	if (r < 0)
		return r != -ENODEV; /* not known: its job looks, too */
	return link.index == net.link.index;
}

struct build {
	struct ve_net *nets;
	struct filter_link *links;
	size_t n;
};

static void build_done(struct build *build)
{
	for (size_t i = 0; i < build->n; i++)
		ve_net_done(&build->nets[i]);
	free(build->nets);
	free(build->links);
}
#define cleanup_build __attribute__((cleanup(build_done)))

static int take_ve(struct network *network, struct build *build,
	const struct network_counts *counts, struct ve *ve, struct error *err)
{
	struct manager *manager = network->manager;
	struct ve_net *net = &build->nets[build->n];
	int r = ve_net_init(net, manager->instance->name, ve->name, &ve->config, err);

	if (r < 0)
		return r;
	ve->net_unsettled = ve->current != NULL;
	(void)network_count_of(counts, ve);
	memcpy(net->link.dropped, ve->dropped, sizeof(ve->dropped));
	build->links[build->n++] = net->link;
	return 0;
}

/* What it got since it was started without a link waits, with its published ports. */
bool network_serves(struct ve *ve)
{
	return network_linked(ve) && (ve->linked || !ve_alive(ve) || network_has_link(ve));
}

static int build_make(struct network *network, struct build *build, struct error *err)
{
	const struct ve_table *table = network->manager->ves;
	cleanup_counts struct network_counts counts = { 0 };
	int r = 0;

	build->nets = calloc(table->n + 1, sizeof(*build->nets));
	build->links = calloc(table->n + 1, sizeof(*build->links));
	if (!build->nets || !build->links)
		return error_memory(err);
	network_count(network->manager, &counts);
	for (size_t i = 0; r == 0 && i < table->n; i++)
		if (network_serves(table->ve[i]))
			r = take_ve(network, build, &counts, table->ve[i], err);
	return r;
}

/* One record that cannot be (edited by hand: a port that another publishes) must not leave the
 * others without a filter, which would be without a network. */
static int build_singly(struct network *network, const struct build *build, struct error *err)
{
	const struct instance *instance = network->manager->instance;
	struct error one = { 0 };
	int r = filter_build(&network->filter, instance->open, instance->n_open, NULL, 0, err);

	for (size_t i = 0; r == 0 && i < build->n; i++)
		if (filter_add(&network->filter, &build->links[i], &one) < 0)
			log_line(LOG_LEVEL_WARNING, "%s: no network: %s", build->nets[i].near,
				one.text);
	return r;
}

static int build(struct network *network, struct error *err)
{
	const struct instance *instance = network->manager->instance;
	cleanup_build struct build build = { 0 };
	int r = build_make(network, &build, err);

	network->built_ms = clock_monotonic_ms();
	if (r == 0)
		r = filter_build(&network->filter, instance->open, instance->n_open, build.links,
			build.n, err);
	if (r == -EBUSY || r == -EEXIST)
		r = build_singly(network, &build, err);
	network->unsettled = r < 0;
	return r;
}

static int look_soon(struct network *network, struct error *err)
{
	uint64_t next = network->built_ms + PAUSE_MS;
	uint64_t now = clock_monotonic_ms();

	return loop_set_timer(network->look_timer, next > now ? next - now : SOON_MS, err);
}

/* Until it is built VEs have no filter, or no network: nobody else would try again. */
static void try_later(struct network *network, const struct error *failure)
{
	struct error err = { 0 };

	if (!network->failed)
		log_line(LOG_LEVEL_ERROR, "cannot build the packet filter: %s", failure->text);
	network->failed = true;
	if (loop_set_timer(network->look_timer, RETRY_MS, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
}

static int on_look(struct loop *loop, void *data)
{
	struct network *network = data;
	struct error err = { 0 };
	bool whole = false;

	if (filter_whole(&network->filter, &whole, &err) < 0)
		whole = false;
	if (whole && !network->unsettled)
		return 0;
	if (build(network, &err) < 0) {
		try_later(network, &err);
		return 0;
	}
	network->failed = false;
	if (!whole) {
		log_line(LOG_LEVEL_WARNING,
			"network-restored: somebody else had changed the nftables table %s",
			network->filter.table);
		event_emit(network->manager, NULL, "network-restored", network->filter.table);
	}
	return 0;
}

static int on_watch(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct network *network = data;
	struct error err = { 0 };
	int r = filter_watch_read(&network->watch, &network->filter, &err);

	if (r > 0)
		r = look_soon(network, &err);
	if (r < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
	return 0;
}

void network_settled(struct ve *ve)
{
	struct network *network = ve->manager->network;
	struct error err = { 0 };

	if (!network)
		return;
	proxies_look(network->proxies);
	if (!ve->net_unsettled || ve->current)
		return;
	ve->net_unsettled = false;
	network->unsettled = true;
	if (!network->look_timer || look_soon(network, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: the packet filter may be behind", ve->name);
}

struct sweep {
	struct network *network;
	uint32_t orphan;
	char name[LINK_NAME];
};

/* Only what looks like ours: an operator may have named an interface "ve1". A prefix that ends in a
 * dash is the instance's name and says enough. */
static bool is_ours(const struct network *network, const struct link *link)
{
	const char *prefix = network->filter.prefix;

	return prefix[strlen(prefix) - 1] == '-' ||
	       memcmp(link->mac, routed_near_mac, LINK_MAC) == 0;
}

/* Of one that runs while its record cannot be read nobody knows which link it has. */
static bool may_have(const struct ve *ve, uint32_t index)
{
	if (!ve->has_config)
		return has_run(ve) || ve->current;
	return network_index(ve->config.first_id) == index && (network_linked(ve) || ve->current);
}

static int take_orphan(const struct link *link, void *data)
{
	struct sweep *sweep = data;
	const struct ve_table *table = sweep->network->manager->ves;

	if (sweep->orphan || !is_ours(sweep->network, link))
		return 0;
	for (size_t i = 0; i < table->n; i++)
		if (may_have(table->ve[i], link->index))
			return 0;
	sweep->orphan = link->index;
	memcpy(sweep->name, link->name, sizeof(sweep->name));
	return 0;
}

static int on_sweep(struct loop *loop, void *data)
{
	struct network *network = data;
	struct sweep sweep = { .network = network };
	cleanup_batch struct netlink_batch batch;
	struct error err = { 0 };
	int r = link_each(&network->route, network->filter.prefix, take_orphan, &sweep, &err);

	netlink_batch_init(&batch);
	if (r >= 0 && sweep.orphan) {
		link_delete(&batch, sweep.orphan);
		r = netlink_batch_send(&network->route, &batch, &err);
		if (r == 0)
			log_line(LOG_LEVEL_INFO, "%s: a link of no VE is removed", sweep.name);
		r = r == -ENODEV ? 0 : r;
		if (r == 0)
			r = loop_set_timer(network->sweep_timer, ORPHAN_MS, &err);
	}
	if (r < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
	return 0;
}

/* Here, and not in the job that clears away the rest: the kernel lets whoever closes a socket of
 * nftables wait for all that was removed of late (nft_rcv_nl_event), 20 ms of each stop. */
static void remove_elements(struct network *network, struct ve *ve)
{
	struct error err = { 0 };
	struct ve_net net;
	int r;

	if (!ve->has_config || network->filter.netlink.fd < 0)
		return;
	r = ve_net_init(&net, ve->manager->instance->name, ve->name, &ve->config, &err);
	if (r == 0)
		r = filter_remove(&network->filter, &net.link, &err);
	ve_net_done(&net);
	if (r == 0)
		return;
	log_line(LOG_LEVEL_WARNING, "%s: %s", ve->name, err.text);
	network->unsettled = true; /* or the next one to publish its ports would be refused */
	if (network->look_timer)
		(void)look_soon(network, &err);
}

void network_reclaimed(struct ve *ve)
{
	struct network *network = ve->manager->network;
	struct error ignored = { 0 }; /* the next one looks */

	if (!network)
		return;
	remove_elements(network, ve);
	proxies_look(network->proxies);
	if (network->sweep_timer)
		(void)loop_set_timer(network->sweep_timer, SWEEP_MS, &ignored);
}

static int open_sockets(struct network *network, struct error *err)
{
	const char *name = network->manager->instance->name;
	char table[FILTER_TABLE], prefix[LINK_NAME];
	int r = netlink_open(&network->route, NETLINK_ROUTE, NETNS_PRESENT, err);

	network_table(name, table);
	network_prefix(name, prefix);
	if (r == 0)
		r = filter_open(&network->filter, table, prefix, NETNS_PRESENT, err);
	if (r == 0)
		r = filter_watch_open(&network->watch, NETNS_PRESENT, err);
	return r;
}

int network_new(struct manager *manager, struct network **ret, struct error *err)
{
	struct network *network = calloc(1, sizeof(*network));
	struct error why = { 0 };

	if (!network)
		return error_memory(err);
	network->manager = manager;
	network->route.fd = network->watch.fd = network->filter.netlink.fd = -1;
	network->guard.fd = -1;
	if (open_sockets(network, &why) < 0)
		log_line(LOG_LEVEL_WARNING, "VEs have no network: %s", why.text);
	*ret = network;
	return 0;
}

void network_free(struct network *network)
{
	if (!network)
		return;
	uplinks_free(network->uplinks);
	proxies_free(network->proxies);
	loop_remove(network->watch_source);
	loop_remove(network->look_timer);
	loop_remove(network->sweep_timer);
	netlink_close(&network->guard);
	netlink_close(&network->watch);
	filter_close(&network->filter);
	netlink_close(&network->route);
	free(network);
}

static int open_uplinks(struct network *network, struct error *err)
{
	const struct instance *instance = network->manager->instance;
	bool ipv4 = false, ipv6 = false;

	for (size_t i = 0; i < instance->n_ranges; i++) {
		ipv4 |= instance->ranges[i].ip.family == AF_INET;
		ipv6 |= instance->ranges[i].ip.family == AF_INET6;
	}
	if (!ipv4 && !ipv6)
		return 0;
	return uplinks_new(
		network->manager->loop, &network->route, ipv4, ipv6, &network->uplinks, err);
}

static int watch(struct network *network, struct error *err)
{
	struct loop *loop = network->manager->loop;
	int r = loop_add_io(
		loop, network->watch.fd, EPOLLIN, on_watch, network, &network->watch_source, err);

	if (r == 0)
		r = loop_add_timer(loop, PAUSE_MS, on_look, network, &network->look_timer, err);
	if (r == 0)
		r = loop_add_timer(loop, SWEEP_MS, on_sweep, network, &network->sweep_timer, err);
	return r;
}

void network_begin(struct network *network)
{
	struct error err = { 0 };
	struct error ignored = { 0 }; /* a kernel that has no owners: a flush breaks connections */

	if (network->watch.fd < 0)
		return;
	if (watch(network, &err) < 0 || build(network, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "VEs have no network: %s", err.text);
	(void)filter_guard_open(&network->guard, &network->filter, NETNS_PRESENT, &ignored);
	if (open_uplinks(network, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
	if (proxies_new(network->manager, &network->route, &network->proxies, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
}
