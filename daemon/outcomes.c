/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * outcomes.c - what came of each VE in a request for many.
 */
#include "outcomes.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/call.h"
#include "daemon/operation.h"

struct listener {
	LIST_ENTRY(listener) link;
	struct call *call;
};

struct outcomes {
	struct json *all; /* for those who hear the last reply only */
	size_t pending;
	bool closed;
	void (*on_over)(void *data);
	void *data;
	LIST_HEAD(, listener) listeners;
};

int outcomes_new(struct outcomes **ret, struct error *err)
{
	struct outcomes *outcomes = calloc(1, sizeof(*outcomes));

	if (!outcomes)
		return error_memory(err);
	outcomes->all = json_new_array();
	LIST_INIT(&outcomes->listeners);
	*ret = outcomes;
	return 0;
}

static struct call *listener_free(struct listener *listener)
{
	struct call *call = listener->call;

	LIST_REMOVE(listener, link);
	free(listener);
	call->hung_up = NULL;
	return call;
}

/* Nobody else ends the call of a client that is gone. */
static void on_hung_up(struct call *call)
{
	call_reply(listener_free(call->data), NULL);
}

void outcomes_listen(struct outcomes *outcomes, struct call *call)
{
	struct listener *listener;
	struct error err = { 0 };

	if (!call)
		return;
	listener = calloc(1, sizeof(*listener));
	if (!listener) {
		error_memory(&err);
		call_fail(call, &err);
		return;
	}
	listener->call = call;
	call->data = listener;
	call->hung_up = on_hung_up;
	LIST_INSERT_HEAD(&outcomes->listeners, listener, link);
}

void outcomes_expect(struct outcomes *outcomes, struct operation *op)
{
	op->outcomes = outcomes;
	outcomes->pending++;
}

void outcomes_forget(struct operation *op)
{
	if (op->outcomes)
		op->outcomes->pending--;
	op->outcomes = NULL;
}

void outcomes_on_over(struct outcomes *outcomes, void (*fn)(void *data), void *data)
{
	outcomes->on_over = fn;
	outcomes->data = data;
}

size_t outcomes_pending(const struct outcomes *outcomes)
{
	return outcomes->pending;
}

static void free_if_over(struct outcomes *outcomes)
{
	if (!outcomes->closed || outcomes->pending > 0)
		return;
	if (outcomes->on_over)
		outcomes->on_over(outcomes->data);
	while (!LIST_EMPTY(&outcomes->listeners)) {
		struct call *call = listener_free(LIST_FIRST(&outcomes->listeners));
		struct json *reply = json_new_object();

		json_set(reply, "outcomes",
			call->request.more ? json_new_array() : json_copy(outcomes->all));
		call_reply(call, reply);
	}
	json_free(outcomes->all);
	free(outcomes);
}

void outcomes_tell(struct operation *op, const struct error *err)
{
	struct outcomes *outcomes = op->outcomes;
	struct listener *listener;
	struct json *outcome;

	if (!outcomes)
		return;
	op->outcomes = NULL;
	outcomes->pending--;
	outcome = json_new_object();
	json_set_string(outcome, "name", op->name);
	json_set_int(outcome, "status", err ? (int64_t)(err->kind ? err->kind : ERROR_FAILED) : 0);
	json_set_bool(outcome, "forced", op->forced);
	if (err)
		call_put_message(outcome, err);
	else
		json_set_null(outcome, "message");
	LIST_FOREACH(listener, &outcomes->listeners, link)
	{
		struct json *reply = json_new_object();

		json_append(json_set_array(reply, "outcomes"), json_copy(outcome));
		call_progress(listener->call, reply);
	}
	json_append(outcomes->all, outcome);
	free_if_over(outcomes);
}

void outcomes_close(struct outcomes *outcomes)
{
	outcomes->closed = true;
	free_if_over(outcomes);
}

void outcomes_abandon(struct outcomes *outcomes, const struct error *err)
{
	outcomes->on_over = NULL;
	while (!LIST_EMPTY(&outcomes->listeners))
		call_fail(listener_free(LIST_FIRST(&outcomes->listeners)), err);
	outcomes_close(outcomes);
}
