/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network.h - the host's side of all links: the packet filter kept whole, orphans removed, the
 * uplinks' forwarding.
 *
 * Jobs make a link and its elements of the filter; the manager keeps what is common to all, and
 * puts everything back when another program has taken it away. A host that lacks what is needed for
 * it keeps no manager from working: VEs without a link need none of this.
 */
#pragma once

#include <stdbool.h>

struct error;
struct instance;
struct manager;
struct netlink;
struct network;
struct ve;

int network_new(struct manager *manager, struct network **ret, struct error *err);
void network_free(struct network *network);

/* The table of VEs says what is true: builds the filter, and watches. What fails is logged. */
void network_begin(struct network *network);

/* An operation of this VE is over: what the host answers for it is looked at, and if the filter was
 * built meanwhile, from what was not settled, it is built once more. */
void network_settled(struct ve *ve);
/* Nothing is left of a run but, for a moment, its link. */
void network_reclaimed(struct ve *ve);

/* Whether a link of this VE is there, or may be. */
bool network_linked(const struct ve *ve);
/* Whether its addresses lead to it: not those that wait for its next start. */
bool network_serves(struct ve *ve);
/* Whether it runs and has one: the kernel is asked. */
bool network_has_link(struct ve *ve);

/* A socket for questions about the host's network. Never NULL; its descriptor is -1 if there is
 * none. */
struct netlink *network_route(struct network *network);
struct filter *network_filter(struct network *network);

/* network_end.c: the instance ends for good and no VE lives: takes away what is common to all. */
void network_remove(const struct instance *instance);
