/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * protocol.h - what keeper, manager and jobs say to each other.
 *
 * Fixed-size messages over SOCK_SEQPACKET, descriptors by SCM_RIGHTS. The keeper listens on
 * <run>/keeper.sock (0600) for one manager at a time: the newest wins, the older one is hung up on
 * and ends. On connect the keeper tells all it knows (KEEPER_VE, KEEPER_VE_ENDED, KEEPER_JOB,
 * KEEPER_JOB_ENDED), then KEEPER_SYNCED. An end is remembered until the manager says FORGET.
 * A manager that reads slowly hears the present truth later: of a VE that came and went meanwhile
 * only KEEPER_VE_ENDED, of a job only KEEPER_JOB_ENDED. Never the end of a job before the VE that
 * it registered. Each job has a socketpair with the keeper of its own (struct job, keeper_fd).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/parse.h"

#define PROTOCOL_VERSION 1
#define KEEPER_SOCKET    "keeper.sock"

enum message_type {
	/* manager to keeper */
	MANAGER_JOB = 1,    /* id, name; fds: spec memfd, then what the operation needs (job.h) */
	MANAGER_CANCEL,     /* id: SIGKILL that job */
	MANAGER_WATCH,      /* name; fd: stream socket of a console client */
	MANAGER_FORGET_VE,  /* name: the end has been dealt with */
	MANAGER_FORGET_JOB, /* id: the result has been dealt with */
	MANAGER_ADOPT,      /* name, uuid, pid, stop_way, started, ready; fd: pidfd of an init that
			     * lost its keeper */
	MANAGER_RENAME,     /* name, new_name: the log of a stopped VE moved */
	MANAGER_QUIT,       /* end the keeper too; VEs run on */

	/* job to keeper, on the job's own socket */
	JOB_REGISTER = 32, /* name, uuid, pid, stop_way; fds: pidfd, console master, notify socket;
			    * of a helper run the pidfd alone. Answered by KEEPER_GO, then the job
			    * lets init go. */
	JOB_CONSOLE,       /* name; fd: a new console master for a VE that the keeper knows */
	JOB_SESSION,       /* pid of a joined process; fds: pidfd, status socket of the client */
	JOB_PROGRESS,      /* done, total */
	JOB_RESULT,        /* error (code 0: success), text: what the operation found (a digest) */

	/* keeper to job */
	KEEPER_GO = 64,

	/* keeper to manager */
	KEEPER_VE = 96,  /* name, uuid, pid, stop_way, started, ready; fd: pidfd */
	KEEPER_VE_READY, /* name, ready: the guest said READY=1 */
	KEEPER_VE_ENDED, /* name, uuid, pid, status (as waitpid has it; -1: unknown), started, ended
			  */
	KEEPER_JOB,      /* id, name: it runs */
	KEEPER_JOB_PROGRESS, /* id, done, total */
	KEEPER_JOB_ENDED,    /* id, name, status (waitpid), error, text */
	KEEPER_SYNCED,       /* the list of what the keeper knows is complete; status: 1 if it was
			      * started by hand, without units beside it */
};

struct message {
	uint32_t version; /* PROTOCOL_VERSION */
	uint32_t type;
	uint64_t id;
	char name[NAME_LENGTH + 1];
	char new_name[NAME_LENGTH + 1];
	char uuid[40];
	int32_t pid;
	int32_t status;
	uint32_t stop_way;
	uint32_t unused;
	int64_t started, ready, ended; /* seconds since the epoch; 0: not yet */
	uint64_t done, total;
	struct error error;
	char text[128];
};

/* Right size and version, names valid or empty, all texts terminated. For everything received. */
bool message_check(const struct message *message, size_t size);
