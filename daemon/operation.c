/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * operation.c - a changing request on its way: the queue of each VE and the walk through the
 * phases.
 */
#include "operation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/inside_run.h"
#include "daemon/manager_data.h"
#include "daemon/network.h"
#include "daemon/operation_types.h"
#include "daemon/outcomes.h"
#include "daemon/protocol.h"
#include "daemon/recovery.h"
#include "daemon/shutdown.h"
#include "daemon/ve_table.h"

/* Operations of no VE, for the end of the manager only. */
struct operation_list {
	struct operation_queue free_standing;
};

static void advance(struct operation *op, int r, struct error *err);

int operation_list_new(struct operation_list **ret, struct error *err)
{
	struct operation_list *list = calloc(1, sizeof(*list));

	if (!list)
		return error_memory(err);
	TAILQ_INIT(&list->free_standing);
	*ret = list;
	return 0;
}

void operation_list_free(struct operation_list *list)
{
	free(list);
}

struct operation *operation_new(struct manager *manager, const struct operation_type *type,
	struct ve *ve, const char *name, struct call *call, struct error *err)
{
	struct operation *op = calloc(1, sizeof(*op));

	if (!op) {
		error_memory(err);
		return NULL;
	}
	*op = (struct operation){
		.manager = manager,
		.type = type,
		.ve = ve,
		.call = call,
		.internal = !call,
		.since = clock_now(),
		.begun_ms = clock_monotonic_ms(),
		.timeout = -1,
		.fd = -1,
		.pipe_fd = -1,
	};
	if (call)
		op->caller = call->caller;
	snprintf(op->name, sizeof(op->name), "%s", ve ? ve->name : name);
	return op;
}

/* What its call and its VE get is settled before. */
static void operation_free(struct operation *op)
{
	if (op->job)
		job_list_forget(op->manager->jobs, op->job);
	inside_free(op->inside);
	loop_remove(op->timer);
	close_fd(&op->fd);
	close_fd(&op->pipe_fd);
	if (op->has_config)
		config_done(&op->config);
	if (op->password)
		explicit_bzero(op->password, strlen(op->password));
	free(op->password);
	free(op->ssh_key);
	free(op->log_detail);
	json_free(op->extra);
	free(op);
}

static void log_result(const struct operation *op, const struct error *err)
{
	uint64_t ms = clock_monotonic_ms() - op->begun_ms;
	cleanup_text struct text who;

	text_init(&who);
	if (op->type->quiet && !err)
		return;
	if (op->internal)
		text_add(&who, "vesseld");
	else
		text_format(&who, "uid %u, pid %d, login %jd", (unsigned int)op->caller.uid,
			(int)op->caller.pid, (intmax_t)op->caller.login);
	if (err)
		log_line(op->internal ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "%s: %s: %s (%s)",
			op->name, op->type->verb, err->text, who.data);
	else
		log_line(LOG_LEVEL_INFO, "%s: %s: done in %ju.%ju s (%s)%s%s", op->name,
			op->type->verb, (uintmax_t)ms / 1000, (uintmax_t)ms % 1000 / 100, who.data,
			op->log_detail ? " " : "", op->log_detail ? op->log_detail : "");
}

static void wrap(const struct operation *op, struct error *err)
{
	if (!op->whole)
		error_wrap(err, "cannot %s %s", op->type->verb, op->name);
}

static void answer(struct operation *op, const struct error *err)
{
	struct call *call = op->call;

	outcomes_tell(op, err);
	op->call = NULL;
	if (!call)
		return;
	if (err)
		call_fail(call, err);
	else
		call_reply(call, op->type->reply ? op->type->reply(op) : NULL);
}

void operation_refuse(struct operation *op, const struct error *err)
{
	struct error whole = *err;

	wrap(op, &whole);
	log_result(op, &whole);
	answer(op, &whole);
	operation_free(op);
}

struct call *operation_withdraw(struct operation *op)
{
	struct call *call = take_ptr(&op->call);

	operation_free(op);
	return call;
}

static void detach(struct operation *op)
{
	if (!op->ve)
		TAILQ_REMOVE(&op->manager->operations->free_standing, op, link);
	else if (op->ve->current == op)
		op->ve->current = NULL;
}

static void finish(struct operation *op, struct error *err)
{
	struct manager *manager = op->manager;
	char name[NAME_LENGTH + 1];
	bool of_ve = op->ve != NULL;
	struct ve *ve;

	detach(op);
	if (of_ve && op->job_lost)
		op->ve->net_unsettled = true;
	if (err)
		wrap(op, err);
	log_result(op, err);
	if (op->type->finish)
		op->type->finish(op, err);
	if (err && of_ve && op->job_lost)
		recovery_look(manager, take_ptr(&op->ve));
	answer(op, err);
	snprintf(name, sizeof(name), "%s", op->name); /* finish() has followed a rename */
	operation_free(op);
	ve = of_ve ? ve_table_find(manager->ves, name) : NULL;
	if (ve) {
		network_settled(ve);
		operation_next(ve);
	}
	shutdown_look(manager);
}

/* A failure goes through the unwinding phase first; what fails there is for the log. */
static void fail(struct operation *op, struct error *err)
{
	struct error later = { 0 };
	int r;

	operation_timer_off(op);
	if (op->unwinding) {
		log_line(LOG_LEVEL_WARNING, "%s: %s: while undoing: %s", op->name, op->type->verb,
			err->text);
		finish(op, &op->failure);
		return;
	}
	op->failure = *err;
	if (!op->type->unwind) {
		finish(op, &op->failure);
		return;
	}
	wrap(op, &op->failure);
	op->whole = true;
	op->unwinding = true;
	op->step = 0;
	r = op->type->unwind->begin(op, &later);
	if (r != PHASE_WAIT)
		advance(op, r, &later);
}

static void advance(struct operation *op, int r, struct error *err)
{
	while (r == PHASE_DONE) {
		operation_timer_off(op);
		op->step = 0;
		if (op->unwinding) {
			finish(op, &op->failure);
			return;
		}
		if (op->phase == op->type->n_phases) {
			finish(op, NULL);
			return;
		}
		r = op->type->phases[op->phase++].begin(op, err);
	}
	if (r < 0)
		fail(op, err);
}

static const struct phase *present(const struct operation *op)
{
	return op->unwinding ? op->type->unwind : &op->type->phases[op->phase - 1];
}

static void occur(struct operation *op, const struct occurrence *what)
{
	const struct phase *phase = present(op);
	struct error err = { 0 };
	int r = PHASE_WAIT;

	op->acted = true;
	if (phase->occur)
		r = phase->occur(op, what, &err);
	else if (what->kind == OCCUR_JOB)
		r = PHASE_DONE;
	if (r != PHASE_WAIT)
		advance(op, r, &err);
}

static void begin(struct operation *op)
{
	struct error err = { 0 };
	int r = 0;

	if (op->type->check)
		r = op->type->check(op, &err);
	if (r < 0)
		finish(op, &err);
	else if (r > 0)
		finish(op, NULL);
	else
		advance(op, PHASE_DONE, &err);
}

void operation_next(struct ve *ve)
{
	struct operation *op = TAILQ_FIRST(&ve->queue);

	if (ve->current)
		return;
	if (ve->ended && (!op || op->type != &operation_end)) {
		operation_submit_own(ve->manager, &operation_end, ve);
		return;
	}
	if (!op || (ve->unborn && ve_alive(ve)))
		return; /* or its end is awaited, to throw it away (recovery.c) */
	TAILQ_REMOVE(&ve->queue, op, link);
	ve->current = op;
	begin(op);
}

struct json *operation_busy(const struct ve *ve)
{
	const struct operation *op = ve->current;
	struct json *busy;
	char time[FORMAT_TIME];

	if (!op)
		return NULL;
	busy = json_new_object();
	json_set_string(busy, "command", op->type->verb);
	json_set_string(busy, "since", format_time_utc(op->since, time));
	json_set_int(busy, "uid", op->caller.uid);
	return busy;
}

static void tell_busy(struct operation *op)
{
	struct json *reply;

	if (!op->ve->current)
		return;
	reply = json_new_object();
	json_set(reply, "busy", operation_busy(op->ve));
	call_progress(op->call, reply);
}

/* Nobody is asked and nothing is waited for; what is under way will see that its VE is gone. */
static void preempt(struct operation *op)
{
	struct operation *current = op->ve->current;
	struct error err = { 0 };

	op->preempted = current != NULL || ve_alive(op->ve);
	if (current && current->starting && current->job && !current->unwinding)
		job_list_cancel(op->manager->jobs, current->job);
	if (op->preempted && ve_kill(op->ve, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: %s", op->name, err.text);
}

void operation_submit(struct operation *op)
{
	if (!op->ve) {
		TAILQ_INSERT_TAIL(&op->manager->operations->free_standing, op, link);
		begin(op);
		return;
	}
	tell_busy(op);
	if (op->force) {
		preempt(op);
		TAILQ_INSERT_HEAD(&op->ve->queue, op, link);
	} else {
		TAILQ_INSERT_TAIL(&op->ve->queue, op, link);
	}
	operation_next(op->ve);
}

void operation_submit_own(struct manager *manager, const struct operation_type *type, struct ve *ve)
{
	struct error err = { 0 };
	struct operation *op = operation_new(manager, type, ve, "", NULL, &err);

	if (!op) {
		log_line(LOG_LEVEL_ERROR, "%s: %s", ve->name, err.text);
		return;
	}
	TAILQ_INSERT_HEAD(&ve->queue, op, link);
	operation_next(ve);
}

static void on_job(struct manager *manager, const struct message *message, void *data)
{
	struct operation *op = data;
	struct occurrence what = { .kind = OCCUR_JOB, .message = message };
	struct error err = message->error;

	if (message->type == KEEPER_JOB_PROGRESS) {
		struct json *reply = json_new_object();
		struct json *progress = json_set_object(reply, "progress");

		json_set_int(progress, "done", (int64_t)message->done);
		json_set_int(progress, "total", (int64_t)message->total);
		call_progress(op->call, reply);
		return;
	}
	op->job = 0;
	op->job_died = !WIFEXITED(message->status);
	op->job_lost = op->job_lost || op->job_died;
	/* A job that tells its own failure says what it could not do: job.c. */
	if (!op->unwinding)
		op->whole =
			WIFEXITED(message->status) && WEXITSTATUS(message->status) == EXIT_FAILURE;
	snprintf(op->text, sizeof(op->text), "%s", message->text);
	if (err.code == 0) {
		occur(op, &what);
		return;
	}
	fail(op, &err);
}

int operation_job_fds(struct operation *op, const char *job, struct json *spec,
	const struct ve_config *config, const int *fds, size_t n_fds, struct error *err)
{
	struct job_order order = {
		.operation = job,
		.name = op->name[0] ? op->name : NULL,
		.spec = spec ? spec : json_new_object(),
		.fds = fds,
		.n_fds = n_fds,
		.uid = op->caller.uid,
		.fn = on_job,
		.data = op,
	};
	int r;

	if (config)
		json_set(order.spec, "config", config_to_json(config));
	r = job_list_run(op->manager->jobs, &order, &op->job, err);
	return r < 0 ? r : PHASE_WAIT;
}

int operation_job(struct operation *op, const char *job, struct json *spec,
	const struct ve_config *config, struct error *err)
{
	return operation_job_fds(op, job, spec, config, NULL, 0, err);
}

static int on_timer(struct loop *loop, void *data)
{
	struct operation *op = data;

	occur(op, &(struct occurrence){ .kind = OCCUR_TIMER });
	return 0;
}

int operation_timer(struct operation *op, uint64_t milliseconds, struct error *err)
{
	if (op->timer)
		return loop_set_timer(op->timer, milliseconds, err);
	return loop_add_timer(op->manager->loop, milliseconds, on_timer, op, &op->timer, err);
}

void operation_timer_off(struct operation *op)
{
	loop_remove(op->timer);
	op->timer = NULL;
}

void operation_occur(struct ve *ve, enum occurrence_kind kind, int status)
{
	if (ve->current)
		occur(ve->current, &(struct occurrence){ .kind = kind, .status = status });
	else
		operation_next(ve);
}

void operation_inside_ended(struct operation *op, int status)
{
	occur(op, &(struct occurrence){ .kind = OCCUR_INSIDE, .status = status });
}

void operation_job_over(struct operation *op)
{
	op->job = 0;
	if (op->phase == 0)
		return; /* it waits for its turn, and then for no job */
	occur(op, &(struct occurrence){ .kind = OCCUR_JOB });
}

/* A job that waits for room goes with us; before the first there was nothing but looking. */
static bool has_begun(const struct operation *op)
{
	if (op->acted || op->unwinding)
		return true;
	return op->phase > 0 && (!op->job || job_list_sent(op->manager->jobs, op->job));
}

static void drop(struct operation *op)
{
	struct error err = { 0 };

	error_refuse(&err, ERROR_DENIED,
		has_begun(op) ? "vesseld ends; what has begun goes on (see vessel list)"
			      : "vesseld ends; this has not begun");
	answer(op, &err);
	operation_free(op);
}

void operation_drop_all(struct manager *manager)
{
	struct operation *op;

	for (size_t i = 0; manager->ves && i < manager->ves->n; i++) {
		struct ve *ve = manager->ves->ve[i];

		while ((op = TAILQ_FIRST(&ve->queue))) {
			TAILQ_REMOVE(&ve->queue, op, link);
			drop(op);
		}
		if (ve->current)
			drop(ve->current);
		ve->current = NULL;
	}
	while (manager->operations && (op = TAILQ_FIRST(&manager->operations->free_standing))) {
		TAILQ_REMOVE(&manager->operations->free_standing, op, link);
		drop(op);
	}
}
