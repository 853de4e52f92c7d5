/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job.h - the operations that jobs carry out: one short process each, forked by the keeper.
 *
 * The manager describes the work in a sealed memfd of JSON,
 * {"operation":"start","name":"web1",...}; the keeper forks, the child parses it and walks the
 * operation's steps. A job writes every record (config.json, op.json), so there is never a second
 * writer and the manager never waits for a disk. A job never waits for a guest.
 *
 *   operation        spec members besides operation, name           descriptors after the spec
 *   create           config (whole record), [keep_op: bool]           -
 *   commit           (removes op.json: the create is whole)          -
 *   start            config (run set to true, stored before ack)     -
 *   helper           config, argv                                    stdin, stdout, stderr
 *                    (a program in a stopped VE in place of init; registers like a start, its end
 *                    is reported as KEEPER_VE_ENDED)
 *   reclaim          config (with run, exit as to be stored; totals  -
 *                    are added by the job from the cgroups),
 *                    [pids_hits] (at least, as seen of this run)
 *   set              config, live (number: mask of settings rows to  [network namespace]
 *                    apply to the running VE; 0: none), store (bool)
 *                    (the namespace of a VE that was started with a
 *                    network: without it, its rows are not applied)
 *   freeze, thaw     -                                               -
 *   rename           new_name                                        -
 *   destroy          (rename to trash, durable, then collect)        -
 *   collect          layers (digests in use), busy (names of VEs     -
 *                    with work under way, left alone): empties
 *                    trash/, removes left-overs of killed jobs
 *   exec             config, argv|null, env, user, cwd, term,        init pidfd, status socket,
 *                    terminal, rows, columns                         [stdin, stdout, stderr]
 *   console          - (a new pty after the keeper was lost)         init pidfd
 *   import           [sha256], [replace], [squash],                  archive
 *                    [bounds: {bytes, ratio, entries}]
 *   template-remove  layers (digests in use)                         -
 */
#pragma once

#include <stddef.h>

#include "daemon/protocol.h"
#include "runtime/host.h"

struct instance;

/* In the spec, lists (argv, env as "K=V", layers, busy) are arrays of strings. The error of
 * JOB_RESULT is the whole sentence, "cannot start web1: ...". Totals are counted by jobs alone: the
 * manager reads config.json again after each job that stores it. */

/* What a job inherits from the keeper. */
struct job {
	const struct instance *instance;
	const struct runtime_host *host;
	int keeper_fd; /* the job's socket to the keeper */
	uint64_t id;
	int spec_fd;
	int fds[8]; /* after the spec, -1 where absent */
	size_t n_fds;
};

/* The body of the forked child: parses the spec, runs the operation, sends JOB_RESULT, exits. All
 * descriptors but those of `job` (and what instance and host hold) are closed by the caller. */
_Noreturn void job_run(struct job *job);

/* Names of all steps of all operations, "start:clone", "create:rename", for --hold and tests. */
void job_print_steps(void);

/* Sessions: messages on the status socket of exec (SOCK_SEQPACKET), plain text, daemon to client:
 *   "started"                with SCM_RIGHTS pty master if a terminal was asked for
 *   "failed STATUS TEXT"     125, 126 or 127 and the error line
 *   "exited N" | "signaled N"  from the keeper, when it has reaped the process
 * client to daemon: one byte, the number of a signal to send to the process. */
