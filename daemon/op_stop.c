/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op_stop.c - a VE ends: asked in its own way, then by force; and what is left is cleared away.
 *
 *   stop:     thaw --> ask, wait, force --> reclaim
 *   shutdown: the same, and it stays meant to run
 *   restart:  thaw --> ask, wait, force --> reclaim --> start
 *   destroy:           kill, wait       --> destroy
 *   end:                                    reclaim --> start again, if the guest rebooted
 */
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "daemon/ask.h"
#include "daemon/manager_data.h"
#include "daemon/operation_types.h"
#include "daemon/readiness.h"
#include "daemon/recovery.h"
#include "daemon/shutdown.h"
#include "daemon/ve_table.h"

#define TICK_MS 250 /* an init that cannot hear yet is asked again */

/* A guest that does nothing but reboot must not keep us from others, nor fill the log. */
#define SHORT_LIFE_S    5
#define SHORT_LIVES_MAX 3 /* in a row, started again at once */
#define PAUSE_MS        1000

static int stop_check(struct operation *op, struct error *err)
{
	int r;

	op->keep_run = op->type != &operation_stop;
	if (op->force && op->preempted && !ve_alive(op->ve) && !op->ve->ended) {
		op->forced = true;
		return 1; /* by our own force, while we waited for our turn */
	}
	if (op->type == &operation_shutdown && !ve_alive(op->ve) && !op->ve->ended)
		return 1; /* somebody else has stopped it */
	if (op->ve->state == VE_BROKEN && ve_alive(op->ve))
		return 0;
	r = ve_check(op->ve, op->force ? EVENT_KILL : EVENT_STOP, err);
	return r == 0 && op->type == &operation_restart ? start_allowed(op, err) : r;
}

static int thaw_begin(struct operation *op, struct error *err)
{
	if (op->ve->state != VE_PAUSED || op->force)
		return PHASE_DONE;
	return operation_job(op, "thaw", NULL, NULL, err);
}

static int force(struct operation *op, struct error *err)
{
	int r = kill_and_wait(op, err);

	if (!op->force)
		log_line(LOG_LEVEL_INFO, "%s: did not stop when asked: by force", op->name);
	op->forced = true;
	op->deadline_ms = 0;
	return r < 0 ? r : 0;
}

static int ask(struct operation *op, struct error *err)
{
	int r;

	if (op->step > 0)
		return 0;
	r = ask_to_stop(op, err);
	if (r == ASK_IN_VAIN)
		return force(op, err);
	op->step = r == ASK_DONE;
	return r < 0 ? r : 0;
}

static int ask_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;
	uint64_t seconds = ve->config.settings.stop_timeout;
	int r;

	if (op->timeout >= 0 && op->type != &operation_restart) /* there it is for readiness */
		seconds = (uint64_t)op->timeout;
	if (op->type == &operation_restart)
		ve_hint_set_restarting(ve, true);
	if (!ve_alive(ve))
		return PHASE_DONE;
	ve_move(ve, op->force ? EVENT_KILL : EVENT_STOP);
	op->deadline_ms = clock_monotonic_ms() + seconds * 1000;
	r = op->force || seconds == 0 ? force(op, err) : ask(op, err);
	if (r == 0 && op->deadline_ms)
		r = operation_timer(op, seconds * 1000 < TICK_MS ? seconds * 1000 : TICK_MS, err);
	return r < 0 ? r : PHASE_WAIT;
}

static int ask_timer(struct operation *op, struct error *err)
{
	uint64_t now = clock_monotonic_ms();
	int r;

	if (!op->deadline_ms)
		return death_overdue(err);
	if (now >= op->deadline_ms)
		return force(op, err);
	r = ask(op, err);
	if (r < 0 || !op->deadline_ms)
		return r;
	return operation_timer(op,
		op->step > 0 || op->deadline_ms - now < TICK_MS ? op->deadline_ms - now : TICK_MS,
		err);
}

static int ask_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	int r = 0;

	if (op->ve->ended)
		return PHASE_DONE;
	if (what->kind == OCCUR_TIMER)
		r = ask_timer(op, err);
	else if (what->kind == OCCUR_INSIDE && what->status != 0 && op->deadline_ms)
		r = force(op, err); /* the guest's own tool is not there, or refuses */
	return r < 0 ? r : PHASE_WAIT;
}

int phase_reclaim_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;
	struct ve_config config;
	struct json *spec;
	int r;

	if (!ve->ended && !op->unwinding)
		return PHASE_DONE;
	if (!ve->has_config)
		return operation_job(op, "reclaim", NULL, NULL, err);
	r = config_copy(&config, &ve->config, err);
	if (r < 0)
		return r;
	if (!ve->helper) {
		/* What we have killed of a start that failed was no run. */
		if (ve->ended && !(op->unwinding && ve->killed))
			config.exit = ve_exit_of(ve);
		config.run = op->keep_run;
	}
	spec = json_new_object();
	json_set_int(spec, "pids_hits", (int64_t)ve->usage.hits);
	r = operation_job(op, "reclaim", spec, &config, err);
	config_done(&config);
	return r;
}

/* Whoever waits for it to be ready is told how it ended. */
static void reclaimed(struct ve *ve)
{
	struct error died = { 0 };

	if (!TAILQ_EMPTY(&ve->waiters))
		(void)readiness_error(ve, &died);
	ve_reclaimed(ve);
	if (died.code)
		readiness_failed(ve, &died);
}

int phase_reclaim_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	struct ve *ve = op->ve;

	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	reclaimed(ve);
	if (ve->has_config)
		ve_load(ve); /* the job has counted the totals */
	return PHASE_DONE;
}

static struct json *stop_reply(struct operation *op)
{
	struct json *reply = json_new_object();

	json_set_bool(reply, "forced", op->forced);
	return reply;
}

static const struct phase stop_phases[] = {
	{ thaw_begin, NULL },
	{ ask_begin, ask_occur },
	{ phase_reclaim_begin, phase_reclaim_occur },
};

const struct operation_type operation_stop = {
	.verb = "stop",
	.check = stop_check,
	.phases = stop_phases,
	.n_phases = ARRAY_SIZE(stop_phases),
	.reply = stop_reply,
};

const struct operation_type operation_shutdown = {
	.verb = "stop",
	.check = stop_check,
	.phases = stop_phases,
	.n_phases = ARRAY_SIZE(stop_phases),
	.finish = shutdown_told,
};

static const struct phase restart_phases[] = {
	{ thaw_begin, NULL },
	{ ask_begin, ask_occur },
	{ phase_reclaim_begin, phase_reclaim_occur },
	{ phase_start_begin, phase_start_occur },
};

/* What failed before the start leaves the VE as it is: there is nothing to unwind. */
static int restart_unwind(struct operation *op, struct error *err)
{
	op->keep_run = false;
	return op->phase == ARRAY_SIZE(restart_phases) ? phase_start_unwind.begin(op, err)
						       : PHASE_DONE;
}

static int restart_unwind_occur(
	struct operation *op, const struct occurrence *what, struct error *err)
{
	return phase_start_unwind.occur(op, what, err);
}

static const struct phase phase_restart_unwind = { restart_unwind, restart_unwind_occur };

const struct operation_type operation_restart = {
	.verb = "restart",
	.check = stop_check,
	.phases = restart_phases,
	.n_phases = ARRAY_SIZE(restart_phases),
	.unwind = &phase_restart_unwind,
	.finish = start_finish,
	.reply = stop_reply,
};

static int destroy_check(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;

	if (ve->has_config && ve->config.settings.protect)
		return error_refuse(
			err, ERROR_STATE, "it is protected (vessel set %s --protect no)", op->name);
	if (ve->unborn)
		return error_refuse(err, ERROR_STATE, "it is being created");
	if (ve_alive(ve) && !op->force)
		return error_refuse(
			err, ERROR_STATE, "it is %s (stop it, or --force)", state_name(ve->state));
	return 0;
}

static int destroy_begin(struct operation *op, struct error *err)
{
	const struct ve *ve = op->ve;

	return operation_job(
		op, "destroy", NULL, ve->ended && ve->has_config ? &ve->config : NULL, err);
}

static int destroy_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	if (op->ve->ended)
		reclaimed(op->ve);
	return PHASE_DONE;
}

static void destroy_finish(struct operation *op, const struct error *err)
{
	struct ve *ve = op->ve;
	struct manager *manager = op->manager;
	struct operation *other;
	struct error gone = { 0 };

	if (err)
		return;
	error_refuse(&gone, ERROR_NOT_FOUND, "it has been destroyed");
	while ((other = TAILQ_FIRST(&ve->queue))) {
		TAILQ_REMOVE(&ve->queue, other, link);
		operation_refuse(other, &gone);
	}
	ve_hint_remove(manager, ve->name);
	ve_table_remove(manager->ves, ve);
	op->ve = NULL;
	collect_later(manager);
}

/* There is no undelete: the log keeps what it was. */
static int destroy_note(struct operation *op, struct error *err)
{
	struct json *record = op->ve->has_config ? config_to_json(&op->ve->config) : NULL;

	if (record)
		(void)json_print(record, false, &op->log_detail);
	json_free(record);
	return PHASE_DONE;
}

static const struct phase destroy_phases[] = {
	{ ask_begin, ask_occur },
	{ destroy_note, NULL },
	{ destroy_begin, destroy_occur },
};

const struct operation_type operation_destroy = {
	.verb = "destroy",
	.check = destroy_check,
	.phases = destroy_phases,
	.n_phases = ARRAY_SIZE(destroy_phases),
	.finish = destroy_finish,
};

/* What runs in place of init has no wish of its own. */
static bool stays_meant(const struct ve *ve)
{
	return !ve->helper && ve->config.run;
}

/* The guest has rebooted, or a restart of ours was cut short. */
static bool again(const struct ve *ve, const struct ve_exit *end)
{
	if (ve->config.settings.disabled)
		return false;
	return ve->restarting || (stays_meant(ve) && end->how[0] == 'r' && !ve->killed);
}

static int end_check(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;
	struct ve_exit end = ve_exit_of(ve);

	if (!ve->ended)
		return 1;
	op->keep_run =
		ve->has_config && (again(ve, &end) || (stays_meant(ve) && op->manager->shutdown));
	ve_hint_set_restarting(ve, op->keep_run && !op->manager->shutdown);
	ve->short_lives = end.time - ve->started < SHORT_LIFE_S ? ve->short_lives + 1 : 0;
	if (!ve->helper)
		log_line(LOG_LEVEL_INFO, "%s: ended: %s %d", ve->name, end.how, end.status);
	return 0;
}

static int pause_begin(struct operation *op, struct error *err)
{
	int r;

	if (!op->keep_run || op->ve->short_lives <= SHORT_LIVES_MAX)
		return PHASE_DONE;
	r = operation_timer(op, PAUSE_MS, err);
	return r < 0 ? r : PHASE_WAIT;
}

static int pause_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	return what->kind == OCCUR_TIMER ? PHASE_DONE : PHASE_WAIT;
}

static int again_begin(struct operation *op, struct error *err)
{
	if (!op->keep_run || op->ve->state != VE_STOPPED || op->manager->shutdown)
		return PHASE_DONE;
	return phase_start_begin(op, err);
}

static const struct phase end_phases[] = {
	{ phase_reclaim_begin, phase_reclaim_occur },
	{ pause_begin, pause_occur },
	{ again_begin, phase_start_occur },
};

static int end_unwind(struct operation *op, struct error *err)
{
	op->keep_run = false;
	if (op->phase == ARRAY_SIZE(end_phases))
		return phase_start_unwind.begin(op, err);
	if (op->job_died && !op->ve->reclaim_lost) {
		op->ve->reclaim_lost = true;
		return PHASE_DONE; /* still ended: the next operation is this one again */
	}
	reclaimed(op->ve); /* its record could not be written: what ran is over all the same */
	return PHASE_DONE;
}

static const struct phase phase_end_unwind = { end_unwind, restart_unwind_occur };

static void end_finish(struct operation *op, const struct error *err)
{
	if (!op->ve->ended)
		ve_hint_set_restarting(op->ve, false);
	if (op->ve->unborn)
		recovery_settle(take_ptr(&op->ve)); /* may free it */
}

const struct operation_type operation_end = {
	.verb = "clear away",
	.check = end_check,
	.phases = end_phases,
	.n_phases = ARRAY_SIZE(end_phases),
	.unwind = &phase_end_unwind,
	.finish = end_finish,
	.quiet = true,
};
