/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_manager.c - vesseld started by hand keeps a manager running beside the keeper.
 *
 * Executed anew from the installed file, not forked: it parses what clients send, so it gets a
 * clean image of its own.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/keeper.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define GOOD_LIFE_S  30 /* after that the next pause is none again */

int keeper_start_manager(struct keeper *keeper, struct error *err)
{
	pid_t pid = keeper_fork();

	if (pid < 0)
		return error_sys(err, "cannot fork the manager");
	if (pid == 0) {
		(void)setpgid(0, 0); /* a terminal's Ctrl-C is for the keeper */
		keeper_execute(keeper, "--manager");
	}
	keeper->manager_pid = pid;
	keeper->manager_started = time(NULL);
	return 0;
}

static int start_later(struct keeper *keeper, struct error *err);

static int on_timer(struct loop *loop, void *data)
{
	struct keeper *keeper = data;
	struct error err;

	loop_remove(keeper->manager_timer);
	keeper->manager_timer = NULL;
	if (keeper_start_manager(keeper, &err) == 0)
		return 0;
	log_line(LOG_LEVEL_ERROR, "%s", err.text);
	(void)start_later(keeper, &err);
	return 0;
}

static int start_later(struct keeper *keeper, struct error *err)
{
	unsigned int pause = keeper->pause_ms;

	keeper->pause_ms = pause ? 2 * pause : PAUSE_MIN_MS;
	if (keeper->pause_ms > PAUSE_MAX_MS)
		keeper->pause_ms = PAUSE_MAX_MS;
	return loop_add_timer(keeper->loop, pause, on_timer, keeper, &keeper->manager_timer, err);
}

void keeper_manager_ended(struct keeper *keeper, int status)
{
	bool good = time(NULL) - keeper->manager_started >= GOOD_LIFE_S;
	struct error err;

	keeper->manager_pid = 0;
	if (keeper->quitting)
		return;
	if (WIFSIGNALED(status))
		log_line(LOG_LEVEL_WARNING, "the manager was killed by signal %d, starting another",
			WTERMSIG(status));
	else
		log_line(LOG_LEVEL_WARNING, "the manager ended with status %d, starting another",
			WEXITSTATUS(status));
	if (good)
		keeper->pause_ms = 0;
	if (start_later(keeper, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
}
