/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper.h - the parent of every job and of every VE's init. Included by keeper*.c and vesseld.c
 * only.
 *
 *   keeper.c          signals, reaping, quitting      keeper_ve.c      registration, readiness, end
 *   keeper_setup.c    opens, locks, loads             keeper_job.c     forks jobs, hears them
 *   keeper_link.c     the connected manager           keeper_manager.c the manager started by hand
 *   keeper_table.c    what it knows                   keeper_reload.c  its next life
 *   keeper_close.c    its end
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/instance.h"
#include "daemon/keeper_state.h"
#include "daemon/keeper_table.h"
#include "runtime/host.h"

struct consoles;
struct error;
struct loop;
struct loop_source;
struct sessions;

/* Children that ended before anybody said what they are: a session may be registered after its end.
 * A job registers its session within moments, so few ends can come between. */
#define STRAYS 256

#define KEEPER_LOCK "keeper.lock" /* in run and state directory: its pid */

struct keeper {
	struct instance *instance;
	char *program; /* the installed file: for managers and for the next life */
	char **argv;
	bool by_hand; /* starts managers itself */

	struct loop *loop;
	struct cgroup_tree *tree;
	struct runtime_host host;
	int *host_fds; /* what `host` and `instance` hold, ascending: jobs keep these */
	size_t n_host_fds;
	int ve_fd;
	int lock_fds[STATE_LOCKS];

	int listen_fd, manager_fd;
	struct loop_source *listen_source, *manager_source;
	bool synced;  /* the manager has heard all there was when it came */
	bool waiting; /* its socket is full */

	struct keeper_table table;
	struct consoles *consoles;
	struct sessions *sessions;
	struct stray {
		pid_t pid;
		int status;
	} strays[STRAYS];
	size_t n_strays;

	pid_t manager_pid; /* our child, by hand; 0 while there is none */
	int64_t manager_started;
	unsigned int pause_ms;
	struct loop_source *manager_timer;

	pid_t check_pid; /* tries the installed file before a reload */
	bool quitting;
	struct loop_source *quit_timer;
};

/* Runs until SIGTERM, SIGINT or MANAGER_QUIT. */
int keeper_run(
	struct instance *instance, char *program, char **argv, bool by_hand, struct error *err);

/* keeper_setup.c: leaves a half-open keeper to keeper_close() on failure. */
int keeper_open(struct keeper *keeper, struct error *err);

/* keeper_close.c */
void keeper_close(struct keeper *keeper);

/* keeper.c */
void keeper_quit(struct keeper *keeper);
void keeper_quit_if_done(struct keeper *keeper);
void keeper_add_stray(struct keeper *keeper, pid_t pid, int status);
bool keeper_claim_stray(struct keeper *keeper, pid_t pid, int pidfd, int *ret_status);

/* keeper_link.c */
int keeper_listen(struct keeper *keeper, struct error *err);
int keeper_attach_manager(struct keeper *keeper, struct error *err);
void keeper_tell(struct keeper *keeper); /* sends what is untold, as far as it goes */

/* keeper_job.c: *fds are taken (set to -1) as far as they are used. */
void keeper_start_job(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds);
int keeper_attach_job(struct keeper_job *job, struct error *err);
void keeper_end_job(struct keeper_job *job, int status);

/* keeper_ve.c */
int keeper_register(struct keeper *keeper, uint64_t job, const struct message *message, int *fds,
	size_t n_fds, struct error *err);
int keeper_attach_ve(struct keeper_ve *ve, struct error *err);
void keeper_settle_ve(struct keeper_ve *ve); /* whose child is it now? */
void keeper_end_ve(struct keeper_ve *ve, int status);

/* keeper_manager.c */
int keeper_start_manager(struct keeper *keeper, struct error *err);
void keeper_manager_ended(struct keeper *keeper, int status);

/* keeper_reload.c */
void keeper_reload(struct keeper *keeper);
void keeper_checked(struct keeper *keeper, int status);
int keeper_load(struct keeper *keeper, int fd, struct error *err);
int keeper_check(struct error *err); /* the exit status of --check, to whoever asks */
int keeper_find_state(void);         /* the descriptor that the last life left, or -1 */

/* A child of the keeper that will execute something: signals and, with NULL, descriptors as new. */
pid_t keeper_fork(void);
/* In such a child: the installed program with our arguments and one more. */
_Noreturn void keeper_execute(const struct keeper *keeper, const char *option);
