/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.h - the address plan: the ranges that addresses are given from, and who may have which.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "netns/ip.h"

struct error;
struct netlink;

/* The first address free in the range: not in used[n] (any order) and none that means something
 * else in a subnet (IPv4: the first and the last). -ENOSPC if there is none. It does not go back to
 * an address just freed while later ones are free, if `after` (may be NULL) names the last given.
 */
int plan_next(const struct prefix *range, const struct ip *used, size_t n, const struct ip *after,
	struct ip *ret, struct error *err);

/* Whether a VE may have the address: of a kind that a host can have (ERROR_USAGE), and not among
 * used[n] (-EEXIST, ERROR_STATE; *ret_holder, if not NULL, says which). */
int plan_check(const struct ip *ip, const struct ip *used, size_t n, size_t *ret_holder,
	struct error *err);

/* Parses a list of ranges that do not overlap one another: "10.77.0.0/16,fd00:77::/64". Returns how
 * many; -EINVAL with a reason; at most `max`. */
int plan_parse(const char *text, struct prefix *ret, size_t max, struct error *err);

/* Refuses a range that a route or address of the host overlaps (ERROR_STATE), the default route
 * aside, save routes by links named `own_prefix` and a number. */
int plan_check_host(struct netlink *netlink, const struct prefix *range, const char *own_prefix,
	struct error *err);

/* Refuses an address that the host itself has, or that means one of its subnets (ERROR_STATE). */
int plan_check_own(struct netlink *netlink, const struct ip *ip, struct error *err);
