/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_proxy.c - a VE has a host route, but its neighbours in a subnet ask for it by ARP and
 * NDP: the host answers on the interface that is in the subnet, and tells when an address has come
 * to it.
 *
 * The kernel's list of proxied addresses is the only memory: it is compared with the table of VEs
 * whenever either may have changed, so that what a dead manager has left is corrected by the next.
 * Which subnets the host is in changes as addresses come and go (DHCP), so those are watched, with
 * a filter in the kernel that lets the single addresses of VEs' own links wake nobody.
 */
#include "daemon/network_proxy.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/manager_data.h"
#include "daemon/network.h"
#include "daemon/network_uplink.h"
#include "daemon/ve_table.h"
#include "netns/address.h"
#include "netns/announce.h"
#include "netns/ip.h"
#include "netns/link.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/route.h"
#include "netns/subnet.h"

#define SOON_MS 2 /* an interface that comes up says so several times */

struct proxy {
	struct ip ip;
	uint32_t index;
	const struct link *link; /* of one that is wanted */
	bool kept;
};

struct list {
	struct proxy *proxy;
	size_t n;
};

struct proxies {
	struct manager *manager;
	struct netlink *route;
	struct netlink watch;
	struct loop_source *source, *timer;
	struct subnets subnets;
	bool stale; /* they have to be read again */
};

static void list_done(struct list *list)
{
	free(list->proxy);
}
#define cleanup_list __attribute__((cleanup(list_done)))

static int list_add(struct list *list, const struct proxy *proxy)
{
	struct proxy *more = reallocarray(list->proxy, list->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	more[list->n++] = *proxy;
	list->proxy = more;
	return 0;
}

static int read_subnets(struct proxies *proxies, struct error *err)
{
	int r;

	subnets_done(&proxies->subnets);
	r = subnets_read(proxies->route, &proxies->subnets, err);
	proxies->stale = r != 0;
	return r < 0 ? r : 0;
}

static int want(const struct proxies *proxies, struct list *wanted)
{
	const struct ve_table *table = proxies->manager->ves;

	for (size_t i = 0; i < table->n; i++) {
		const struct settings *settings = &table->ve[i]->config.settings;
		size_t n = network_serves(table->ve[i]) && !settings->ip_auto ? settings->n_ips : 0;

		for (size_t j = 0; j < n; j++) {
			struct proxy proxy = { .ip = settings->ips[j] };

			proxy.link = subnet_link(&proxies->subnets, &proxy.ip);
			proxy.index = proxy.link ? proxy.link->index : 0;
			if (proxy.link && list_add(wanted, &proxy) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static struct proxy *find(const struct list *list, const struct ip *ip)
{
	for (size_t i = 0; i < list->n; i++)
		if (ip_compare(&list->proxy[i].ip, ip) == 0)
			return &list->proxy[i];
	return NULL;
}

struct compare {
	struct list *wanted;
	struct list surplus;
};

static int take_proxy(uint32_t index, const struct ip *ip, void *data)
{
	struct compare *compare = data;
	struct proxy *wanted = find(compare->wanted, ip);

	if (wanted && wanted->index == index) {
		wanted->kept = true;
		return 0;
	}
	/* What we have elsewhere is surplus whoever else there is. */
	return list_add(
		&compare->surplus, &(struct proxy){ .ip = *ip, .index = index, .kept = !wanted });
}

/* All instances use one mark: what leads somewhere is another's. */
static int take_route(const struct prefix *prefix, uint32_t index, void *data)
{
	struct list *surplus = data;
	struct proxy *proxy;

	if (prefix->length != ip_bits(&prefix->ip))
		return 0;
	proxy = find(surplus, &prefix->ip);
	if (proxy && proxy->kept)
		proxy->index = 0;
	return 0;
}

static void remove_surplus(struct proxies *proxies, struct list *surplus)
{
	struct error err = { 0 };
	cleanup_batch struct netlink_batch batch;

	netlink_batch_init(&batch);
	if (surplus->n == 0 || route_each(proxies->route, take_route, surplus, &err) < 0)
		return; /* they wait for the next look */
	for (size_t i = 0; i < surplus->n; i++)
		if (surplus->proxy[i].index)
			neighbour_remove_proxy(
				&batch, surplus->proxy[i].index, &surplus->proxy[i].ip);
	if (netlink_batch_send(proxies->route, &batch, &err) < 0 && err.code != ENOENT)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
}

/* Both switches are the interface's own. */
static void switch_on(const struct proxy *proxy)
{
	char path[UPLINK_PATH];
	struct error err = { 0 };

	uplink_forward(proxy->link->name, proxy->ip.family);
	if (proxy->ip.family != AF_INET6)
		return;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%.15s/proxy_ndp", proxy->link->name);
	if (uplink_switch(path, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "cannot answer NDP on %s: %s", proxy->link->name,
			err.text);
}

static void add(struct proxies *proxies, const struct proxy *proxy)
{
	char text[IP_TEXT];
	struct error err = { 0 };
	cleanup_batch struct netlink_batch batch;
	int r;

	netlink_batch_init(&batch);
	switch_on(proxy);
	neighbour_add_proxy(&batch, proxy->index, &proxy->ip);
	r = netlink_batch_send(proxies->route, &batch, &err);
	if (r == 0)
		r = announce(proxy->index, proxy->link->mac, &proxy->ip, &err);
	if (r < 0)
		log_line(LOG_LEVEL_WARNING, "%s may not be reached from %s: %s",
			ip_format(&proxy->ip, text), proxy->link->name, err.text);
}

static int look(struct proxies *proxies, struct error *err)
{
	cleanup_list struct list wanted = { 0 };
	struct compare compare = { .wanted = &wanted };
	int r = proxies->stale ? read_subnets(proxies, err) : 0;

	if (r == 0 && want(proxies, &wanted) < 0)
		r = error_memory(err);
	if (r == 0)
		r = neighbour_each_proxy(proxies->route, take_proxy, &compare, err);
	if (r >= 0)
		remove_surplus(proxies, &compare.surplus);
	for (size_t i = 0; r >= 0 && i < wanted.n; i++)
		if (!wanted.proxy[i].kept)
			add(proxies, &wanted.proxy[i]);
	list_done(&compare.surplus);
	return r;
}

static int on_timer(struct loop *loop, void *data)
{
	struct error err = { 0 };

	if (look(data, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "addresses of the host's subnets: %s", err.text);
	return 0;
}

void proxies_look(struct proxies *proxies)
{
	struct error err = { 0 };

	if (proxies && loop_set_timer(proxies->timer, SOON_MS, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
}

static int on_address(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct proxies *proxies = data;

	netlink_skip(fd);
	proxies->stale = true;
	proxies_look(proxies);
	return 0;
}

/* A message of an address begins with two headers. */
static int watch_addresses(struct netlink *watch, struct error *err)
{
	static const int groups[] = { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			NLMSG_HDRLEN + offsetof(struct ifaddrmsg, ifa_prefixlen)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 32, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 128, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	return netlink_watch(watch, &program, groups, ARRAY_SIZE(groups), err);
}

int proxies_new(
	struct manager *manager, struct netlink *route, struct proxies **ret, struct error *err)
{
	struct proxies *proxies = calloc(1, sizeof(*proxies));
	int r;

	if (!proxies)
		return error_memory(err);
	*proxies = (struct proxies){
		.manager = manager, .route = route, .watch = NETLINK_CLOSED, .stale = true
	};
	r = netlink_open(&proxies->watch, NETLINK_ROUTE, NETNS_PRESENT, err);
	if (r == 0)
		r = watch_addresses(&proxies->watch, err);
	if (r == 0)
		r = loop_add_io(manager->loop, proxies->watch.fd, EPOLLIN, on_address, proxies,
			&proxies->source, err);
	if (r == 0)
		r = loop_add_timer(manager->loop, SOON_MS, on_timer, proxies, &proxies->timer, err);
	if (r < 0) {
		proxies_free(proxies);
		return r;
	}
	*ret = proxies;
	return 0;
}

void proxies_free(struct proxies *proxies)
{
	if (!proxies)
		return;
	loop_remove(proxies->source);
	loop_remove(proxies->timer);
	netlink_close(&proxies->watch);
	subnets_done(&proxies->subnets);
	free(proxies);
}
