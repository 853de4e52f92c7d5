/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * claim.c - which address next, and who has what.
 *
 * What is held is in the records that the manager has in memory: looking through all of them at a
 * create or a change needs no second table that could be wrong.
 */
#include "daemon/claim.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "daemon/manager_data.h"
#include "daemon/network.h"
#include "daemon/operation.h"
#include "daemon/ve_table.h"
#include "netns/listener.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/plan.h"
#include "runtime/ve_net.h"

#define HOST_TRIES 64 /* addresses of a range that the host has got since it was given */

struct holders {
	struct holder *list;
	size_t n;
};

static void holders_done(struct holders *holders)
{
	free(holders->list);
}
#define cleanup_holders __attribute__((cleanup(holders_done)))

/* A change under way holds the old and the new. */
static int holders_of(struct manager *manager, const struct ve *own, bool living,
	struct holders *ret, struct error *err)
{
	const struct ve_table *table = manager->ves;

	ret->list = calloc(2 * table->n + 1, sizeof(*ret->list));
	if (!ret->list)
		return error_memory(err);
	for (size_t i = 0; i < table->n; i++) {
		const struct ve *ve = table->ve[i];
		const struct operation *op = ve->current;

		if (ve == own || (living && !network_linked(ve)))
			continue;
		if (ve->has_config)
			ret->list[ret->n++] = (struct holder){ ve->name, &ve->config.settings };
		if (op && op->has_config)
			ret->list[ret->n++] = (struct holder){ ve->name, &op->config.settings };
	}
	return 0;
}

const char *claim_holder_of(const struct holder *holders, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ve_net_has_ip(holders[i].settings, ip))
			return holders[i].name;
	return NULL;
}

struct used {
	struct ip *list;
	size_t n;
};

/* With room for what each range's search finds the host to have. */
static int used_of(const struct settings *settings, const struct holder *holders, size_t n,
	size_t n_ranges, struct used *ret, struct error *err)
{
	size_t total = settings->n_ips + n_ranges * HOST_TRIES;

	for (size_t i = 0; i < n; i++)
		total += holders[i].settings->n_ips;
	ret->list = calloc(total, sizeof(*ret->list));
	if (!ret->list)
		return error_memory(err);
	for (size_t k = 0; k < settings->n_ips; k++)
		ret->list[ret->n++] = settings->ips[k];
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < holders[i].settings->n_ips; k++)
			ret->list[ret->n++] = holders[i].settings->ips[k];
	return 0;
}

/* Nobody knows which was given last: the highest in use comes closest. */
static void guess_last(const struct prefix *range, const struct used *used, struct ip *last)
{
	for (size_t i = 0; i < used->n; i++)
		if (ip_in(&used->list[i], range) &&
			(!last->family || ip_compare(&used->list[i], last) > 0))
			*last = used->list[i];
}

static int next_free(const struct prefix *range, struct used *used, struct ip *last,
	struct netlink *host, struct ip *ret, struct error *err)
{
	int r = -ENOSPC;

	if (!last->family)
		guess_last(range, used, last);
	for (int i = 0; i < HOST_TRIES; i++) {
		r = plan_next(range, used->list, used->n, last->family ? last : NULL, ret, err);
		if (r == -ENOSPC)
			err->kind = ERROR_STATE;
		if (r < 0)
			return r;
		*last = *ret;
		r = host ? plan_check_own(host, ret, err) : 0;
		if (r == 0 || err->kind != ERROR_STATE)
			return r;
		used->list[used->n++] = *ret;
	}
	return r;
}

static int add_ip(struct settings *settings, const struct ip *ip, struct error *err)
{
	struct ip *more = reallocarray(settings->ips, settings->n_ips + 1, sizeof(*more));

	if (!more)
		return error_memory(err);
	more[settings->n_ips++] = *ip;
	settings->ips = more;
	return 0;
}

static bool has_one_of(const struct settings *settings, const struct prefix *range)
{
	for (size_t i = 0; i < settings->n_ips; i++)
		if (ip_in(&settings->ips[i], range))
			return true;
	return false;
}

int claim_assign(struct settings *settings, const struct holder *holders, size_t n,
	const struct prefix *ranges, size_t n_ranges, struct ip *last, struct netlink *host,
	struct error *err)
{
	struct used used = { 0 };
	int r;

	if (!settings->ip_auto || n_ranges == 0)
		return 0;
	r = used_of(settings, holders, n, n_ranges, &used, err);
	for (size_t i = 0; r == 0 && i < n_ranges; i++) {
		struct ip ip;

		if (has_one_of(settings, &ranges[i]))
			continue;
		r = next_free(&ranges[i], &used, &last[i], host, &ip, err);
		if (r == 0)
			r = add_ip(settings, &ip, err);
	}
	free(used.list);
	if (r == 0)
		settings->ip_auto = false;
	return r;
}

/* Who has addresses of the ranges keeps them when it wishes for any. */
static int keep(const struct instance *instance, struct settings *settings,
	const struct settings *before, struct error *err)
{
	int r = 0;

	if (!settings->ip_auto || !before)
		return 0;
	for (size_t i = 0; i < instance->n_ranges; i++)
		for (size_t k = 0; r == 0 && k < before->n_ips; k++)
			if (ip_in(&before->ips[k], &instance->ranges[i]) &&
				!has_one_of(settings, &instance->ranges[i]))
				r = add_ip(settings, &before->ips[k], err);
	return r;
}

/* Without a link none is needed, and none is taken from those who do. */
static int assign(struct manager *manager, struct settings *settings, const struct holders *holders,
	struct error *err)
{
	static struct ip last[INSTANCE_RANGES]; /* given by this manager: freed ones may rest */
	const struct instance *instance = manager->instance;
	struct netlink *route = manager->network ? network_route(manager->network) : NULL;

	if (settings->net != NET_ROUTED)
		return 0;
	return claim_assign(settings, holders->list, holders->n, instance->ranges,
		instance->n_ranges, last, route && route->fd >= 0 ? route : NULL, err);
}

static int check_ips(struct manager *manager, const struct settings *settings,
	const struct settings *before, const struct holders *holders, struct error *err)
{
	struct netlink *route = manager->network ? network_route(manager->network) : NULL;
	char text[IP_TEXT];
	int r = 0;

	for (size_t i = 0; r == 0 && i < settings->n_ips; i++) {
		const struct ip *ip = &settings->ips[i];
		const char *holder = claim_holder_of(holders->list, holders->n, ip);

		if (ve_net_has_ip(before, ip))
			continue;
		if (holder)
			return error_refuse(err, ERROR_STATE, "%s is the address of %s",
				ip_format(ip, text), holder);
		if (route && route->fd >= 0)
			r = plan_check_own(route, ip, err);
	}
	return r;
}

static const char *protocol_name(const struct published *published)
{
	return published->protocol == IPPROTO_UDP ? "udp" : "tcp";
}

/* One at all of the host's addresses clashes with one at any. */
static bool ports_clash(const struct published *a, const struct published *b)
{
	if (a->port != b->port || a->protocol != b->protocol)
		return false;
	return !a->at.family || !b->at.family || ip_compare(&a->at, &b->at) == 0;
}

static bool settings_publish(const struct settings *settings, const struct published *published)
{
	for (size_t i = 0; i < settings->n_published; i++)
		if (ports_clash(&settings->published[i], published))
			return true;
	return false;
}

static bool settings_had(const struct settings *before, const struct published *published)
{
	for (size_t i = 0; before && i < before->n_published; i++)
		if (ports_clash(&before->published[i], published) &&
			ip_compare(&before->published[i].at, &published->at) == 0)
			return true;
	return false;
}

int claim_check_ports(const struct settings *settings, const struct settings *before,
	const struct holder *holders, size_t n, struct error *err)
{
	for (size_t i = 0; i < settings->n_published; i++) {
		const struct published *published = &settings->published[i];

		for (size_t k = 0; k < i; k++)
			if (ports_clash(published, &settings->published[k]))
				return error_refuse(err, ERROR_USAGE,
					"port %u/%s is published twice", published->port,
					protocol_name(published));
		for (size_t k = 0; k < n && !settings_had(before, published); k++)
			if (settings_publish(holders[k].settings, published))
				return error_refuse(err, ERROR_STATE,
					"port %u/%s is published by %s", published->port,
					protocol_name(published), holders[k].name);
	}
	return 0;
}

static bool has_family(const struct settings *settings, int family)
{
	for (size_t i = 0; i < settings->n_ips; i++)
		if (settings->ips[i].family == family)
			return true;
	return false;
}

/* A service of the host would be there no more: what comes for it would go to the VE. */
static int check_service(struct netlink *netlink, const struct settings *settings,
	const struct published *published, struct error *err)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < 2; i++) {
		const struct ip *at = published->at.family ? &published->at : NULL;
		bool found = false;
		int r;

		if (!has_family(settings, families[i]) || (at && at->family != families[i]))
			continue;
		r = listener_find(netlink, families[i], published->protocol, published->port, at,
			&found, err);
		if (r < 0)
			return r;
		if (found)
			return error_refuse(err, ERROR_STATE,
				"port %u/%s is taken by a service of the host", published->port,
				protocol_name(published));
	}
	return 0;
}

static int check_services(
	const struct settings *settings, const struct settings *before, struct error *err)
{
	cleanup_netlink struct netlink netlink = NETLINK_CLOSED;
	int r = 0;

	for (size_t i = 0; r == 0 && i < settings->n_published; i++) {
		if (settings_had(before, &settings->published[i]))
			continue;
		if (netlink.fd < 0)
			r = netlink_open(&netlink, NETLINK_SOCK_DIAG, NETNS_PRESENT, err);
		if (r == 0)
			r = check_service(&netlink, settings, &settings->published[i], err);
	}
	return r;
}

int claim_take(struct manager *manager, const struct ve *own, struct settings *settings,
	const struct settings *before, struct error *err)
{
	cleanup_holders struct holders holders = { 0 };
	int r = holders_of(manager, own, false, &holders, err);

	if (r == 0)
		r = check_ips(manager, settings, before, &holders, err);
	if (r == 0)
		r = keep(manager->instance, settings, before, err);
	if (r == 0)
		r = assign(manager, settings, &holders, err);
	if (r == 0)
		r = ve_net_check(settings, err);
	if (r == 0)
		r = claim_check_ports(settings, before, holders.list, holders.n, err);
	return r < 0 ? r : check_services(settings, before, err);
}

int claim_start(
	struct manager *manager, const struct ve *own, struct settings *settings, struct error *err)
{
	cleanup_holders struct holders all = { 0 };
	cleanup_holders struct holders living = { 0 };
	int r = holders_of(manager, own, false, &all, err);

	if (r == 0)
		r = holders_of(manager, own, true, &living, err);
	if (r == 0)
		r = assign(manager, settings, &all, err);
	for (size_t i = 0; r == 0 && i < settings->n_ips; i++) {
		const char *holder = claim_holder_of(living.list, living.n, &settings->ips[i]);
		char text[IP_TEXT];

		if (holder)
			return error_refuse(err, ERROR_STATE, "%s is the address of %s",
				ip_format(&settings->ips[i], text), holder);
	}
	if (r == 0)
		r = ve_net_check(settings, err);
	return r < 0 ? r : claim_check_ports(settings, NULL, living.list, living.n, err);
}
