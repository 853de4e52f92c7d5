/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_table.h - every VE of this instance as the manager knows it.
 *
 * The record on disk is the truth about wishes, the keeper and the kernel about what runs: this is
 * a cache of both, read at start and kept up by what comes in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/parse.h"
#include "daemon/span.h"
#include "netns/filter.h"
#include "runtime/config.h"
#include "runtime/launch.h"
#include "runtime/state.h"

struct error;
struct loop_source;
struct manager;
struct message;
struct operation;
struct waiter;

TAILQ_HEAD(operation_queue, operation);
TAILQ_HEAD(waiter_queue, waiter);

/* In a shutdown of all VEs. */
enum leaving {
	LEAVING_NOT, /* not yet, or it has left */
	LEAVING_ASKED,
	LEAVING_FORCE,  /* it could not be asked */
	LEAVING_FAILED, /* it runs on */
};

struct ve {
	struct manager *manager;
	char name[NAME_LENGTH + 1];
	char reserved[NAME_LENGTH + 1]; /* the name it is being given, or "" */
	struct ve_config config;        /* as on disk; empty where has_config is not set */
	bool has_config;
	bool unborn;   /* its create is not finished */
	char *problem; /* why it is broken; NULL */
	enum ve_state state;

	pid_t pid; /* of init; 0: none */
	int pidfd; /* -1: none */
	/* Its network namespace, held until its run has been cleared away: so long its link, and
	 * what that has counted, outlive it. -1: none. */
	int netns_fd;
	bool linked;                      /* it was started with a network */
	uint64_t dropped[FILTER_REASONS]; /* of this run, as last seen */
	bool net_unsettled; /* the filter was built while an operation was under way */
	enum stop_way stop_way;
	int64_t started, ready;
	struct span span;         /* the same for the order of shutdown */
	unsigned int short_lives; /* runs in a row that ended soon after their start */
	bool helper;              /* a tool runs in place of init */
	bool killed;              /* by force of ours */
	bool ended;               /* and not yet reclaimed */
	bool reclaim_lost;        /* the job that was to do so was killed: once more */
	pid_t end_pid;
	int end_status;
	int64_t end_time;
	struct settings *ran; /* what it was started with, of what cannot change since; NULL */
	uint64_t changing;    /* rows whose limits a job of set is changing */
	bool restarting;      /* it will be started again when it has ended */
	struct loop_source *up_timer;
	enum leaving leaving;

	struct operation *current;
	struct operation_queue queue;
	struct waiter_queue waiters; /* start --wait */

	struct cpu_sample {
		uint64_t at_ms, total_us;
		double rate;
	} sample;
	struct usage seen; /* by event.c */
	struct usage_memory usage;
};

struct ve_table {
	struct ve **ve; /* sorted by name */
	size_t n;
};

int ve_table_new(struct ve_table **ret, struct error *err);
void ve_table_free(struct ve_table *table);

/* Reads the records of VEs that are not in the table. One that is damaged makes a broken VE and no
 * failure. */
int ve_table_load(struct manager *manager, struct error *err);

struct ve *ve_table_find(const struct ve_table *table, const char *name);
/* Is the name in use, or about to be? */
bool ve_table_taken(const struct ve_table *table, const char *name);
/* A stopped VE without a record. */
int ve_table_add(struct manager *manager, const char *name, struct ve **ret, struct error *err);
/* Frees it; its operations are over. */
void ve_table_remove(struct ve_table *table, struct ve *ve);
void ve_table_rename(struct ve_table *table, struct ve *ve, const char *name);

/* Reads the record again. A damaged one breaks the VE. */
void ve_load(struct ve *ve);
/* The record is now this one; takes it. */
void ve_set_config(struct ve *ve, struct ve_config *config);
void ve_break(struct ve *ve, const char *problem);

bool ve_alive(const struct ve *ve);

/* ve_life.c. Moves along the table of state.h and tells who listens. A move that the table does
 * not know changes nothing. */
void ve_move(struct ve *ve, enum ve_event event);
/* May it? The error says "it is paused". */
int ve_check(const struct ve *ve, enum ve_event event, struct error *err);

/* The refusal of what needs another state: "it is stopped (vessel start web1)". */
int ve_wrong_state(const struct ve *ve, struct error *err);
/* The keeper has registered its init. Takes pidfd. */
void ve_registered(struct ve *ve, const struct message *message, int pidfd);
/* It is up: at once, or when it has said so, or a second after its start. */
void ve_await_ready(struct ve *ve);
void ve_ready(struct ve *ve, int64_t when);
void ve_ended(struct ve *ve, const struct message *message);
/* How the end of its init is to be recorded. */
struct ve_exit ve_exit_of(const struct ve *ve);
/* Rows of settings that wait for the next start. */
uint64_t ve_pending(const struct ve *ve);
/* What it was started with; a copy (NULL: nobody knows). */
void ve_set_ran(struct ve *ve, const struct settings *settings);
/* Nothing is left of the run. */
void ve_reclaimed(struct ve *ve);
/* Kills all that runs in it. */
int ve_kill(struct ve *ve, struct error *err);

/* ve_hint.c: run/ve/NAME, for the next manager; best effort. */
void ve_hint_store(const struct ve *ve);
void ve_hint_remove(const struct manager *manager, const char *name);
/* What the next manager has to go on with if this one dies. */
void ve_hint_changing(struct ve *ve, uint64_t rows);
void ve_hint_set_restarting(struct ve *ve, bool restarting);
/* Fills pid, start time (as /proc/PID/stat has it), stop_way, started, ready, span, ran,
 * changing, restarting, helper if there is a hint for a run of this uuid. pid 0: that run is over.
 */
bool ve_hint_load(struct ve *ve, pid_t *ret_pid, uint64_t *ret_start);
bool ve_hint_restarting(const struct ve *ve);
/* A file of /proc/PID; NULL if there is none, or no such process. Caller frees. */
char *process_read(pid_t pid, const char *file);
/* When the process started, in clock ticks since boot; 0: no such process. */
uint64_t process_start_time(pid_t pid);
