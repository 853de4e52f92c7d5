/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op_create.c - a VE is made, or its record changed; both may hand it over with password and key.
 *
 * A create with a hand-over is several jobs: op.json says until the last of them that the VE is not
 * whole, and a manager that dies on the way leaves what collecting removes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/json.h"
#include "daemon/manager_data.h"
#include "daemon/operation_types.h"
#include "daemon/ve_table.h"
#include "daemon/wish.h"

static bool hands_over(const struct operation *op)
{
	return op->password || op->ssh_key;
}

static int create_begin(struct operation *op, struct error *err)
{
	struct json *spec = json_new_object();

	json_set_bool(spec, "keep_op", hands_over(op));
	return operation_job(op, "create", spec, &op->ve->config, err);
}

static int create_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	op->made = true;
	return PHASE_DONE;
}

static int commit_begin(struct operation *op, struct error *err)
{
	return hands_over(op) ? operation_job(op, "commit", NULL, NULL, err) : PHASE_DONE;
}

/* A job that was killed may have made it all the same. */
static bool is_made(const struct operation *op)
{
	char path[sizeof("ve/") + NAME_LENGTH];
	struct stat st;

	snprintf(path, sizeof(path), "ve/%s", op->name);
	return op->made || (op->job_lost && fstatat(op->manager->instance->state_fd, path, &st,
						    AT_SYMLINK_NOFOLLOW) == 0);
}

/* Whatever has been made is thrown away: first what runs in it, then its directory. */
static int uncreate_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;

	if (op->job)
		return PHASE_WAIT;
	if (ve_alive(ve))
		return kill_and_wait(op, err);
	operation_timer_off(op);
	if (op->step == 0 && (ve->ended || (ve->helper && op->job_died))) {
		op->step = 1;
		return operation_job(op, "reclaim", NULL, NULL, err);
	}
	ve->ended = false;
	if (!is_made(op) || op->step == 2)
		return PHASE_DONE;
	op->step = 2;
	return operation_job(op, "destroy", NULL, NULL, err);
}

static int uncreate_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind == OCCUR_TIMER)
		return death_overdue(err);
	if (what->kind == OCCUR_JOB && op->step == 1)
		ve_reclaimed(op->ve);
	return uncreate_begin(op, err);
}

static const struct phase phase_uncreate = { uncreate_begin, uncreate_occur };

static void create_finish(struct operation *op, const struct error *err)
{
	struct ve *ve = op->ve;
	struct manager *manager = op->manager;
	struct operation *other;

	if (!err) {
		ve->unborn = false;
		return;
	}
	while ((other = TAILQ_FIRST(&ve->queue))) {
		struct error gone = { 0 };

		error_refuse(&gone, ERROR_NOT_FOUND, "its create has failed");
		TAILQ_REMOVE(&ve->queue, other, link);
		operation_refuse(other, &gone);
	}
	ve_table_remove(manager->ves, ve);
	op->ve = NULL;
	collect_later(manager);
}

static const struct phase create_phases[] = {
	{ create_begin, create_occur },
	{ phase_password_begin, phase_tool_occur },
	{ phase_ssh_key_begin, phase_tool_occur },
	{ commit_begin, NULL },
};

const struct operation_type operation_create = {
	.verb = "create",
	.phases = create_phases,
	.n_phases = ARRAY_SIZE(create_phases),
	.unwind = &phase_uncreate,
	.finish = create_finish,
};

static int exists(struct operation *op, struct error *err)
{
	return error_refuse(err, ERROR_STATE, "it exists");
}

/* Waits while an earlier create of the name, which has lost its manager, is looked at. Its turn
 * comes where that VE is whole; where it is thrown away, recovery.c makes the call anew. */
const struct operation_type operation_create_again = {
	.verb = "create",
	.check = exists,
};

/* The job changes the link of a VE that has one, in its namespace; op_change.c settles likewise. */
int operation_set_job(struct operation *op, struct json *spec, struct error *err)
{
	struct ve *ve = op->ve;
	bool linked = ve_alive(ve) && ve->netns_fd >= 0 && ve->linked;

	return operation_job_fds(op, "set", spec, &op->config, &ve->netns_fd, linked, err);
}

static int set_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;
	struct json *spec;
	uint64_t live = 0;

	if (!op->has_config)
		return PHASE_DONE; /* a hand-over only */
	for (size_t i = 0; ve_alive(ve) && i < settings_count; i++)
		if (settings_table[i].live)
			live |= op->named & UINT64_C(1) << i;
	ve_hint_changing(ve, live);
	spec = json_new_object();
	json_set_int(spec, "live", (int64_t)live);
	json_set_bool(spec, "store", !op->live);
	return operation_set_job(op, spec, err);
}

static int set_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	struct ve *ve = op->ve;

	if (what->kind != OCCUR_JOB)
		return PHASE_WAIT;
	if (op->live)
		return PHASE_DONE;
	op->config.totals = ve->config.totals;
	op->config.net = ve->config.net;
	ve_set_config(ve, &op->config);
	op->has_config = false;
	return PHASE_DONE;
}

static struct json *set_reply(struct operation *op)
{
	struct json *reply = json_new_object();
	struct json *list = json_set_array(reply, "pending");
	uint64_t pending = ve_pending(op->ve) & op->changed;

	for (size_t i = 0; i < settings_count; i++)
		if (pending & UINT64_C(1) << i)
			json_append_string(list, settings_table[i].name);
	return reply;
}

/* A helper that failed may have left its cgroups. */
static int unset_begin(struct operation *op, struct error *err)
{
	struct ve *ve = op->ve;

	if (!ve->helper)
		return PHASE_DONE;
	if (ve_alive(ve))
		return kill_and_wait(op, err);
	operation_timer_off(op);
	return phase_reclaim_begin(op, err);
}

static int unset_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	if (what->kind == OCCUR_TIMER)
		return death_overdue(err);
	if (what->kind == OCCUR_END)
		return unset_begin(op, err);
	return what->kind == OCCUR_JOB ? phase_reclaim_occur(op, what, err) : PHASE_WAIT;
}

/* A job that failed has put the limits back; one that was killed has not. */
static void set_finish(struct operation *op, const struct error *err)
{
	if (!op->job_lost)
		ve_hint_changing(op->ve, 0);
}

static const struct phase phase_unset = { unset_begin, unset_occur };

static const struct phase set_phases[] = {
	{ set_begin, set_occur },
	{ phase_password_begin, phase_tool_occur },
	{ phase_ssh_key_begin, phase_tool_occur },
};

const struct operation_type operation_set = {
	.verb = "set",
	.check = wish_prepare_set,
	.phases = set_phases,
	.n_phases = ARRAY_SIZE(set_phases),
	.unwind = &phase_unset,
	.finish = set_finish,
	.reply = set_reply,
};
