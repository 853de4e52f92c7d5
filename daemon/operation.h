/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * operation.h - a changing request on its way: waiting for its VE, then phase by phase.
 *
 *   submitted --> queue of the VE --> check --> phase 0 --> phase 1 ... --> answer, log line
 *                                       |          |  ^
 *                                    refused       |  '-- something occurred: a job or the guest's
 *                                                  |      init ended, a timer fired
 *                                                failed --> unwind --> answer
 *
 * One operation of a VE is under way at a time, the others wait in the order of their coming. A
 * phase begins something and waits for what occurs; nothing blocks. stop and destroy by force
 * pre-empt: they kill at once and stand first in the queue.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"
#include "base/parse.h"
#include "daemon/call.h"
#include "daemon/job_list.h"
#include "runtime/config.h"

struct inside;
struct loop_source;
struct operation;
struct outcomes;
struct ve;

enum occurrence_kind {
	OCCUR_JOB, /* the job ended; message tells how, and never with an error */
	OCCUR_END, /* the VE's init, or the helper in its place, ended (ve->ended) */
	OCCUR_TIMER,
	OCCUR_INSIDE, /* a program run in the VE ended: status as a shell counts it */
};

struct occurrence {
	enum occurrence_kind kind;
	const struct message *message;
	int status;
};

enum phase_result {
	PHASE_DONE = 0, /* on to the next */
	PHASE_WAIT = 1,
	/* less: -errno, failed */
};

struct phase {
	int (*begin)(struct operation *op, struct error *err);
	/* NULL: done when its job has ended. */
	int (*occur)(struct operation *op, const struct occurrence *what, struct error *err);
};

struct operation_type {
	const char *verb; /* "start": in `busy`, errors and the log */
	/* When its turn comes: 0, 1 if nothing is left to do, or a refusal. May be NULL. */
	int (*check)(struct operation *op, struct error *err);
	const struct phase *phases;
	size_t n_phases;
	const struct phase *unwind; /* after a failure; may be NULL */
	/* After the last phase (err NULL) or a failure, before the answer. May be NULL. */
	void (*finish)(struct operation *op, const struct error *err);
	/* The answer of a success; NULL: an empty one. */
	struct json *(*reply)(struct operation *op);
	bool quiet; /* our own housekeeping: logged only when it fails */
};

struct operation {
	TAILQ_ENTRY(operation) link;
	struct manager *manager;
	const struct operation_type *type;
	struct ve *ve;              /* NULL: of a template, or of no one thing */
	char name[NAME_LENGTH + 1]; /* what it is about */
	struct call *call;          /* NULL: hung up, or our own */
	struct outcomes *outcomes;  /* of a request for many VEs; NULL */
	struct caller caller;
	bool internal;
	int64_t since;
	uint64_t begun_ms;
	size_t phase;
	int step;              /* within a phase */
	uint64_t job;          /* under way; 0: none */
	bool job_died;         /* killed, or without a word */
	bool job_lost;         /* one of its jobs died: what it did is looked up in the end */
	struct inside *inside; /* a program run in the VE */
	struct loop_source *timer;
	uint64_t deadline_ms;
	bool starting;         /* its job starts the VE, and may be killed by force */
	bool acted;            /* something that it waited for has occurred */
	bool unwinding, whole; /* failure.text stands alone */
	struct error failure;

	/* What was asked for. */
	bool force, preempted, wait, live, keep_run, made;
	bool forced;             /* what came of it */
	int64_t timeout;         /* -1: not given */
	struct ve_config config; /* the record to be */
	bool has_config;
	uint64_t changed; /* rows of settings: other than on record */
	uint64_t named;   /* the same, and all that were asked for */
	char new_name[NAME_LENGTH + 1];
	char *password, *ssh_key;
	struct json *extra; /* further members for the job */
	int fd;             /* for the job; -1 */
	int pipe_fd;        /* what a helper says on stderr; -1 */
	char *log_detail;   /* for the log line */
	char text[128];     /* what the job found */
};

/* An operation that takes over the call (NULL: our own). name: what it is about if ve is NULL. */
struct operation *operation_new(struct manager *manager, const struct operation_type *type,
	struct ve *ve, const char *name, struct call *call, struct error *err);
/* Takes the operation: it begins now, or when the VE's others are done. */
void operation_submit(struct operation *op);
/* One of our own, first in the queue. */
void operation_submit_own(
	struct manager *manager, const struct operation_type *type, struct ve *ve);
/* An operation that was never submitted: answers its call with the error and frees it. */
void operation_refuse(struct operation *op, const struct error *err);
/* One that has not begun and is in no queue: frees it, and returns its call, which may be NULL. */
struct call *operation_withdraw(struct operation *op);

/* For phases. `spec` is taken; the config goes along if given. Returns PHASE_WAIT or -errno. */
int operation_job(struct operation *op, const char *job, struct json *spec,
	const struct ve_config *config, struct error *err);
int operation_job_fds(struct operation *op, const char *job, struct json *spec,
	const struct ve_config *config, const int *fds, size_t n_fds, struct error *err);
int operation_timer(struct operation *op, uint64_t milliseconds, struct error *err);
void operation_timer_off(struct operation *op);

/* Something occurred to the VE: its current operation is told, or, when its init has ended and
 * nobody deals with it, one of our own begins. */
void operation_occur(struct ve *ve, enum occurrence_kind kind, int status);
void operation_inside_ended(struct operation *op, int status);
/* The job of an earlier manager has ended, however. */
void operation_job_over(struct operation *op);
/* From recovery: goes on with what waits. */
void operation_next(struct ve *ve);

/* Who asked, as the `busy` object. NULL if nothing is under way. */
struct json *operation_busy(const struct ve *ve);

struct operation_list;
int operation_list_new(struct operation_list **ret, struct error *err);
void operation_list_free(struct operation_list *list);

/* Ends every operation without an answer: the manager ends. */
void operation_drop_all(struct manager *manager);
