/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op_change.c - operations of one job: pause, resume, rename; and what an earlier manager began.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/operation_types.h"
#include "daemon/protocol.h"
#include "daemon/recovery.h"
#include "daemon/ve_table.h"

static int pause_check(struct operation *op, struct error *err)
{
	return ve_check(op->ve, EVENT_PAUSE, err);
}

static int pause_begin(struct operation *op, struct error *err)
{
	return operation_job(op, "freeze", NULL, NULL, err);
}

static int pause_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	if (op->ve->ended)
		return error_refuse(err, ERROR_STATE, "it has ended meanwhile");
	ve_move(op->ve, EVENT_PAUSE);
	return PHASE_DONE;
}

static const struct phase pause_phases[] = { { pause_begin, pause_occur } };

const struct operation_type operation_pause = {
	.verb = "pause",
	.check = pause_check,
	.phases = pause_phases,
	.n_phases = ARRAY_SIZE(pause_phases),
};

static int resume_check(struct operation *op, struct error *err)
{
	return ve_check(op->ve, EVENT_RESUME, err);
}

static int resume_begin(struct operation *op, struct error *err)
{
	return operation_job(op, "thaw", NULL, NULL, err);
}

static int resume_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	ve_move(op->ve, EVENT_RESUME);
	return PHASE_DONE;
}

static const struct phase resume_phases[] = { { resume_begin, resume_occur } };

const struct operation_type operation_resume = {
	.verb = "resume",
	.check = resume_check,
	.phases = resume_phases,
	.n_phases = ARRAY_SIZE(resume_phases),
};

static int rename_check(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;

	if (ve_alive(ve) || (ve->state != VE_STOPPED && ve->state != VE_BROKEN))
		return error_refuse(err, ERROR_STATE, "it is %s (vessel stop %s)",
			state_name(ve->state), ve->name);
	if (ve_table_taken(op->manager->ves, op->new_name))
		return error_refuse(err, ERROR_STATE, "%s exists", op->new_name);
	snprintf(ve->reserved, sizeof(ve->reserved), "%s", op->new_name);
	return 0;
}

static int rename_begin(struct operation *op, struct error *err)
{
	struct json *spec = json_new_object();

	json_set_string(spec, "new_name", op->new_name);
	return operation_job(op, "rename", spec, NULL, err);
}

static void rename_finish(struct operation *op, const struct error *err)
{
	struct ve *ve = op->ve;
	struct message message = { .type = MANAGER_RENAME };
	struct operation *other;
	struct error ignored = { 0 }; /* the keeper's log of a stopped VE: nothing is lost */

	if (strcmp(ve->reserved, op->new_name) == 0)
		ve->reserved[0] = '\0';
	if (err)
		return;
	snprintf(message.name, sizeof(message.name), "%s", ve->name);
	snprintf(message.new_name, sizeof(message.new_name), "%s", op->new_name);
	(void)mailbox_send(op->manager->mailbox, &message, NULL, 0, &ignored);
	ve_table_rename(op->manager->ves, ve, op->new_name);
	snprintf(op->name, sizeof(op->name), "%s", op->new_name);
	TAILQ_FOREACH(other, &ve->queue, link) /* they asked for this VE, whatever its name */
	snprintf(other->name, sizeof(other->name), "%s", op->new_name);
}

static const struct phase rename_phases[] = { { rename_begin, NULL } };

const struct operation_type operation_rename = {
	.verb = "rename",
	.check = rename_check,
	.phases = rename_phases,
	.n_phases = ARRAY_SIZE(rename_phases),
	.finish = rename_finish,
};

/* A job of an earlier manager: whatever came of it is on disk and with the keeper. */
static int adopted_begin(struct operation *op, struct error *err)
{
	return op->job ? PHASE_WAIT : PHASE_DONE;
}

static void adopted_finish(struct operation *op, const struct error *err)
{
	recovery_look(op->manager, take_ptr(&op->ve));
}

static const struct phase adopted_phases[] = { { adopted_begin, NULL } };

const struct operation_type operation_adopted = {
	.verb = "finish",
	.phases = adopted_phases,
	.n_phases = ARRAY_SIZE(adopted_phases),
	.finish = adopted_finish,
	.quiet = true,
};

/* A change of limits was cut short: the kernel gets what the record says. A start was, when its
 * init ran already: the record gets what is so. */
static int settle_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;
	struct json *spec;
	int r;

	if (!ve_alive(ve) || ve->helper || ve->state == VE_BROKEN ||
		(!ve->changing && ve->config.run))
		return PHASE_DONE;
	r = config_copy(&op->config, &ve->config, err);
	if (r < 0)
		return r;
	op->has_config = true;
	op->config.run = true;
	spec = json_new_object();
	json_set_int(spec, "live", (int64_t)ve->changing);
	json_set_bool(spec, "store", !ve->config.run);
	return operation_set_job(op, spec, err);
}

static int settle_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	ve_load(op->ve);
	return PHASE_DONE;
}

static void settle_finish(struct operation *op, const struct error *err)
{
	ve_hint_changing(op->ve, 0);
}

static const struct phase settle_phases[] = { { settle_begin, settle_occur } };

const struct operation_type operation_settle = {
	.verb = "settle",
	.phases = settle_phases,
	.n_phases = ARRAY_SIZE(settle_phases),
	.finish = settle_finish,
	.quiet = true,
};

static int console_begin(struct operation *op, struct error *err)
{
	if (!ve_alive(op->ve))
		return PHASE_DONE;
	return operation_job_fds(op, "console", NULL, NULL, &op->ve->pidfd, 1, err);
}

static const struct phase console_phases[] = { { console_begin, NULL } };

const struct operation_type operation_console = {
	.verb = "give a console to",
	.phases = console_phases,
	.n_phases = ARRAY_SIZE(console_phases),
	.quiet = true,
};
