/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * session.h - processes that joined a VE (exec, enter) and the clients who wait for their end.
 *
 * The client's status socket outlives the manager: it stays with the keeper, which reaps the
 * process.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct loop;
struct sessions;
struct state_writer;

int sessions_new(struct loop *loop, struct sessions **ret, struct error *err);
void sessions_free(struct sessions *sessions);

/* Takes both descriptors, also on failure. */
int sessions_add(struct sessions *sessions, pid_t pid, int pidfd, int status_fd, struct error *err);

/* A child was reaped: tells its client. False if it is no session. */
bool sessions_end(struct sessions *sessions, pid_t pid, int status);

void sessions_save(struct sessions *sessions, struct state_writer *writer);
