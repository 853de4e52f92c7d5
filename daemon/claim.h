/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * claim.h - addresses and ports of the host that VEs have, running or not: nobody gets another's.
 *
 * The manager alone gives them, one request after another; a change under way counts from when it
 * was checked, so two at once never get the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct ip;
struct manager;
struct netlink;
struct prefix;
struct settings;
struct ve;

/* Gives addresses where `auto` is wished for, one of each range of the instance, and refuses
 * (ERROR_STATE, naming the holder) an address or a published port that another VE or the host has.
 * What `before` (may be NULL) had already is not asked about again. own: the VE, NULL if it is to
 * be made. Whatever it refuses, settings may hold new addresses. */
int claim_take(struct manager *manager, const struct ve *own, struct settings *settings,
	const struct settings *before, struct error *err);

/* The same for a start: what living VEs have. */
int claim_start(struct manager *manager, const struct ve *own, struct settings *settings,
	struct error *err);

/* Somebody who has addresses and ports. */
struct holder {
	const char *name;
	const struct settings *settings;
};

/* The rest is for tests. Who holds the address; NULL: nobody. */
const char *claim_holder_of(const struct holder *holders, size_t n, const struct ip *ip);
/* Adds one address of each range that settings have none of, and leaves no wish. last[i] is the one
 * given last of ranges[i] (family 0: none), and becomes the one given now. */
int claim_assign(struct settings *settings, const struct holder *holders, size_t n,
	const struct prefix *ranges, size_t n_ranges, struct ip *last, struct netlink *host,
	struct error *err);
/* Refuses what publishes a port that a holder, or the same settings, publish. */
int claim_check_ports(const struct settings *settings, const struct settings *before,
	const struct holder *holders, size_t n, struct error *err);
