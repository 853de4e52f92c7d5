/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_net.h - what follows for the network from the instance's name and a VE's record.
 *
 * Names, numbers and indexes are the same in every process that asks, so nobody has to remember
 * what another has made: the manager builds the filter for a VE that a job starts, and a job clears
 * away what another job has left.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netns/filter.h"
#include "netns/link.h"
#include "netns/routed.h"

struct error;
struct settings;
struct ve_config;

/* The instance's own names; "" is the system's instance.
 *
 *             system's    instance demo
 *   prefix    ve          demo-           of near ends; a number follows
 *   ifb       veifb       demo-ifb        the device that rates from VEs go through
 *   table     vessel      vessel-demo     of the packet filter
 *
 * No prefix and number of one instance looks like those of another, also not to the filter's rules,
 * which look at the prefix and one digit. */
void network_prefix(const char *instance, char ret[LINK_NAME]);
void network_ifb(const char *instance, char ret[LINK_NAME]);
void network_table(const char *instance, char ret[FILTER_TABLE]);

/* The host's end of the VE with this block of ids: number, and the index that it is created with.
 */
uint32_t network_number(uint32_t first_id);
uint32_t network_index(uint32_t first_id);

/* Whether the address is among them; settings NULL have none. */
bool ve_net_has_ip(const struct settings *settings, const struct ip *ip);

/* Whether a start makes a link: mode routed and at least one address. */
bool ve_net_wanted(const struct settings *settings);

/* Points into itself: not to be moved. */
struct ve_net {
	/* ve_net_wanted(). A VE that runs has a link if it was wanted when it started, whatever its
	 * record says now (`net` is for the next start): whoever asks about a living one looks for
	 * link.index among the host's links. */
	bool wanted;
	uint32_t number;         /* the class of its rate, too */
	char near[LINK_NAME];    /* "ve12" */
	struct routed routed;    /* ips without the link-local one */
	struct filter_link link; /* the index; ips with it */
	/* What the pointers of both lead to. */
	struct ip *ips;
	struct filter_published *published;
};

/* Fills *ret, for ve_net_done(). `name`, the VE's, is borrowed. A port published in a family that
 * the VE has no address of is left out: see ve_net_check(). Fails for want of memory only. */
int ve_net_init(struct ve_net *ret, const char *instance, const char *name,
	const struct ve_config *config, struct error *err);
void ve_net_done(struct ve_net *net);
#define cleanup_ve_net __attribute__((cleanup(ve_net_done)))

/* Refuses (ERROR_USAGE) settings of which a published port leads nowhere: bound to an address of
 * the host in a family that the VE has no address of. For create, set and start. */
int ve_net_check(const struct settings *settings, struct error *err);
