/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op_start.c - a VE is started: the job runs up to an executed init, readiness comes by itself.
 */
#include <errno.h>

#include "base/array.h"
#include "base/json.h"
#include "daemon/claim.h"
#include "daemon/manager_data.h"
#include "daemon/operation_types.h"
#include "daemon/readiness.h"
#include "daemon/ve_table.h"
#include "daemon/wish.h"

#define DEATH_MS 30000 /* a killed VE that does not end: the kernel is stuck */

int start_allowed(const struct operation *op, struct error *err)
{
	if (op->ve->has_config && op->ve->config.settings.disabled)
		return error_refuse(
			err, ERROR_STATE, "it is disabled (vessel set %s --disabled no)", op->name);
	if (op->manager->shutdown)
		return error_refuse(err, ERROR_STATE, "all VEs are being shut down");
	return 0;
}

static int start_check(struct operation *op, struct error *err)
{
	int r = ve_check(op->ve, EVENT_START, err);

	return r < 0 ? r : start_allowed(op, err);
}

int phase_start_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;
	int r = ve_check(ve, EVENT_START, err);

	if (r == 0)
		r = start_allowed(op, err); /* again: a restart has waited for the end */
	if (r < 0)
		return r;
	/* Addresses wished for before there was a network: the job stores them. */
	r = claim_start(op->manager, ve, &ve->config.settings, err);
	if (r == 0)
		r = wish_check_rates(&ve->config.settings, UINT64_MAX, err);
	if (r == 0)
		r = config_copy(&op->config, &ve->config, err);
	if (r < 0)
		return r;
	ve->helper = false;
	ve_move(ve, EVENT_START);
	op->starting = true;
	op->has_config = true;
	op->config.run = true;
	return operation_job(op, "start", NULL, &op->config, err);
}

/* An init that has died before its job was heard is a failed start. */
int phase_start_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	struct ve *ve = op->ve;

	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	if (ve->ended)
		return readiness_error(ve, err);
	ve->config.run = true; /* the job has stored it, and nothing else of ours */
	ve_await_ready(ve);
	return PHASE_DONE;
}

int kill_and_wait(struct operation *op, struct error *err)
{
	int r = ve_kill(op->ve, err);

	if (r == 0)
		r = operation_timer(op, DEATH_MS, err);
	return r < 0 ? r : PHASE_WAIT;
}

int death_overdue(struct error *err)
{
	return error_set(err, ETIMEDOUT, "it was killed and does not end");
}

/* Nothing of a failed launch is left, as long as it could finish; what was killed, or had an init
 * already, is cleared away like any VE that has ended. */
static int unwind_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;

	if (ve_alive(ve))
		return kill_and_wait(op, err);
	if (ve->ended || op->job_died)
		return phase_reclaim_begin(op, err);
	ve_move(ve, EVENT_END);
	return PHASE_DONE;
}

static int unwind_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind == OCCUR_TIMER)
		return death_overdue(err);
	if (what->kind == OCCUR_END && !op->job) {
		operation_timer_off(op);
		return phase_reclaim_begin(op, err);
	}
	return what->kind == OCCUR_JOB ? phase_reclaim_occur(op, what, err) : PHASE_WAIT;
}

const struct phase phase_start_unwind = { unwind_begin, unwind_occur };

/* A client that waits for readiness is answered then; the operation is over now. */
void start_finish(struct operation *op, const struct error *err)
{
	struct ve *ve = op->ve;

	if (!ve->ended) /* else the operation after its end goes on with it */
		ve_hint_set_restarting(ve, false);
	if (err || !op->wait)
		return;
	readiness_wait(ve, op->call, op->type->verb, op->timeout,
		op->type->reply ? op->type->reply(op) : NULL);
	op->call = NULL;
	if (ve->state == VE_RUNNING)
		readiness_reached(ve);
}

static const struct phase start_phases[] = {
	{ phase_start_begin, phase_start_occur },
};

const struct operation_type operation_start = {
	.verb = "start",
	.check = start_check,
	.phases = start_phases,
	.n_phases = ARRAY_SIZE(start_phases),
	.unwind = &phase_start_unwind,
	.finish = start_finish,
};
