/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_table.h - the VEs and jobs that the keeper knows, and what the manager has not heard yet.
 *
 * There is no queue of events. Every entry holds the present truth as a ready message and a bit for
 * each kind of it that is untold; a slow manager hears the latest later, a new one hears all of it.
 * So the keeper never waits, never loses an end, and its memory is bounded by what there is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/protocol.h"

struct fact {
	TAILQ_ENTRY(fact) untold_link;
	bool queued;
	uint32_t untold; /* 1 << (type - KEEPER_VE) */
	int fd;          /* goes with KEEPER_VE; borrowed */
	struct message message;
};

struct keeper;

struct keeper_ve {
	struct fact fact; /* message.ended is 0 while it runs */
	TAILQ_ENTRY(keeper_ve) link;
	struct keeper *keeper;
	uint64_t job; /* that registered it: until that ends, it is the parent */
	bool child;   /* waitpid() will tell its end; otherwise the pidfd does */
	int pidfd, notify_fd;
	struct loop_source *pidfd_source, *notify_source;
	unsigned int notices; /* that said something else than READY */
};

struct keeper_job {
	struct fact fact; /* message.id */
	TAILQ_ENTRY(keeper_job) link;
	struct keeper *keeper;
	pid_t pid; /* 0: has ended, remembered until the manager forgets it */
	bool result;
	int fd;
	struct loop_source *source;
};

struct keeper_table {
	TAILQ_HEAD(keeper_ves, keeper_ve) ves;
	TAILQ_HEAD(keeper_jobs, keeper_job) jobs;
	TAILQ_HEAD(keeper_facts, fact) untold;
};

void table_init(struct keeper_table *table);

/* New entries without descriptors; NULL if memory is out. */
struct keeper_ve *table_add_ve(struct keeper_table *table, struct keeper *keeper);
struct keeper_job *table_add_job(struct keeper_table *table, struct keeper *keeper);

/* Also closes their descriptors. */
void table_remove_ve(struct keeper_table *table, struct keeper_ve *ve);
void table_remove_job(struct keeper_table *table, struct keeper_job *job);

/* Those that run; NULL if there is none. */
struct keeper_ve *table_find_ve(const struct keeper_table *table, const char *name);
struct keeper_ve *table_find_child(const struct keeper_table *table, pid_t pid);
struct keeper_job *table_find_running_job(const struct keeper_table *table, pid_t pid);
bool table_jobs_run(const struct keeper_table *table);

struct keeper_job *table_find_job(const struct keeper_table *table, uint64_t id);

/* Marks one kind of message as untold. An end stands for what went before it. */
void table_tell(struct keeper_table *table, struct fact *fact, enum message_type type);

/* A new manager: everything is untold. */
void table_tell_all(struct keeper_table *table);

/* Takes the next kind of message off the oldest entry that has one. */
struct fact *table_next(struct keeper_table *table, enum message_type *ret_type);
void table_told(struct keeper_table *table, struct fact *fact, enum message_type type);
