/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_count.h - what all links have counted, by one look: for a list of VEs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "netns/filter.h"
#include "netns/traffic.h"

struct manager;
struct ve;

struct link_count {
	uint32_t index;
	struct traffic traffic; /* as the VE sees it */
	uint64_t dropped[FILTER_REASONS];
};

struct network_counts {
	struct link_count *list; /* sorted by index */
	size_t n;
};

/* A link that is not in the list has counted nothing, or could not be asked. */
void network_count(struct manager *manager, struct network_counts *ret);
void network_counts_done(struct network_counts *counts);
#define cleanup_counts __attribute__((cleanup(network_counts_done)))

/* NULL if the VE has no link of a run that is not in its totals yet. Keeps what the filter dropped
 * (ve->dropped), so that no later answer says less. */
const struct link_count *network_count_of(const struct network_counts *counts, struct ve *ve);
