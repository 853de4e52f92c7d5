/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper.c - one loop that reaps children and passes on what it is told.
 *
 * It parses nothing but messages of fixed size (and looks for READY=1 in what an init sends:
 * keeper_ve.c), waits for nobody, and writes no record: what it knows is in its table
 * (keeper_table.h) and in the kernel.
 */
#include "daemon/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/notify.h"
#include "daemon/protocol.h"
#include "daemon/session.h"

#define QUIT_MS 5000 /* for the manager and for jobs under way */

pid_t keeper_fork(void)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid == 0) {
		sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
	}
	return pid;
}

_Noreturn void keeper_execute(const struct keeper *keeper, const char *option)
{
	size_t n = 0;
	const char **argv;

	while (keeper->argv[n])
		n++;
	argv = reallocarray(NULL, n + 2, sizeof(*argv));
	if (argv) {
		memcpy(argv, keeper->argv, n * sizeof(*argv));
		argv[n] = option;
		argv[n + 1] = NULL;
		execv(keeper->program, (char *const *)argv);
	}
	log_line(LOG_LEVEL_ERROR, "cannot execute %s: %s", keeper->program, strerror(errno));
	_exit(1);
}

static struct stray *find_stray(struct keeper *keeper, pid_t pid)
{
	for (size_t i = 0; i < ARRAY_SIZE(keeper->strays); i++)
		if (keeper->strays[i].pid == pid)
			return &keeper->strays[i];
	return NULL;
}

void keeper_add_stray(struct keeper *keeper, pid_t pid, int status)
{
	struct stray *old = find_stray(keeper, pid);

	if (!old)
		old = &keeper->strays[keeper->n_strays++ % STRAYS];
	*old = (struct stray){ pid, status };
}

bool keeper_claim_stray(struct keeper *keeper, pid_t pid, int pidfd, int *ret_status)
{
	struct stray *stray = find_stray(keeper, pid);
	bool same;

	if (!stray)
		return false;
	/* A process that is there, if only as a zombie, was not reaped: its number was used before
	 * it (P23). */
	same = syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0 && errno == ESRCH;
	*ret_status = stray->status;
	stray->pid = 0;
	return same;
}

static void reaped(struct keeper *keeper, pid_t pid, int status)
{
	struct keeper_job *job = table_find_running_job(&keeper->table, pid);
	struct keeper_ve *ve = table_find_child(&keeper->table, pid);

	if (job)
		keeper_end_job(job, status);
	else if (ve)
		keeper_end_ve(ve, status);
	else if (pid == keeper->manager_pid)
		keeper_manager_ended(keeper, status);
	else if (pid == keeper->check_pid)
		keeper_checked(keeper, status);
	else if (!sessions_end(keeper->sessions, pid, status))
		keeper_add_stray(keeper, pid, status);
}

static void reap(struct keeper *keeper)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		reaped(keeper, pid, status);
	keeper_tell(keeper);
	keeper_quit_if_done(keeper);
}

static int on_child(struct loop *loop, int signal, int64_t sender_pid, void *data)
{
	reap(data);
	return 0;
}

static int on_quit_timer(struct loop *loop, void *data)
{
	struct keeper *keeper = data;

	if (keeper->manager_pid)
		(void)kill(keeper->manager_pid, SIGKILL); /* ours, not reaped yet */
	loop_quit(loop, 0);
	return 0;
}

void keeper_quit_if_done(struct keeper *keeper)
{
	if (keeper->quitting && !keeper->manager_pid && !table_jobs_run(&keeper->table))
		loop_quit(keeper->loop, 0);
}

void keeper_quit(struct keeper *keeper)
{
	struct error err;

	if (keeper->quitting)
		return;
	keeper->quitting = true;
	notify_send("STOPPING=1");
	loop_remove(keeper->manager_timer);
	keeper->manager_timer = NULL;
	if (keeper->manager_pid)
		(void)kill(keeper->manager_pid, SIGTERM); /* ours, not reaped yet */
	if (loop_add_timer(
		    keeper->loop, QUIT_MS, on_quit_timer, keeper, &keeper->quit_timer, &err) < 0)
		loop_quit(keeper->loop, 0);
	keeper_quit_if_done(keeper);
}

static int on_quit(struct loop *loop, int signal, int64_t sender_pid, void *data)
{
	keeper_quit(data);
	return 0;
}

static int on_reload(struct loop *loop, int signal, int64_t sender_pid, void *data)
{
	keeper_reload(data);
	return 0;
}

static int watch_signals(struct keeper *keeper, struct error *err)
{
	static const struct {
		int signal;
		loop_signal_fn *fn;
	} rows[] = {
		{ SIGCHLD, on_child },
		{ SIGTERM, on_quit },
		{ SIGINT, on_quit },
		{ SIGHUP, on_reload },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = loop_add_signal(keeper->loop, rows[i].signal, rows[i].fn, keeper, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Six descriptors a VE: as many as the host allows. What VEs may have is set at their start. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* never above the hard limit */
	}
}

static int become_keeper(struct error *err)
{
	raise_limits();
	(void)prctl(PR_SET_NAME, "vesseld"); /* execveat() of a descriptor leaves its number */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return error_sys(err, "cannot become the parent of VEs");
	return 0;
}

static int serve(struct keeper *keeper, struct error *err)
{
	int r = keeper_open(keeper, err);

	if (r == 0)
		r = watch_signals(keeper, err);
	if (r == 0 && keeper->by_hand && !keeper->manager_pid)
		r = keeper_start_manager(keeper, err);
	if (r < 0)
		return r;
	if (!keeper->by_hand)
		notify_send("READY=1"); /* by hand it is the manager who is ready, or not */
	reap(keeper);                   /* what ended between two lives */
	return loop_run(keeper->loop, err);
}

int keeper_run(
	struct instance *instance, char *program, char **argv, bool by_hand, struct error *err)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	int r;

	if (!keeper)
		return error_memory(err);
	keeper->instance = instance;
	keeper->program = program;
	keeper->argv = argv;
	keeper->by_hand = by_hand;
	r = become_keeper(err);
	if (r == 0)
		r = serve(keeper, err);
	keeper_close(keeper);
	free(keeper);
	return r;
}
