/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * incoming.c - what the keeper says, sorted to whom it concerns.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/job_list.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/operation.h"
#include "daemon/protocol.h"
#include "daemon/recovery.h"
#include "daemon/ve_table.h"

/* A VE without a record can only be told of, and killed by destroy. */
static struct ve *known_ve(struct manager *manager, const struct message *message)
{
	struct ve *ve = ve_table_find(manager->ves, message->name);
	struct error err = { 0 };

	if (ve || !name_valid(message->name))
		return ve;
	if (ve_table_add(manager, message->name, &ve, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "%s: %s", message->name, err.text);
		return NULL;
	}
	ve->unborn = !manager->serving; /* recovery looks whether a create was cut short */
	ve_break(ve, "it runs, but has no record");
	return ve;
}

/* What the manager before us knew of the same run: the keeper hears of readiness only from guests
 * that say so. */
static void remember(struct ve *ve, struct message *message)
{
	uint64_t start;
	pid_t pid;

	if (ve->manager->serving)
		return;
	if (!ve_hint_load(ve, &pid, &start) || pid != message->pid) {
		ve->helper = false;
		ve_set_ran(ve, NULL);
		ve->changing = 0;
		/* A start that was due has been made; or the end that it comes after is told twice.
		 */
		ve->restarting = ve->restarting && pid == 0 && message->type == KEEPER_VE_ENDED;
		ve->span = (struct span){ 0 };
		return;
	}
	if (!message->ready)
		message->ready = ve->ready;
}

static int on_ve(struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	struct ve *ve = n_fds > 0 ? known_ve(manager, message) : NULL;
	struct message told = *message;

	if (!ve)
		return 0;
	remember(ve, &told);
	ve_registered(ve, &told, take_fd(&fds[0]));
	return 0;
}

static int on_ready(struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	struct ve *ve = ve_table_find(manager->ves, message->name);

	if (ve)
		ve_ready(ve, message->ready ? message->ready : clock_now());
	return 0;
}

static int on_ended(struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	struct ve *ve = ve_table_find(manager->ves, message->name);
	struct message told = *message;
	struct error err = { 0 };

	if (!ve) {
		told.type = MANAGER_FORGET_VE;
		return mailbox_send(manager->mailbox, &told, NULL, 0, &err);
	}
	remember(ve, &told);
	ve_ended(ve, &told);
	if (manager->serving)
		operation_occur(ve, OCCUR_END, message->status);
	return 0;
}

static int on_job(struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	if (!manager->serving)
		recovery_adopt_job(manager, message);
	return 0;
}

static int on_progress(
	struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	(void)job_list_progress(manager->jobs, message);
	return 0;
}

static int on_job_ended(
	struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	struct error err = { 0 };

	if (!job_list_ended(manager->jobs, message))
		job_list_drop_hint(manager->jobs, message->id);
	return mailbox_tell(manager->mailbox, MANAGER_FORGET_JOB, message->id, message->name, &err);
}

static int on_synced(struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	struct error err = { 0 };
	int r = manager->serving ? 0 : recovery_run(manager, message->status, &err);

	if (r < 0)
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
	return r;
}

/* clang-format off */
static const struct {
	enum message_type type;
	int (*fn)(struct manager *manager, const struct message *message, int *fds, size_t n_fds);
} rows[] = {
	{ KEEPER_VE,           on_ve },
	{ KEEPER_VE_READY,     on_ready },
	{ KEEPER_VE_ENDED,     on_ended },
	{ KEEPER_JOB,          on_job },
	{ KEEPER_JOB_PROGRESS, on_progress },
	{ KEEPER_JOB_ENDED,    on_job_ended },
	{ KEEPER_SYNCED,       on_synced },
};
/* clang-format on */

int manager_incoming(struct manager *manager, const struct message *message, int *fds, size_t n_fds)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == message->type)
			r = rows[i].fn(manager, message, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		close_fd(&fds[i]);
	return r;
}
