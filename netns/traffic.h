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

/* A total from counters that begin again at zero: with the link, with its namespace, with the host.
 * `seen` is what the last call was given; keep both, in one record. */
struct traffic_total {
	struct traffic total;
	struct traffic seen;
	uint64_t epoch; /* what tells one life of a link from the next */
};

/* Adds what came since the last call. `epoch` differs for each life of the link (its index and the
 * time it was made, say); within one life counters that went back count as a new life, too. */
void traffic_add(struct traffic_total *total, const struct traffic *now, uint64_t epoch);
