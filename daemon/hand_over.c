/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hand_over.c - a VE is handed over: a password, an ssh key, set with the guest's own tools.
 *
 * In a running VE the tool joins it; in a stopped one it runs in place of init, on the VE's own
 * disk and in its own namespaces, and ends. What comes out of it is its exit status and a line of
 * stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"
#include "daemon/inside_run.h"
#include "daemon/manager_data.h"
#include "daemon/operation_types.h"
#include "daemon/ve_table.h"

#define TOOL_MS      60000
#define PASSWORD_MAX 512
#define KEY_MAX      32768
#define SAID_MAX     160

enum { STEP_JOB, STEP_RUNS, STEP_RECLAIM }; /* of a helper; op->step */

#define TOOL_PATH "PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH; "

static const char *const password_argv[] = { "/bin/sh", "-c", TOOL_PATH "exec chpasswd", NULL };
static const char *const ssh_key_argv[] = { "/bin/sh", "-c",
	TOOL_PATH "HOME=${HOME:-/root}; umask 077; mkdir -p \"$HOME/.ssh\" && "
		  "cat >> \"$HOME/.ssh/authorized_keys\"",
	NULL };

int hand_over_check(
	const char *password, const char *ssh_key, const char **ret_parameter, struct error *err)
{
	if (password && (!*password || !string_clean(password, PASSWORD_MAX))) {
		*ret_parameter = "password";
		return error_refuse(err, ERROR_USAGE, "bad password (one line, at most %d bytes)",
			PASSWORD_MAX);
	}
	for (const char *at = ssh_key; at && *at; at++)
		if ((unsigned char)*at < ' ' && *at != '\n' && *at != '\t')
			ssh_key = "";
	if (ssh_key && (!*ssh_key || strlen(ssh_key) > KEY_MAX)) {
		*ret_parameter = "ssh_key";
		return error_refuse(err, ERROR_USAGE,
			"bad ssh key (lines of authorized_keys, at most %d bytes)", KEY_MAX);
	}
	return 0;
}

static int make_pipe(struct operation *op, int *ret_writing_fd, struct error *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_sys(err, "cannot make a pipe");
	close_fd(&op->pipe_fd);
	op->pipe_fd = pair[0];
	*ret_writing_fd = pair[1];
	return 0;
}

static int helper_begin(
	struct operation *op, const char *const *argv, const char *input, struct error *err)
{
	cleanup_close int input_fd = inside_input(input, err);
	cleanup_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int said_fd = -1;
	struct json *spec;
	struct json *list;
	int r;

	if (input_fd < 0)
		return input_fd;
	if (null_fd < 0)
		return error_sys(err, "cannot open /dev/null");
	r = make_pipe(op, &said_fd, err);
	if (r < 0)
		return r;
	spec = json_new_object();
	list = json_set_array(spec, "argv");
	for (size_t i = 0; argv[i]; i++)
		json_append_string(list, argv[i]);
	op->ve->helper = true;
	return operation_job_fds(
		op, "helper", spec, &op->ve->config, (int[]){ input_fd, null_fd, said_fd }, 3, err);
}

static int tool_begin(
	struct operation *op, const char *const *argv, const char *input, struct error *err)
{
	int r = operation_timer(op, TOOL_MS, err);

	if (r < 0)
		return r;
	if (ve_alive(op->ve)) {
		r = inside_run(op, argv, input, err);
		return r < 0 ? r : PHASE_WAIT;
	}
	return helper_begin(op, argv, input, err);
}

int phase_password_begin(struct operation *op, struct error *err)
{
	cleanup_free char *line = NULL;
	int r;

	if (!op->password)
		return PHASE_DONE;
	if (asprintf(&line, "root:%s\n", op->password) < 0) {
		line = NULL;
		return error_memory(err);
	}
	r = tool_begin(op, password_argv, line, err);
	explicit_bzero(line, strlen(line));
	return r;
}

int phase_ssh_key_begin(struct operation *op, struct error *err)
{
	cleanup_free char *lines = NULL;
	bool ended;

	if (!op->ssh_key)
		return PHASE_DONE;
	ended = op->ssh_key[strlen(op->ssh_key) - 1] == '\n';
	if (asprintf(&lines, "%s%s", op->ssh_key, ended ? "" : "\n") < 0) {
		lines = NULL;
		return error_memory(err);
	}
	return tool_begin(op, ssh_key_argv, lines, err);
}

/* The tool's first line on stderr, printable ASCII only: it is the guest that speaks. */
static void what_it_said(const struct operation *op, char said[SAID_MAX])
{
	ssize_t n = op->pipe_fd < 0 ? 0 : read(op->pipe_fd, said, SAID_MAX - 1);
	size_t length = 0;

	while (n > 0 && length < (size_t)n && said[length] >= ' ' && said[length] <= '~')
		length++;
	said[length] = '\0';
}

static int tool_result(struct operation *op, int status, struct error *err)
{
	const char *what = op->type->phases[op->phase - 1].begin == phase_password_begin
				   ? "password"
				   : "ssh key";
	char said[SAID_MAX];

	if (status == 0)
		return PHASE_DONE;
	what_it_said(op, said);
	return error_set(err, ECHILD, "the guest's own tool cannot set the %s (status %d)%s%s",
		what, status, said[0] ? ": " : "", said);
}

static int shell_status(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 1;
}

static int timed_out(struct operation *op, struct error *err)
{
	struct error ignored = { 0 };

	if (op->ve->helper)
		(void)ve_kill(op->ve, &ignored);
	else
		inside_free(take_ptr(&op->inside));
	return error_set(
		err, ETIMEDOUT, "the guest's own tool takes longer than %d s", TOOL_MS / 1000);
}

int phase_tool_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	struct ve *ve = op->ve;

	if (what->kind == OCCUR_TIMER)
		return timed_out(op, err);
	if (what->kind == OCCUR_INSIDE)
		return tool_result(op, what->status, err);
	if (!ve->helper)
		return ve->ended ? error_set(err, ECHILD, "it has ended meanwhile") : PHASE_WAIT;
	if (what->kind == OCCUR_JOB && op->step == STEP_RECLAIM) {
		int status = shell_status(ve->end_status);

		ve_reclaimed(ve);
		ve_load(ve);
		return tool_result(op, status, err);
	}
	if (what->kind == OCCUR_JOB)
		op->step = STEP_RUNS;
	if (op->step != STEP_RUNS || !ve->ended)
		return PHASE_WAIT;
	op->step = STEP_RECLAIM;
	return phase_reclaim_begin(op, err);
}
