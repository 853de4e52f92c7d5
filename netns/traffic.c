/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * traffic.c - counters turned round and added up.
 */
#include "netns/traffic.h"

#include <stddef.h>

#include "base/array.h"

void traffic_of(const struct link_counters *near, struct traffic *ret)
{
	*ret = (struct traffic){
		.in = { near->tx_bytes, near->tx_packets, near->tx_dropped },
		.out = { near->rx_bytes, near->rx_packets, near->rx_dropped },
	};
}

static void add(uint64_t *total, uint64_t *seen, uint64_t now)
{
	*total += now >= *seen ? now - *seen : now;
	*seen = now;
}

static void add_way(
	struct traffic_way *total, struct traffic_way *seen, const struct traffic_way *now)
{
	add(&total->bytes, &seen->bytes, now->bytes);
	add(&total->packets, &seen->packets, now->packets);
	add(&total->dropped, &seen->dropped, now->dropped);
}

void traffic_add(struct traffic_total *total, const struct traffic *now, uint64_t epoch)
{
	if (epoch != total->epoch)
		total->seen = (struct traffic){ 0 };
	total->epoch = epoch;
	add_way(&total->total.in, &total->seen.in, &now->in);
	add_way(&total->total.out, &total->seen.out, &now->out);
}
