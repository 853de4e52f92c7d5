/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * event.h - what `vessel events` shows: state changes, OOM kills, limits hit.
 */
#pragma once

struct call;
struct error;
struct event_hub;
struct manager;
struct ve;

int event_hub_new(struct manager *manager, struct event_hub **ret, struct error *err);
void event_hub_free(struct event_hub *hub);

/* Tells everyone who listens; costs nothing when nobody does. ve may be NULL. */
void event_emit(struct manager *manager, const char *ve, const char *event, const char *detail);

/* Its init has ended and its cgroup is still there: what it hit in its last second. */
void event_look_last(struct ve *ve);

/* Takes the call: it gets one reply an event until its client hangs up. */
void event_listen(struct call *call);
