/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * recovery.c - a manager begins: what the keeper, the records and the kernel say becomes the table.
 *
 *   keeper knows its init         as it told: starting, running, paused
 *   keeper remembers its end      reclaimed
 *   a job runs                    busy until it ends, then looked at again
 *   processes, unknown to keeper  adopted if their init can be proved, else cleared away
 *   cgroups without a process     cleared away
 *   op.json of a create           thrown away by collecting
 *
 * The same look is taken after a job of an earlier manager has ended, and after one that was
 * killed.
 */
#include "recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "cgroup/group.h"
#include "cgroup/tree.h"
#include "daemon/job_list.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"
#include "daemon/network.h"
#include "daemon/operation_types.h"
#include "daemon/protocol.h"
#include "daemon/shutdown.h"
#include "daemon/ve_table.h"

/* A directory with an op.json is a create under way, or one that was cut short. */
static bool has_operation(const struct manager *manager, const char *name)
{
	char path[sizeof("ve//op.json") + NAME_LENGTH];
	struct stat st;

	snprintf(path, sizeof(path), "ve/%s/op.json", name);
	return fstatat(manager->instance->state_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Without a directory it is nothing. */
static bool half_made(const struct ve *ve)
{
	char path[sizeof("ve/") + NAME_LENGTH];
	int state_fd = ve->manager->instance->state_fd;
	struct stat st;

	if (has_operation(ve->manager, ve->name))
		return true;
	snprintf(path, sizeof(path), "ve/%s", ve->name);
	return fstatat(state_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static void kill_logged(struct ve *ve)
{
	struct error err = { 0 };

	if (ve_kill(ve, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: %s", ve->name, err.text);
}

bool recovery_doubts(const struct ve *ve)
{
	return ve->unborn && !(ve->current && ve->current->type == &operation_create);
}

/* Its end, when it comes, brings us here again (operation_end). */
static void throw_away(struct ve *ve)
{
	struct operation_queue anew = TAILQ_HEAD_INITIALIZER(anew);
	struct manager *manager = ve->manager;
	struct operation *op;
	struct error gone = { 0 };

	if (ve_alive(ve)) {
		kill_logged(ve);
		return;
	}
	if (ve->ended) {
		if (!ve->current)
			operation_next(ve);
		return;
	}
	error_refuse(&gone, ERROR_NOT_FOUND,
		has_operation(manager, ve->name) ? "it was never finished" : "it is gone");
	while ((op = TAILQ_FIRST(&ve->queue))) {
		TAILQ_REMOVE(&ve->queue, op, link);
		if (op->type == &operation_create_again)
			TAILQ_INSERT_TAIL(&anew, op, link);
		else
			operation_refuse(op, &gone);
	}
	ve_hint_remove(manager, ve->name);
	ve_table_remove(manager->ves, ve);
	while ((op = TAILQ_FIRST(&anew))) {
		TAILQ_REMOVE(&anew, op, link);
		method_create(operation_withdraw(op));
	}
	collect_later(manager);
}

static void settle_frozen(struct ve *ve)
{
	struct error err = { 0 };
	bool frozen;

	if (cgroup_frozen(ve->manager->tree, ve->name, &frozen, &err) < 0) {
		log_line(LOG_LEVEL_WARNING, "%s: %s", ve->name, err.text);
		return;
	}
	if (frozen) {
		ve_move(ve, EVENT_UP);
		ve_move(ve, EVENT_PAUSE);
	} else if (ve->state == VE_PAUSED) {
		ve_move(ve, EVENT_RESUME);
	}
}

static void settle_alive(struct ve *ve)
{
	if (ve->helper) { /* its operation is gone: nobody waits for it */
		kill_logged(ve);
		return;
	}
	ve_move(ve, EVENT_START);
	if (ve->ready)
		ve_move(ve, EVENT_UP);
	settle_frozen(ve);
	ve_await_ready(ve);
	if (ve->changing || !ve->config.run)
		operation_submit_own(ve->manager, &operation_settle, ve);
	if (ve->restarting && !ve->ended)
		operation_submit_own(ve->manager, &operation_restart, ve);
}

static bool has_cgroup(const struct ve *ve, bool *ret_populated)
{
	struct error ignored = { 0 };
	int fd = cgroup_open_file(
		ve->manager->tree, ve->name, "cgroup.events", O_RDONLY | O_CLOEXEC, &ignored);

	*ret_populated = false;
	if (fd < 0)
		return false;
	close_fd(&fd);
	(void)cgroup_populated(ve->manager->tree, ve->name, ret_populated, &ignored);
	return true;
}

/* Its end was a restart's, or the guest's own reboot: the start is still due. */
static void settle_down(struct ve *ve)
{
	if (ve->state == VE_STOPPED && ve_hint_restarting(ve)) {
		ve->restarting = true;
		operation_submit_own(ve->manager, &operation_start, ve);
	}
}

/* Nobody has seen its end. Without a hint of an init it never began, and its record stays as it is.
 */
static void settle_lost(struct ve *ve)
{
	struct error err = { 0 };
	bool populated;
	uint64_t start;
	pid_t pid = 0;

	if (!has_cgroup(ve, &populated)) {
		ve_move(ve, EVENT_END); /* a start, and the job that was to undo it, never began */
		settle_down(ve);
		return;
	}
	if (populated && adopt_init(ve, &err) == 0) {
		log_line(LOG_LEVEL_INFO, "%s: its init %d is adopted", ve->name, (int)ve->pid);
		settle_alive(ve);
		operation_submit_own(ve->manager, &operation_console, ve);
		return;
	}
	if (populated)
		log_line(LOG_LEVEL_WARNING, "%s: cleared away: %s", ve->name, err.text);
	if (!ve_hint_load(ve, &pid, &start) || pid == 0)
		ve->helper = true;
	ve->ended = true;
	ve->end_pid = pid;
	ve->end_status = -1;
	ve->end_time = clock_now();
}

void recovery_settle(struct ve *ve)
{
	if (ve->unborn && half_made(ve)) {
		throw_away(ve);
		return;
	}
	if (ve->unborn || !ve->has_config)
		ve_load(ve);
	ve->unborn = false;
	if (!ve_alive(ve) && !ve->ended)
		settle_lost(ve);
	if (ve_alive(ve))
		settle_alive(ve);
	if (!ve->current)
		operation_next(ve);
}

void recovery_look(struct manager *manager, struct ve *ve)
{
	struct error err = { 0 };

	if (ve) {
		ve->unborn = true; /* whether it is there at all is asked first */
		recovery_settle(ve);
	}
	if (ve_table_load(manager, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
}

static void on_adopted_job(struct manager *manager, const struct message *message, void *data);

/* Every job of a create, until the last has removed op.json, works on a VE that no table has. */
static struct ve *find_or_await(
	struct manager *manager, const char *name, const struct json *hint, struct error *err)
{
	struct ve *ve = ve_table_find(manager->ves, name);
	const char *what = json_find_string(hint, "operation");

	if (ve)
		return ve;
	if ((!what || strcmp(what, "create") != 0) && !has_operation(manager, name))
		return NULL;
	if (ve_table_add(manager, name, &ve, err) < 0)
		return NULL;
	ve->unborn = true;
	return ve;
}

void recovery_adopt_job(struct manager *manager, const struct message *message)
{
	cleanup_json struct json *hint = job_list_hint(manager->jobs, message->id);
	struct operation *op;
	struct ve *ve;
	struct error err = { 0 };
	int64_t number = 0;

	if (!hint || !name_valid(message->name))
		return; /* a session, or one of no VE: nobody waits for it */
	ve = find_or_await(manager, message->name, hint, &err);
	if (!ve || ve->current)
		return;
	op = operation_new(manager, &operation_adopted, ve, "", NULL, &err);
	if (!op)
		return;
	if (json_int(json_find(hint, "uid"), &number))
		op->caller.uid = (uid_t)number;
	if (json_int(json_find(hint, "since"), &number))
		op->since = number;
	if (job_list_adopt(manager->jobs, message->id, on_adopted_job, op, &err) == 0)
		op->job = message->id;
	operation_submit(op);
}

/* Its success or failure was for a client that is gone; what it left is looked at. */
static void on_adopted_job(struct manager *manager, const struct message *message, void *data)
{
	if (message->type == KEEPER_JOB_ENDED)
		operation_job_over(data);
}

/* Cgroups of VEs that we have no record of: a job removes them, and whatever runs there. */
static void clear_unknown(struct manager *manager)
{
	char **names = NULL;
	struct error err = { 0 };
	int n = cgroup_tree_list(manager->tree, &names, &err);

	for (int i = 0; i < n; i++) {
		struct job_order order = { .operation = "reclaim", .name = names[i] };

		if (name_valid(names[i]) && !ve_table_find(manager->ves, names[i])) {
			log_line(LOG_LEVEL_WARNING, "%s: no such VE; its cgroups are cleared away",
				names[i]);
			(void)job_list_run(manager->jobs, &order, NULL, &err);
		}
		free(names[i]);
	}
	free(names);
}

int recovery_run(struct manager *manager, bool by_hand, struct error *err)
{
	int r;

	shutdown_resume(manager);
	clear_unknown(manager);
	for (size_t i = manager->ves->n; i > 0; i--) { /* backwards: settling may remove it */
		struct ve *ve = manager->ves->ve[i - 1];

		if (!ve->current)
			recovery_settle(ve);
	}
	network_begin(manager->network);
	r = manager_serve(manager, err);
	if (r < 0)
		return r;
	collect_later(manager);
	autostart_resume(manager);
	if (by_hand)
		autostart_after_boot(manager);
	return 0;
}
