/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_net.c - a VE's link comes with its start and goes with its reclaim.
 *
 * Everything on the host is found again by numbers that follow from the record (runtime/ve_net.h),
 * so that whoever clears away needs no memory of who made it. The filter comes last: until a link
 * has its elements nothing passes.
 */
#include "daemon/job_net.h"

#include <errno.h>

#include "base/error.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "daemon/job_net_data.h"
#include "netns/namespace.h"
#include "netns/rate.h"

int job_net_open(struct job_net *net, const struct job_context *context,
	const struct ve_config *config, struct error *err)
{
	const char *instance = context->job->instance->name;
	char prefix[LINK_NAME], table[FILTER_TABLE];
	int r;

	*net = (struct job_net){ .route = NETLINK_CLOSED, .filter.netlink = NETLINK_CLOSED };
	network_prefix(instance, prefix);
	network_table(instance, table);
	network_ifb(instance, net->ifb);
	r = netlink_open(&net->route, NETLINK_ROUTE, NETNS_PRESENT, err);
	if (r == 0)
		r = filter_open(&net->filter, table, prefix, NETNS_PRESENT, err);
	if (r == 0)
		r = ve_net_init(&net->ve, instance, context->name, config, err);
	if (r < 0)
		job_net_close(net);
	return r;
}

/* Not the filter's socket: closing one waits for a grace period if anything was removed from any
 * table of late (nft_rcv_nl_event). That may wait until the job has ended: init runs by then. */
void job_net_close(struct job_net *net)
{
	ve_net_done(&net->ve);
	netlink_close(&net->route);
}

/* Without the table nothing would hold a VE back, nor let it pass: nobody starts without. */
int job_net_filter_failed(const struct job_net *net, int r, struct error *err)
{
	if (r == -ENOENT)
		return error_refuse(err, ERROR_STATE,
			"the packet filter (nftables table %s) is not there; vesseld builds it "
			"when it starts: see its log",
			net->filter.table);
	if (r == -EBUSY || r == -EEXIST)
		return error_refuse(
			err, ERROR_STATE, "a port that it publishes is published by another VE");
	return r;
}

static uint64_t rate_bits(uint64_t setting)
{
	return setting == PARSE_NONE ? 0 : setting;
}

/* Nothing that goes through a device that is not there has to be lifted. */
static int set_rate_from(struct job_net *net, uint64_t bits, struct error *err)
{
	struct link ifb = { 0 };
	int r;

	if (bits)
		r = rate_open(&net->route, net->ifb, &ifb.index, err);
	else
		r = link_find(&net->route, net->ifb, &ifb, err);
	if (r == -ENODEV && !bits)
		return 0;
	return r < 0 ? r
		     : rate_set_from(&net->route, net->ve.link.index, ifb.index, net->ve.number,
			       bits, err);
}

int job_net_set_rates(struct job_net *net, const struct settings *from, const struct settings *to,
	struct error *err)
{
	uint64_t in = rate_bits(to->rate_in), out = rate_bits(to->rate_out);
	int r = 0;

	if (!from || in != rate_bits(from->rate_in))
		r = rate_set_to(&net->route, net->ve.link.index, in, err);
	if (r == 0 && (!from || out != rate_bits(from->rate_out)))
		r = set_rate_from(net, out, err);
	return r;
}

int job_net_make(struct job_net *net, const struct job_context *context, int netns_fd,
	const struct settings *settings, bool *ret_filtered, struct error *err)
{
	static const struct settings unshaped = { .rate_in = PARSE_NONE, .rate_out = PARSE_NONE };
	uint32_t index;
	int r = routed_up(
		&net->route, netns_fd, context->job->host->proc_fd, &net->ve.routed, &index, err);

	if (r < 0)
		return r;
	r = job_net_set_rates(net, &unshaped, settings, err);
	if (r < 0)
		return r;
	r = filter_add(&net->filter, &net->ve.link, err);
	if (r < 0)
		return job_net_filter_failed(net, r, err);
	*ret_filtered = true;
	return 0;
}

int job_net_up(struct job_context *context, int netns_fd, struct error *err)
{
	const struct settings *settings = &context->config.settings;
	cleanup_job_net struct job_net net;
	int r = job_net_open(&net, context, &context->config, err);

	context->net_filtered = false;
	if (r == 0 && net.ve.wanted)
		r = ve_net_check(settings, err);
	if (r < 0 || !net.ve.wanted)
		return r;
	return job_net_make(&net, context, netns_fd, settings, &context->net_filtered, err);
}

static void remove_class(struct job_net *net)
{
	struct error ignored = { 0 }; /* no device: nothing goes through it */
	struct link ifb;

	if (link_find(&net->route, net->ifb, &ifb, &ignored) == 0)
		(void)rate_remove_from(&net->route, ifb.index, net->ve.number, &ignored);
}

static void take_down(struct job_context *context, bool filtered)
{
	struct error ignored = { 0 }; /* see job_net_down() */
	cleanup_job_net struct job_net net;

	if (job_net_open(&net, context, &context->config, &ignored) < 0)
		return;
	if (filtered)
		(void)filter_remove(&net.filter, &net.ve.link, &ignored);
	(void)routed_release(&net.route, net.ve.link.index, &net.ve.routed, &ignored);
	remove_class(&net);
}

void job_net_undo(struct job_context *context)
{
	if (ve_net_wanted(&context->config.settings))
		take_down(context, context->net_filtered);
}

void job_net_down(struct job_context *context)
{
	take_down(context, false);
}

struct counting {
	uint32_t index;
	struct job_net_counts *counts;
};

static int take_dropped(
	uint32_t index, enum filter_reason reason, uint64_t packets, uint64_t bytes, void *data)
{
	struct counting *counting = data;

	if (index == counting->index)
		counting->counts->dropped[reason] = packets;
	return 0;
}

/* The name is looked for, since that is quick, and the index proves it. */
void job_net_count(struct job_context *context, struct job_net_counts *ret)
{
	struct error ignored = { 0 }; /* what cannot be read is not there */
	struct counting counting = { network_index(context->config.first_id), ret };
	cleanup_job_net struct job_net net;
	struct link link;

	*ret = (struct job_net_counts){ 0 };
	if (job_net_open(&net, context, &context->config, &ignored) < 0 ||
		link_find(&net.route, net.ve.near, &link, &ignored) < 0 ||
		link.index != counting.index)
		return;
	traffic_of(&link.counters, &ret->traffic);
	(void)filter_count(&net.filter, take_dropped, &counting, &ignored);
}
