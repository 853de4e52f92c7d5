/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * traffic.h - what went over a link, as the far end sees it, and totals that outlive links.
 */
#pragma once

#include <stdint.h>

#include "netns/link.h"

struct traffic_way {
	uint64_t bytes, packets, dropped;
};

struct traffic {
	struct traffic_way in, out; /* towards the far end, and from it */
};

/* The near end sends what the far end receives. */
void traffic_of(const struct link_counters *near, struct traffic *ret);

/* sum += add: for totals that outlive links. */
void traffic_sum(struct traffic *sum, const struct traffic *add);
