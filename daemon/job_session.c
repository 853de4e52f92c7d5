/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_session.c - a process joins a running VE, and a VE whose keeper died gets a new console.
 *
 * The client's status socket came all the way from the client: what it is told does not pass the
 * manager. The keeper has the pidfd before the client hears "started", so that no exit is missed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/socket.h"
#include "base/text.h"
#include "daemon/job_context.h"
#include "runtime/join.h"
#include "runtime/process.h"

#define STATUS_FAILED    125
#define STATUS_NOT_EXEC  126
#define STATUS_NOT_FOUND 127

/* After the spec: the init's pidfd, the status socket, and without a terminal three more. */
enum { FD_INIT, FD_STATUS, FD_STDIO, FD_END = FD_STDIO + 3 };

/* A terminal's size, as a client may say it. */
static unsigned short spec_short(const struct job_context *context, const char *key)
{
	int64_t value = 0;

	(void)json_int(json_find(context->spec, key), &value); /* absent: 0 */
	return value > 0 && value <= UINT16_MAX ? (unsigned short)value : 0;
}

static int registered(const struct joined *joined, void *data, struct error *err)
{
	const struct job_context *context = data;
	struct message message = job_message(context, JOB_SESSION);
	int fds[] = { joined->pidfd, context->job->fds[FD_STATUS] };

	message.pid = joined->pid;
	return job_send(context, &message, fds, ARRAY_SIZE(fds), err);
}

/* A client that has gone is no failure: the keeper sees its socket hang up. */
static void tell_started(const struct job_context *context, const struct joined *joined)
{
	(void)socket_send(context->job->fds[FD_STATUS], "started", strlen("started"),
		&joined->terminal_fd, joined->terminal_fd >= 0 ? 1 : 0);
}

static int run(struct job_context *context, const struct join *join, struct error *err)
{
	struct joined joined = { .pidfd = -1 };
	bool exec_failed = false;
	int r = join_run(join, &joined, &exec_failed, err);

	/* What joined holds after a failure is closed by our exit, and killed just before: the
	 * client hears "failed" first. */
	if (r < 0) {
		context->left_pidfd = joined.pidfd;
		if (exec_failed)
			context->status = err->code == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXEC;
		return r;
	}
	tell_started(context, &joined);
	context->started = true;
	close_fd(&joined.pidfd);
	close_fd(&joined.terminal_fd);
	return 0;
}

static int exec_join(void *data, struct error *err)
{
	struct job_context *context = data;
	const int *fds = context->job->fds;
	cleanup_free const char **argv = NULL;
	cleanup_free const char **env = NULL;
	size_t n_argv, n_env;
	struct join join = {
		.host = context->job->host,
		.name = context->name,
		.config = &context->config,
		.init_pidfd = fds[FD_INIT],
		.user = json_find_string(context->spec, "user"),
		.cwd = json_find_string(context->spec, "cwd"),
		.term = json_find_string(context->spec, "term"),
		.terminal = job_spec_flag(context, "terminal"),
		.rows = spec_short(context, "rows"),
		.columns = spec_short(context, "columns"),
		.stdio_fds = { fds[FD_STDIO], fds[FD_STDIO + 1], fds[FD_STDIO + 2] },
		.registered = registered,
		.data = context,
	};
	int r = job_spec_list(context, "argv", &argv, &n_argv, err);

	if (r == 0)
		r = job_spec_list(context, "env", &env, &n_env, err);
	if (r < 0)
		return r;
	if (!join.terminal && context->job->n_fds < FD_END)
		return error_set(err, EINVAL, "stdin, stdout and stderr are missing");
	join.argv = n_argv > 0 ? (char *const *)argv : NULL;
	join.env = (char *const *)env;
	return run(context, &join, err);
}

static void exec_finished(struct job_context *context, int r, const struct error *err)
{
	struct text text;

	if (r >= 0 || context->started || context->job->n_fds <= FD_STATUS)
		return;
	text_init(&text);
	text_format(&text, "failed %d %s", context->status ? context->status : STATUS_FAILED,
		err->text);
	(void)socket_send(context->job->fds[FD_STATUS], text.data, text.length, NULL, 0);
	text_done(&text); /* a client that has gone wants no answer */
	process_kill(context->left_pidfd);
}

static const struct step exec_steps[] = { { "join", exec_join, NULL } };

const struct job_operation job_exec = {
	.name = "exec",
	.verb = "run a program in",
	.name_valid = name_valid,
	.config = JOB_CONFIG_MUST,
	.n_fds = FD_STDIO,
	.steps = exec_steps,
	.n_steps = ARRAY_SIZE(exec_steps),
	.finished = exec_finished,
};

static int console_replace(void *data, struct error *err)
{
	const struct job_context *context = data;
	struct message message = job_message(context, JOB_CONSOLE);
	cleanup_close int master_fd = -1;
	int r = join_replace_console(
		context->job->host, context->name, context->job->fds[FD_INIT], &master_fd, err);

	return r < 0 ? r : job_send(context, &message, &master_fd, 1, err);
}

static const struct step console_steps[] = { { "replace", console_replace, NULL } };

const struct job_operation job_console = {
	.name = "console",
	.verb = "give a new console to",
	.name_valid = name_valid,
	.n_fds = 1,
	.steps = console_steps,
	.n_steps = ARRAY_SIZE(console_steps),
};
