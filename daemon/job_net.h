/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_net.h - the link of a VE as jobs make it, change it, and clear it away.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netns/filter.h"
#include "netns/traffic.h"

struct error;
struct job_context;
struct settings;
struct ve_config;

/* Makes the link into the namespace with all that context->config says, if it says that there is
 * one. job_net_undo() takes back what it did or half did, but for the pair itself, which goes with
 * the namespace. */
int job_net_up(struct job_context *context, int netns_fd, struct error *err);
void job_net_undo(struct job_context *context);

/* Clears away what is left of a run's link, but for its part of the filter, which the manager
 * takes: its class, the routes to its addresses. Nothing there is no error, and what cannot be
 * taken away now goes with the link. */
void job_net_down(struct job_context *context);

/* Refuses (ERROR_STATE) addresses that `before` (NULL: nothing) has not and that another machine in
 * a subnet of the host's answers for; waits a second for that if there are such. */
int job_net_probe(
	const struct settings *settings, const struct settings *before, struct error *err);

/* What the link has counted, zeros if it is gone. */
struct job_net_counts {
	struct traffic traffic;
	uint64_t dropped[FILTER_REASONS];
};
void job_net_count(struct job_context *context, struct job_net_counts *ret);

/* Whether any of these rows of the settings is of the network and live. */
bool job_net_rows(uint64_t rows);

/* Makes of the link as `from` has it one as context->config has it. Where both are the same, a
 * change that was cut short is settled: everything but the filter, which the manager builds anew,
 * is made to be as it should. job_net_change_back() goes back to `from`, from wherever the change
 * failed. */
int job_net_change(
	struct job_context *context, int netns_fd, const struct ve_config *from, struct error *err);
void job_net_change_back(struct job_context *context, int netns_fd, const struct ve_config *from);
