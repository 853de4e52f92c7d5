/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_state.h - what the keeper hands to its next life over execve: records in a sealed memfd.
 *
 * The version first; then records, each its type, its size and its bytes. The next life may be
 * another release, later or earlier: a type that it does not know is passed over, a record that is
 * shorter than it expects is filled up with zeroes. So structs only ever grow at the end, and the
 * version stays. A change that cannot be made so gets a new version, and a keeper of another one is
 * not replaced by reload but by its end. Descriptors are passed on by number.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"
#include "base/text.h"
#include "daemon/protocol.h"

struct error;
struct keeper;

/* 1 is none: a table of before versions begins with its first record's type. */
#define STATE_VERSION 2

enum state_type {
	STATE_KEEPER = 1,
	STATE_VE,
	STATE_JOB,
	STATE_SESSION,
	STATE_CONSOLE,
	STATE_RING,    /* bytes; of the console before it */
	STATE_WATCHER, /* of the console before it */
	STATE_STRAY,
};

#define STATE_LOCKS 3

struct state_keeper {
	int32_t listen_fd, manager_fd, manager_pid;
	int32_t lock_fds[STATE_LOCKS];
	uint32_t synced;
};

struct state_ve {
	struct message message;
	uint64_t job;
	uint32_t untold, child;
	int32_t pidfd, notify_fd;
};

struct state_job {
	struct message message;
	uint32_t untold, result;
	int32_t pid, fd;
};

struct state_session {
	int32_t pid, pidfd, status_fd;
};

struct state_console {
	char name[NAME_LENGTH + 1];
	int32_t master_fd, slave_fd;
};

struct state_watcher {
	int32_t fd;
};

struct state_stray {
	int32_t pid, status;
};

struct state_writer {
	struct text text;
	int *fds; /* made to survive execve */
	size_t n_fds;
};

void state_begin(struct state_writer *writer);
void state_write(struct state_writer *writer, enum state_type type, const void *data, size_t n);

/* Clears close-on-exec and remembers the descriptor, in case execve fails. Returns fd; -1 too. */
int state_keep_fd(struct state_writer *writer, int fd);

/* Everything in a sealed memfd that survives execve too. */
int state_finish(struct state_writer *writer, struct error *err);

/* Undoes it all: execve has failed. */
void state_abandon(struct state_writer *writer);

/* Calls fn for each record, in order, with its bytes as they were written. */
typedef int state_fn(struct keeper *keeper, enum state_type type, const void *bytes, size_t n,
	struct error *err);
int state_read(int fd, struct keeper *keeper, state_fn *fn, struct error *err);

/* Into a struct of this version's size. */
void state_copy(void *to, size_t size, const void *bytes, size_t n);
