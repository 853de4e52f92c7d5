/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_table.c - two lists and the order in which a manager hears of them.
 *
 * Entries are told in the order in which they came to have something to tell; a job moves to the
 * back with each change, so that its end is never heard before the VE that it registered.
 */
#include "daemon/keeper_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/loop.h"

void table_init(struct keeper_table *table)
{
	TAILQ_INIT(&table->ves);
	TAILQ_INIT(&table->jobs);
	TAILQ_INIT(&table->untold);
}

struct keeper_ve *table_add_ve(struct keeper_table *table, struct keeper *keeper)
{
	struct keeper_ve *ve = calloc(1, sizeof(*ve));

	if (!ve)
		return NULL;
	ve->keeper = keeper;
	ve->pidfd = ve->notify_fd = ve->fact.fd = -1;
	TAILQ_INSERT_TAIL(&table->ves, ve, link);
	return ve;
}

struct keeper_job *table_add_job(struct keeper_table *table, struct keeper *keeper)
{
	struct keeper_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->keeper = keeper;
	job->fd = job->fact.fd = -1;
	TAILQ_INSERT_TAIL(&table->jobs, job, link);
	return job;
}

static void unqueue(struct keeper_table *table, struct fact *fact)
{
	if (fact->queued)
		TAILQ_REMOVE(&table->untold, fact, untold_link);
	fact->queued = false;
}

void table_remove_ve(struct keeper_table *table, struct keeper_ve *ve)
{
	unqueue(table, &ve->fact);
	TAILQ_REMOVE(&table->ves, ve, link);
	loop_remove(ve->pidfd_source);
	loop_remove(ve->notify_source);
	close_fd(&ve->pidfd);
	close_fd(&ve->notify_fd);
	free(ve);
}

void table_remove_job(struct keeper_table *table, struct keeper_job *job)
{
	unqueue(table, &job->fact);
	TAILQ_REMOVE(&table->jobs, job, link);
	loop_remove(job->source);
	close_fd(&job->fd);
	free(job);
}

struct keeper_ve *table_find_ve(const struct keeper_table *table, const char *name)
{
	struct keeper_ve *ve;

	TAILQ_FOREACH(ve, &table->ves, link)
	if (!ve->fact.message.ended && strcmp(ve->fact.message.name, name) == 0)
		break;
	return ve;
}

struct keeper_ve *table_find_child(const struct keeper_table *table, pid_t pid)
{
	struct keeper_ve *ve;

	TAILQ_FOREACH(ve, &table->ves, link)
	if (!ve->fact.message.ended && ve->child && ve->fact.message.pid == pid)
		break;
	return ve;
}

struct keeper_job *table_find_running_job(const struct keeper_table *table, pid_t pid)
{
	struct keeper_job *job;

	TAILQ_FOREACH(job, &table->jobs, link)
	if (job->pid == pid)
		break;
	return job;
}

bool table_jobs_run(const struct keeper_table *table)
{
	struct keeper_job *job;

	TAILQ_FOREACH(job, &table->jobs, link)
	if (job->pid)
		return true;
	return false;
}

struct keeper_job *table_find_job(const struct keeper_table *table, uint64_t id)
{
	struct keeper_job *job;

	TAILQ_FOREACH(job, &table->jobs, link)
	if (job->fact.message.id == id)
		break;
	return job;
}

static uint32_t bit(enum message_type type)
{
	return 1U << (type - KEEPER_VE);
}

void table_tell(struct keeper_table *table, struct fact *fact, enum message_type type)
{
	if (type == KEEPER_VE_ENDED || type == KEEPER_JOB_ENDED)
		fact->untold = 0;
	fact->untold |= bit(type);
	if (type >= KEEPER_JOB)
		unqueue(table, fact);
	if (!fact->queued)
		TAILQ_INSERT_TAIL(&table->untold, fact, untold_link);
	fact->queued = true;
}

void table_tell_all(struct keeper_table *table)
{
	struct keeper_job *job;
	struct keeper_ve *ve;

	TAILQ_FOREACH(ve, &table->ves, link)
	{
		ve->fact.untold = 0;
		table_tell(table, &ve->fact, ve->fact.message.ended ? KEEPER_VE_ENDED : KEEPER_VE);
	}
	TAILQ_FOREACH(job, &table->jobs, link)
	{
		job->fact.untold = 0;
		table_tell(table, &job->fact, job->pid ? KEEPER_JOB : KEEPER_JOB_ENDED);
	}
}

struct fact *table_next(struct keeper_table *table, enum message_type *ret_type)
{
	struct fact *fact = TAILQ_FIRST(&table->untold);

	if (fact)
		*ret_type = KEEPER_VE + (enum message_type)__builtin_ctz(fact->untold);
	return fact;
}

void table_told(struct keeper_table *table, struct fact *fact, enum message_type type)
{
	fact->untold &= ~bit(type);
	if (!fact->untold)
		unqueue(table, fact);
}
