/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_net_change.c - a link that is up is changed, with what flows over it.
 *
 *   addresses come --> filter, in one transaction --> addresses go --> rates
 *
 * so that no packet of what stays is dropped, and none passes from or to what goes. Which addresses
 * the link has the host's routes say, not a record: a change that was cut short anywhere is
 * finished or taken back by the same walk.
 */
#include <errno.h>

#include "base/array.h"
#include "base/error.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "daemon/job_net.h"
#include "daemon/job_net_data.h"
#include "netns/namespace.h"
#include "netns/route.h"

#define ROUTES_MAX 256 /* more than a record may hold twice */

static const char *const live_rows[] = { "ip", "publish", "nat", "isolate", "connections",
	"rate-in", "rate-out" };

bool job_net_rows(uint64_t rows)
{
	for (size_t i = 0; i < ARRAY_SIZE(live_rows); i++)
		if (rows & UINT64_C(1) << setting_index(setting_find(live_rows[i])))
			return true;
	return false;
}

static bool same(const struct settings *a, const struct settings *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(live_rows); i++)
		if (!setting_equal(a, b, setting_find(live_rows[i])))
			return false;
	return true;
}

struct addresses {
	uint32_t index;
	struct ip ips[ROUTES_MAX];
	size_t n;
};

static int take_route(const struct prefix *prefix, uint32_t index, void *data)
{
	struct addresses *have = data;

	if (index == have->index && have->n < ROUTES_MAX && !ip_refusal(&prefix->ip) &&
		prefix->length == ip_bits(&prefix->ip))
		have->ips[have->n++] = prefix->ip;
	return 0;
}

static bool is_among(const struct ip *ip, const struct ip *ips, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ip_compare(ip, &ips[i]) == 0)
			return true;
	return false;
}

struct change {
	struct job_net net; /* as it shall be */
	const struct settings *from, *to;
	struct ve_net from_ve;
	int netns_fd;
	bool settle; /* the records do not differ; the kernel may */
	struct addresses have;
};

static int remove_ip(struct change *change, int netns_fd, const struct ip *ip, struct error *err)
{
	struct job_net *net = &change->net;

	return routed_remove_ip(
		&net->route, net->ve.link.index, netns_fd, &net->ve.routed, ip, err);
}

static int add_ip(struct change *change, const struct ip *ip, struct error *err)
{
	struct job_net *net = &change->net;
	struct error ignored = { 0 };
	int r = routed_add_ip(
		&net->route, net->ve.link.index, change->netns_fd, &net->ve.routed, ip, err);

	if (r < 0)
		(void)remove_ip(change, change->netns_fd, ip, &ignored);
	return r;
}

/* One that the host has and the other end perhaps not yet is given to both again. */
static int add_ips(struct change *change, struct error *err)
{
	const struct routed *routed = &change->net.ve.routed;
	int r = 0;

	for (size_t i = 0; r == 0 && i < routed->n_ips; i++) {
		const struct ip *ip = &routed->ips[i];
		bool there = is_among(ip, change->have.ips, change->have.n);

		if (there && !change->settle)
			continue;
		if (there)
			r = remove_ip(change, NETNS_PRESENT, ip, err);
		if (r == 0)
			r = add_ip(change, ip, err);
	}
	return r;
}

static int remove_ips(struct change *change, struct error *err)
{
	const struct routed *routed = &change->net.ve.routed;
	int r = 0;

	for (size_t i = 0; r == 0 && i < change->have.n; i++)
		if (!is_among(&change->have.ips[i], routed->ips, routed->n_ips))
			r = remove_ip(change, change->netns_fd, &change->have.ips[i], err);
	return r;
}

/* A filter that was built anew meanwhile may lack what is to be taken away. */
static int change_filter(struct change *change, struct error *err)
{
	struct job_net *net = &change->net;
	int r = filter_change(&net->filter, &change->from_ve.link, &net->ve.link, err);

	if (r == -ENOENT) {
		r = filter_remove(&net->filter, &change->from_ve.link, err);
		if (r == 0)
			r = filter_add(&net->filter, &net->ve.link, err);
	}
	return r < 0 ? job_net_filter_failed(net, r, err) : 0;
}

/* *ret_filtered: whether the filter has been changed. Unset before, it is left alone when it is to
 * be changed back. */
static int apply(struct change *change, bool back, bool *ret_filtered, struct error *err)
{
	struct job_net *net = &change->net;
	int r;

	change->have.index = net->ve.link.index;
	r = route_each(&net->route, take_route, &change->have, err);
	if (r >= 0)
		r = add_ips(change, err);
	if (r == 0 && !change->settle && (!back || *ret_filtered)) {
		r = change_filter(change, err);
		*ret_filtered |= r == 0;
	}
	if (r == 0)
		r = remove_ips(change, err);
	return r < 0 ? r
		     : job_net_set_rates(
			       net, change->settle ? NULL : change->from, change->to, err);
}

static int change_init(struct change *change, const struct job_context *context, int netns_fd,
	const struct ve_config *from, const struct ve_config *to, struct error *err)
{
	int r;

	*change = (struct change){
		.from = &from->settings,
		.to = &to->settings,
		.netns_fd = netns_fd,
		.settle = same(&from->settings, &to->settings),
	};
	r = job_net_open(&change->net, context, to, err);
	if (r == 0)
		r = ve_net_init(
			&change->from_ve, context->job->instance->name, context->name, from, err);
	return r;
}

static void change_done(struct change *change)
{
	ve_net_done(&change->from_ve);
	job_net_close(&change->net);
}
#define cleanup_change __attribute__((cleanup(change_done)))

/* The VE's root may have deleted its end, and both are gone. */
static int has_link(struct change *change, struct error *err)
{
	const struct ve_net *ve = &change->net.ve;
	struct error missing = { 0 };
	struct link link;
	int r = link_find(&change->net.route, ve->near, &link, &missing);

	if (r < 0 && r != -ENODEV)
		*err = missing;
	else
		r = r == 0 && link.index == ve->link.index;
	return r;
}

int job_net_change(
	struct job_context *context, int netns_fd, const struct ve_config *from, struct error *err)
{
	cleanup_change struct change change;
	int r = change_init(&change, context, netns_fd, from, &context->config, err);

	context->net_made = context->net_filtered = false;
	if (r == 0)
		r = ve_net_check(change.to, err);
	if (r == 0)
		r = has_link(&change, err);
	if (r < 0)
		return r;
	if (r > 0)
		return apply(&change, false, &context->net_filtered, err);
	/* What the filter has of the old nobody would take away: a stop goes by the new. */
	r = change_filter(&change, err);
	if (r < 0 || change.net.ve.routed.n_ips == 0)
		return r;
	context->net_made = context->net_filtered = true;
	return job_net_make(&change.net, context, netns_fd, change.to, &context->net_filtered, err);
}

static void unmake(struct job_context *context)
{
	cleanup_batch struct netlink_batch batch;
	struct error ignored = { 0 }; /* the error that brought us here is the one to tell */
	struct netlink route;

	job_net_undo(context);
	netlink_batch_init(&batch);
	if (netlink_open(&route, NETLINK_ROUTE, NETNS_PRESENT, &ignored) < 0)
		return;
	link_delete(&batch, network_index(context->config.first_id));
	(void)netlink_batch_send(&route, &batch, &ignored);
	netlink_close(&route);
}

void job_net_change_back(struct job_context *context, int netns_fd, const struct ve_config *from)
{
	cleanup_change struct change change;
	struct error ignored = { 0 };

	if (change_init(&change, context, netns_fd, &context->config, from, &ignored) < 0)
		return;
	if (context->net_made)
		unmake(context);
	else if (has_link(&change, &ignored) > 0)
		(void)apply(&change, true, &context->net_filtered, &ignored);
}
