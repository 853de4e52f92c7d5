/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * event.c - what `vessel events` shows: state changes, OOM kills, limits hit.
 *
 * The counters of the cgroups are compared once a second, and only while someone listens: a file
 * descriptor and a wakeup per limit and VE would cost more than they tell.
 */
#include "event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/array.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parse.h"
#include "cgroup/usage.h"
#include "daemon/call.h"
#include "daemon/manager_data.h"
#include "daemon/ve_table.h"

#define LOOK_MS 1000

struct listener {
	LIST_ENTRY(listener) link;
	struct call *call;
};

struct event_hub {
	struct manager *manager;
	struct loop_source *timer; /* NULL: nobody listens */
	LIST_HEAD(, listener) listeners;
};

static const struct counter {
	const char *event, *unit;
	size_t offset;
} counters[] = {
	{ "oom", "killed for want of memory", offsetof(struct usage, memory_hits) },
	{ "limit", "pids: forks refused", offsetof(struct usage, pids_hits) },
	{ "limit", "cpus: periods throttled", offsetof(struct usage, cpu_hits) },
	{ "limit", "swap: at its limit", offsetof(struct usage, swap_hits) },
};

static uint64_t count(const struct usage *usage, const struct counter *counter)
{
	return *(const uint64_t *)(const void *)((const char *)usage + counter->offset);
}

static void listener_free(struct listener *listener)
{
	listener->call->hung_up = NULL;
	LIST_REMOVE(listener, link);
	free(listener);
}

/* Who did not ask for more has got what it waited for. */
static void tell(struct listener *listener, struct json *reply)
{
	struct call *call = listener->call;

	if (call->request.more) {
		call_progress(call, reply);
		return;
	}
	listener_free(listener);
	call_reply(call, reply);
}

void event_emit(struct manager *manager, const char *ve, const char *event, const char *detail)
{
	struct event_hub *hub = manager->events;
	struct listener *listener, *next;
	char time[FORMAT_TIME];

	for (listener = hub ? LIST_FIRST(&hub->listeners) : NULL; listener; listener = next) {
		struct json *reply = json_new_object();
		struct json *object = json_set_object(reply, "event");

		next = LIST_NEXT(listener, link);
		json_set_string(object, "time", format_time_utc(clock_now(), time));
		json_set_string(object, "ve", ve);
		json_set_string(object, "event", event);
		json_set_string(object, "detail", detail);
		tell(listener, reply);
	}
}

static void compare(struct ve *ve, const struct usage *now)
{
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		uint64_t before = count(&ve->seen, &counters[i]);
		uint64_t after = count(now, &counters[i]);
		char detail[96]; /* a 64-bit number and the longest unit */

		if (after <= before)
			continue;
		snprintf(
			detail, sizeof(detail), "%" PRIu64 " %s", after - before, counters[i].unit);
		event_emit(ve->manager, ve->name, counters[i].event, detail);
	}
}

static void look_at(struct ve *ve, bool quiet)
{
	struct usage now;
	struct error ignored = { 0 };

	if (usage_follow(ve->manager->tree, ve->name, clock_monotonic_ms(), &ve->usage, &now,
		    &ignored) < 0)
		return;
	if (!quiet)
		compare(ve, &now);
	ve->seen = now;
}

static void look(struct manager *manager, bool quiet)
{
	for (size_t i = 0; i < manager->ves->n; i++)
		if (ve_alive(manager->ves->ve[i]))
			look_at(manager->ves->ve[i], quiet);
}

void event_look_last(struct ve *ve)
{
	const struct event_hub *hub = ve->manager->events;

	ve->usage.looked_ms = 0; /* not long ago is too long ago: there is no later look */
	if (hub && !LIST_EMPTY(&hub->listeners))
		look_at(ve, false);
}

static int on_timer(struct loop *loop, void *data)
{
	struct event_hub *hub = data;
	struct error err = { 0 };

	if (LIST_EMPTY(&hub->listeners)) {
		loop_remove(hub->timer);
		hub->timer = NULL;
		return 0;
	}
	look(hub->manager, false);
	return loop_set_timer(hub->timer, LOOK_MS, &err);
}

static void on_hung_up(struct call *call)
{
	listener_free(call->data);
	call_reply(call, NULL);
}

void event_listen(struct call *call)
{
	struct event_hub *hub = call->manager->events;
	struct listener *listener;
	struct error err = { 0 };

	listener = calloc(1, sizeof(*listener));
	if (!listener || (!hub->timer && loop_add_timer(hub->manager->loop, LOOK_MS, on_timer, hub,
						 &hub->timer, &err) < 0)) {
		free(listener);
		error_memory(&err);
		call_fail(call, &err);
		return;
	}
	if (LIST_EMPTY(&hub->listeners))
		look(hub->manager, true);
	listener->call = call;
	call->data = listener;
	call->hung_up = on_hung_up;
	LIST_INSERT_HEAD(&hub->listeners, listener, link);
}

int event_hub_new(struct manager *manager, struct event_hub **ret, struct error *err)
{
	struct event_hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return error_memory(err);
	hub->manager = manager;
	LIST_INIT(&hub->listeners);
	*ret = hub;
	return 0;
}

/* Its listeners hang up first: the server is freed before. */
void event_hub_free(struct event_hub *hub)
{
	if (!hub)
		return;
	loop_remove(hub->timer);
	free(hub);
}
