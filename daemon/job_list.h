/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_list.h - jobs that the keeper runs for this manager, or shall when there is room.
 *
 * The instance's `jobs` bounds those of operations; sessions (exec, console) wait for nobody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct job_list;
struct json;
struct manager;
struct message;

/* `message` is KEEPER_JOB_PROGRESS or, as the last one, KEEPER_JOB_ENDED with an error wherever the
 * job failed (also one that died without a word). */
typedef void job_fn(struct manager *manager, const struct message *message, void *data);

struct job_order {
	const char *operation; /* of job.h */
	const char *name;      /* may be NULL */
	struct json *spec;     /* further members; taken; may be NULL */
	const int *fds;        /* borrowed */
	size_t n_fds;
	bool session; /* not counted, and not remembered over a restart of the manager */
	uint32_t uid; /* who asked, for the successor of this manager */
	job_fn *fn;   /* NULL: nobody cares */
	void *data;
};

int job_list_new(struct manager *manager, struct job_list **ret, struct error *err);
void job_list_free(struct job_list *list);

/* Gives the job to the keeper, now or later. The id is never 0 and never used twice. */
int job_list_run(
	struct job_list *list, const struct job_order *order, uint64_t *ret_id, struct error *err);

/* A job that an earlier manager gave: its end is told to fn. */
int job_list_adopt(struct job_list *list, uint64_t id, job_fn *fn, void *data, struct error *err);

/* What an earlier manager noted of its job: operation, name, uid, since. NULL if nothing. */
struct json *job_list_hint(const struct job_list *list, uint64_t id);
void job_list_drop_hint(const struct job_list *list, uint64_t id);

/* Kills it; its end is still told. One that waits for room ends at once. */
void job_list_cancel(struct job_list *list, uint64_t id);
/* The same for one that waits for room; one that runs goes on. */
void job_list_withdraw(struct job_list *list, uint64_t id);
/* False: it waits for room, or there is none. */
bool job_list_sent(struct job_list *list, uint64_t id);
/* Nobody cares any more. */
void job_list_forget(struct job_list *list, uint64_t id);

/* From incoming.c. False: no such job. */
bool job_list_progress(struct job_list *list, const struct message *message);
bool job_list_ended(struct job_list *list, const struct message *message);
