/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * subnet.c - by the host's addresses: the routes of thousands of VEs need not be walked.
 */
#include "netns/subnet.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "netns/address.h"
#include "netns/ip.h"
#include "netns/link.h"

struct subnet {
	struct prefix prefix;
	struct link link;
};

static int take_address(uint32_t index, const struct ip *ip, uint8_t length, void *data)
{
	struct subnets *subnets = data;
	struct subnet *more;

	if (length == 0 || length >= ip_bits(ip))
		return 0;
	more = reallocarray(subnets->list, subnets->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[subnets->n++] = (struct subnet){ prefix_around(ip, length), { .index = index } };
	subnets->list = more;
	return 0;
}

static int take_link(const struct link *link, void *data)
{
	struct subnets *subnets = data;

	for (size_t i = 0; i < subnets->n; i++)
		if (subnets->list[i].link.index == link->index)
			subnets->list[i].link = *link;
	return 0;
}

int subnets_read(struct netlink *netlink, struct subnets *ret, struct error *err)
{
	int r = address_each(netlink, 0, take_address, ret, err);
	int changed = r;

	if (r >= 0)
		r = link_each(netlink, "", take_link, ret, err);
	return r < 0 ? r : r || changed;
}

void subnets_done(struct subnets *subnets)
{
	free(subnets->list);
	*subnets = (struct subnets){ 0 };
}

/* A loopback has no MAC, nor has a tunnel: nobody asks there. */
const struct link *subnet_link(const struct subnets *subnets, const struct ip *ip)
{
	static const uint8_t none[LINK_MAC];

	for (size_t i = 0; i < subnets->n; i++)
		if (ip_in(ip, &subnets->list[i].prefix) &&
			memcmp(subnets->list[i].link.mac, none, LINK_MAC) != 0)
			return &subnets->list[i].link;
	return NULL;
}
