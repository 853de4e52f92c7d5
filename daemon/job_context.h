/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_context.h - what the steps of one job share: private to job*.c.
 */
#pragma once

#include <stdbool.h>

#include "base/json.h"
#include "base/names.h"
#include "base/step.h"
#include "daemon/job.h"
#include "runtime/config.h"
#include "runtime/resolver.h"

struct job_context {
	struct job *job;
	const struct job_operation *operation;
	struct json *spec;
	const char *name; /* borrowed from the spec; checked */
	struct ve_config config;
	bool has_config;
	int lock_fd;                 /* ve/, while a lock on it is held */
	int state_fd, scratch_fd;    /* of a launch: below the job's own mount namespace */
	struct resolvers resolvers;  /* of the host, for a launch */
	bool net_made, net_filtered; /* of a link: it is ours; its part of the filter is in force */
	int status;                  /* of an exec that failed: 125, 126, 127 */
	bool started;                /* an exec that has been told so */
	int left_pidfd;              /* of an exec that failed: what may still be inside */
	int64_t told;                /* when progress was last sent, in milliseconds */
	char text[sizeof(((struct message *)0)->text)]; /* what the result says */
};

enum job_config {
	JOB_CONFIG_NONE,
	JOB_CONFIG_MAY, /* a broken VE has none */
	JOB_CONFIG_MUST,
};

/* One operation. */
struct job_operation {
	const char *name;
	const char *verb;                     /* "cannot VERB NAME: ..." */
	bool (*name_valid)(const char *name); /* NULL: the operation has no name */
	enum job_config config;
	size_t n_fds; /* at least so many must come with the spec */
	const struct step *steps;
	size_t n_steps;
	const char *inner; /* the step within which launch.h's own steps are walked, or NULL */
	bool stores;       /* answers for what it writes: refused once a sync has failed */
	/* After everything, also after a failure. May be NULL. */
	void (*finished)(struct job_context *context, int r, const struct error *err);
};

/* job_wire.c: talking to the keeper. */
struct message job_message(const struct job_context *context, enum message_type type);
int job_send(const struct job_context *context, const struct message *message, const int *fds,
	size_t n_fds, struct error *err);
int job_await_go(const struct job_context *context, struct error *err);

/* Spec members. A list of strings, NULL-terminated, its strings borrowed from the spec; NULL with 0
 * for an absent member. The caller frees the list. */
int job_spec_list(const struct job_context *context, const char *key, const char ***ret,
	size_t *ret_n, struct error *err);
bool job_spec_flag(const struct job_context *context, const char *key);

/* Stops the job before the step if --hold names it. */
void job_hold(const char *step, void *context);

/* job_store.c: a directory of the state directory, made if it is not there. */
int job_open_dir(const struct job_context *context, const char *name, struct error *err);
int job_open_ve(const struct job_context *context, struct error *err);
/* flock on ve/ with LOCK_SH (a create under way) or LOCK_EX (collecting). -EWOULDBLOCK: LOCK_NB. */
int job_lock(struct job_context *context, int how, struct error *err);
void job_unlock(struct job_context *context);
/* Durable move of ve/<entry> to trash/, under a name that is used only once. */
int job_trash(const struct job_context *context, const char *entry, struct error *err);
/* Writes context->config with the totals that the record on disk has: only jobs count them. A new
 * run is not among them, whichever cgroup it has been given. */
int job_store_config(struct job_context *context, bool new_run, struct error *err);

/* job_collect.c: the digests named by the spec's "layers" or any record on disk. Owned by the
 * caller. Hold the lock. */
int job_used_layers(struct job_context *context, struct names *ret, struct error *err);

/* True if the VE's op.json says create and was there before the spec was written. Without anybody
 * who works on it, it is a left-over. */
bool job_half_made(const struct job_context *context, const char *entry);

/* The operations, each with its steps in the file that knows it. */
extern const struct job_operation job_create, job_commit, job_rename, job_destroy; /* job_store.c */
extern const struct job_operation job_collect;                                /* job_collect.c */
extern const struct job_operation job_start, job_helper;                      /* job_start.c */
extern const struct job_operation job_reclaim, job_set, job_freeze, job_thaw; /* job_ve.c */
extern const struct job_operation job_exec, job_console;                      /* job_session.c */
extern const struct job_operation job_import, job_template_remove;            /* job_template.c */
