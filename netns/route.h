/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * route.h - routes in the main table.
 */
#pragma once

#include <stdint.h>

struct error;
struct ip;
struct netlink;
struct netlink_batch;
struct prefix;

/* Says that a prefix is on the link (a host route for one address). Whoever has the same route by
 * another interface already is -EEXIST. */
void route_add_link(struct netlink_batch *batch, const struct prefix *prefix, uint32_t index);
void route_remove(struct netlink_batch *batch, const struct prefix *prefix, uint32_t index);

/* The default route of the gateway's family, by a gateway that counts as on the link whatever the
 * addresses say. Replaces one that is there. */
void route_set_default(struct netlink_batch *batch, const struct ip *gateway, uint32_t index);

/* Calls fn for each unicast route of the main table. index: the interface, 0 if it has several. */
typedef int route_fn(const struct prefix *prefix, uint32_t index, void *data);
int route_each(struct netlink *netlink, route_fn *fn, void *data, struct error *err);
