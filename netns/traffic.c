/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * traffic.c - counters turned round and added up.
 */
#include "netns/traffic.h"

void traffic_of(const struct link_counters *near, struct traffic *ret)
{
	*ret = (struct traffic){
		.in = { near->tx_bytes, near->tx_packets, near->tx_dropped },
		.out = { near->rx_bytes, near->rx_packets, near->rx_dropped },
	};
}

static void add_way(struct traffic_way *sum, const struct traffic_way *add)
{
	sum->bytes += add->bytes;
	sum->packets += add->packets;
	sum->dropped += add->dropped;
}

void traffic_sum(struct traffic *sum, const struct traffic *add)
{
	add_way(&sum->in, &add->in);
	add_way(&sum->out, &add->out);
}
