/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * shutdown.c - all VEs go down, in the reverse order of their start, and stay meant to run.
 *
 * Each is asked in its own way and forced after its own timeout, as by stop. Whenever something has
 * ended, the table is looked over: who may be asked now (span.h), as many at once as there may be
 * jobs. It is over when nothing runs but what even force could not end. A file in the run directory
 * says that it goes on, for the next manager.
 */
#include "shutdown.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"
#include "daemon/operation_types.h"
#include "daemon/outcomes.h"
#include "daemon/ve_table.h"

#define MARK "shutdown"

struct shutdown {
	struct outcomes *outcomes;
	struct loop_source *timer;
};

/* A start under way will be one that runs; the job of an earlier manager may be a start. */
static bool begins(const struct ve *ve)
{
	const struct operation *op = ve->current;

	return !ve_alive(ve) && op && (op->starting || op->type == &operation_adopted);
}

/* Its end is dealt with, and a start was to follow: one that has to find that VEs go down. */
static bool comes_back(const struct ve *ve)
{
	const struct operation *op = ve->current;

	if (ve_alive(ve) || begins(ve))
		return false;
	return (ve->ended && !ve->helper) ||
	       (op && (op->type == &operation_end || op->type == &operation_restart));
}

static bool remains(const struct ve *ve)
{
	return ve->leaving != LEAVING_FAILED &&
	       (begins(ve) || comes_back(ve) || (ve_alive(ve) && !ve->helper));
}

static void ask(struct manager *manager, struct ve *ve)
{
	struct error err = { 0 };
	struct operation *op = operation_new(manager, &operation_shutdown, ve, "", NULL, &err);

	if (!op) {
		log_line(LOG_LEVEL_ERROR, "%s: %s", ve->name, err.text);
		ve->leaving = LEAVING_FAILED;
		return;
	}
	op->force = ve->leaving == LEAVING_FORCE;
	ve->leaving = LEAVING_ASKED;
	outcomes_expect(manager->shutdown->outcomes, op);
	operation_submit(op);
}

static void end(struct manager *manager)
{
	struct shutdown *shutdown = manager->shutdown;

	manager->shutdown = NULL;
	(void)unlinkat(manager->instance->run_fd, MARK, 0); /* absent is fine */
	for (size_t i = 0; i < manager->ves->n; i++)
		manager->ves->ve[i]->leaving = LEAVING_NOT;
	log_line(LOG_LEVEL_INFO, "all VEs are down");
	loop_remove(shutdown->timer);
	outcomes_close(shutdown->outcomes);
	free(shutdown);
}

static int on_look(struct loop *loop, void *data)
{
	struct manager *manager = data;
	const struct ve_table *table = manager->ves;
	uint64_t youngest = 0;
	bool over = true;

	for (size_t i = 0; i < table->n; i++) {
		const struct ve *ve = table->ve[i];
		uint64_t started = begins(ve) ? UINT64_MAX : ve->span.started;

		if (!remains(ve))
			continue;
		over = false;
		if (comes_back(ve))
			continue; /* it is down, and none needs to wait for it */
		youngest = started > youngest ? started : youngest;
	}
	if (over && outcomes_pending(manager->shutdown->outcomes) == 0) {
		end(manager);
		return 0;
	}
	for (size_t i = 0; i < table->n; i++) {
		struct ve *ve = table->ve[i];

		if (outcomes_pending(manager->shutdown->outcomes) >= manager->instance->jobs)
			break;
		if (remains(ve) && ve_alive(ve) && ve->leaving != LEAVING_ASKED &&
			span_may_end(&ve->span, youngest))
			ask(manager, ve);
	}
	return 0;
}

void shutdown_look(struct manager *manager)
{
	struct error err = { 0 };

	if (manager->shutdown && loop_set_timer(manager->shutdown->timer, 0, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
}

void shutdown_told(struct operation *op, const struct error *err)
{
	if (err && ve_alive(op->ve) && !op->forced && !op->force) {
		op->ve->leaving = LEAVING_FORCE;
		outcomes_forget(op); /* what comes of the force is */
		return;
	}
	op->ve->leaving = err ? LEAVING_FAILED : LEAVING_NOT;
}

static int begin(struct manager *manager, struct error *err)
{
	struct shutdown *shutdown = calloc(1, sizeof(*shutdown));
	int r = shutdown ? outcomes_new(&shutdown->outcomes, err) : error_memory(err);

	if (r == 0)
		r = loop_add_timer(manager->loop, 0, on_look, manager, &shutdown->timer, err);
	if (r < 0) {
		if (shutdown && shutdown->outcomes)
			outcomes_close(shutdown->outcomes);
		free(shutdown);
		return r;
	}
	manager->shutdown = shutdown;
	for (size_t i = 0; i < manager->ves->n; i++) {
		const struct operation *op = manager->ves->ve[i]->current;

		if (op && op->starting && op->job)
			job_list_withdraw(manager->jobs, op->job);
	}
	return 0;
}

void method_shutdown(struct call *call)
{
	struct manager *manager = call->manager;
	struct error err = { 0 };
	int r = 0;

	if (!manager->shutdown) {
		log_line(LOG_LEVEL_INFO, "shutdown of all VEs (uid %u, pid %d, login %jd)",
			(unsigned int)call->caller.uid, (int)call->caller.pid,
			(intmax_t)call->caller.login);
		r = begin(manager, &err);
		if (r == 0)
			r = file_replace(manager->instance->run_fd, MARK, "", 0, &err);
	}
	if (r < 0 && !manager->shutdown) {
		error_wrap(&err, "cannot shut down");
		call_fail(call, &err);
		return;
	}
	if (r < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text); /* of use to a next manager only */
	outcomes_listen(manager->shutdown->outcomes, call);
}

void shutdown_resume(struct manager *manager)
{
	struct error err = { 0 };
	struct stat st;

	if (fstatat(manager->instance->run_fd, MARK, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	log_line(LOG_LEVEL_INFO, "the shutdown of all VEs goes on");
	if (begin(manager, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
}

void shutdown_free(struct manager *manager)
{
	struct shutdown *shutdown = manager->shutdown;
	struct error err = { 0 };

	if (!shutdown)
		return;
	error_refuse(&err, ERROR_DENIED, "vesseld ends; the shutdown goes on with the next");
	manager->shutdown = NULL;
	loop_remove(shutdown->timer);
	outcomes_abandon(shutdown->outcomes, &err);
	free(shutdown);
}
