/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_net_data.h - the host's side of one link, between job_net.c and job_net_change.c.
 */
#pragma once

#include "netns/filter.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "runtime/ve_net.h"

struct job_context;
struct settings;

struct job_net {
	struct netlink route;
	struct filter filter;
	char ifb[LINK_NAME];
	struct ve_net ve;
};

int job_net_open(struct job_net *net, const struct job_context *context,
	const struct ve_config *config, struct error *err);
void job_net_close(struct job_net *net);
#define cleanup_job_net __attribute__((cleanup(job_net_close)))

/* The pair, the rates, the filter's elements; *ret_filtered is set once those are there. */
int job_net_make(struct job_net *net, const struct job_context *context, int netns_fd,
	const struct settings *settings, bool *ret_filtered, struct error *err);

/* Puts the failure of filter_add() or filter_change() into an operator's words. Returns -code. */
int job_net_filter_failed(const struct job_net *net, int r, struct error *err);

/* What differs; `from` NULL: nobody knows what is so. */
int job_net_set_rates(struct job_net *net, const struct settings *from, const struct settings *to,
	struct error *err);
