/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_count.c - one dump of the links and one of what the filter counted, however many VEs.
 */
#include "daemon/network_count.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/manager_data.h"
#include "daemon/network.h"
#include "daemon/ve_table.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "runtime/ve_net.h"

static int take_link(const struct link *link, void *data)
{
	struct network_counts *counts = data;
	struct link_count *more = reallocarray(counts->list, counts->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	counts->list = more;
	more[counts->n] = (struct link_count){ .index = link->index };
	traffic_of(&link->counters, &more[counts->n++].traffic);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct link_count *)a)->index;
	uint32_t y = ((const struct link_count *)b)->index;

	return (x > y) - (x < y);
}

static struct link_count *find(const struct network_counts *counts, uint32_t index)
{
	struct link_count key = { .index = index };

	return counts->n ? bsearch(&key, counts->list, counts->n, sizeof(key), compare) : NULL;
}

static int take_dropped(
	uint32_t index, enum filter_reason reason, uint64_t packets, uint64_t bytes, void *data)
{
	struct link_count *count = find(data, index);

	if (count)
		count->dropped[reason] = packets;
	return 0;
}

static bool any_linked(const struct ve_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		if (network_linked(table->ve[i]))
			return true;
	return false;
}

void network_count(struct manager *manager, struct network_counts *ret)
{
	struct network *network = manager->network;
	struct netlink *route = network_route(network);
	struct filter *filter = network_filter(network);
	struct network_counts counts = { 0 };
	struct error err = { 0 };

	if (any_linked(manager->ves) && route->fd >= 0 &&
		link_each(route, filter->prefix, take_link, &counts, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
	if (counts.n > 0)
		qsort(counts.list, counts.n, sizeof(*counts.list), compare);
	/* Without a table, which may be gone for a moment, nothing was dropped. */
	if (counts.n > 0 && filter->netlink.fd >= 0)
		(void)filter_count(filter, take_dropped, &counts, &err);
	*ret = counts;
}

void network_counts_done(struct network_counts *counts)
{
	free(counts->list);
	*counts = (struct network_counts){ 0 };
}

const struct link_count *network_count_of(const struct network_counts *counts, struct ve *ve)
{
	struct link_count *count;

	/* Before its init is there, the link of that name may be what an earlier run has left. */
	if (!network_linked(ve) || (!ve_alive(ve) && !ve->ended))
		return NULL;
	count = find(counts, network_index(ve->config.first_id));
	for (int i = 0; count && i < FILTER_REASONS; i++) {
		if (count->dropped[i] < ve->dropped[i])
			count->dropped[i] = ve->dropped[i];
		ve->dropped[i] = count->dropped[i];
	}
	return count;
}
