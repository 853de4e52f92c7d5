/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method_session.c - Exec, Console, Log, Kill: what goes into a running VE without an operation.
 *
 * Descriptors pass through to a job or the keeper; data never does. None of these waits for what
 * the VE is busy with.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "daemon/console_log.h"
#include "daemon/job_list.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"
#include "daemon/operation_types.h"
#include "daemon/protocol.h"
#include "daemon/ve_table.h"

static void log_request(const struct call *call, const char *what)
{
	log_line(LOG_LEVEL_INFO, "%s: %s (uid %u, pid %d, login %jd)", call_string(call, "name"),
		what, (unsigned int)call->caller.uid, (int)call->caller.pid,
		(intmax_t)call->caller.login);
}

static struct ve *find(const struct call *call, struct error *err)
{
	struct ve *ve = ve_table_find(call->manager->ves, call_string(call, "name"));

	if (!ve)
		error_refuse(err, ERROR_NOT_FOUND, "no such VE (see vessel list)");
	return ve;
}

/* Its init is there and is its own. A frozen one would take what is sent and never answer. */
static struct ve *find_running(const struct call *call, bool frozen_too, struct error *err)
{
	struct ve *ve = find(call, err);

	if (!ve)
		return NULL;
	if (ve_alive(ve) && !ve->helper && (frozen_too || ve->state != VE_PAUSED))
		return ve;
	(void)ve_wrong_state(ve, err);
	return NULL;
}

static bool is_status_socket(int fd)
{
	int type = 0, domain = 0;
	socklen_t length = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

static int gather_fds(
	const struct call *call, const struct ve *ve, int fds[5], size_t *ret_n, struct error *err)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	fds[0] = ve->pidfd;
	fds[1] = call_fd(call, "status");
	*ret_n = 2;
	if (!is_status_socket(fds[1]))
		return error_refuse(err, ERROR_USAGE, "status is no SOCK_SEQPACKET socket");
	if (call_flag(call, "terminal"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fds[2 + i] = call_fd(call, names[i]);
		if (fds[2 + i] < 0)
			return error_refuse(
				err, ERROR_USAGE, "without a terminal %s is needed", names[i]);
		if (isatty(fds[2 + i]))
			return error_refuse(err, ERROR_USAGE,
				"%s is a terminal of the host (ask for one inside)", names[i]);
	}
	*ret_n = 5;
	return 0;
}

static struct json *exec_spec(const struct call *call, const struct ve *ve)
{
	static const char *const members[] = { "argv", "env", "user", "cwd", "term", "terminal",
		"rows", "columns" };
	struct json *spec = json_new_object();

	json_set(spec, "config", config_to_json(&ve->config));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (call_find(call, members[i]))
			json_set(spec, members[i], json_copy(call_find(call, members[i])));
	return spec;
}

static int exec(struct call *call, struct error *err)
{
	struct ve *ve = find_running(call, false, err);
	const struct json *argv = call_find(call, "argv");
	struct job_order order = { .operation = "exec", .session = true };
	int fds[5];
	int r;

	if (!ve)
		return -err->code;
	if (!ve->has_config)
		return ve_check(ve, EVENT_START, err);
	if (argv && json_count(argv) == 0)
		return error_refuse(err, ERROR_USAGE, "no command");
	r = gather_fds(call, ve, fds, &order.n_fds, err);
	if (r < 0)
		return r;
	order.name = ve->name;
	order.fds = fds;
	order.spec = exec_spec(call, ve);
	return job_list_run(call->manager->jobs, &order, NULL, err);
}

/* What becomes of it is told on the status socket. */
void method_exec(struct call *call)
{
	struct error err = { 0 };

	if (exec(call, &err) < 0) {
		method_refuse(call, "run a program in", call_string(call, "name"), &err);
		return;
	}
	log_request(call, call_find(call, "argv") ? "exec" : "enter");
	call_reply(call, NULL);
}

void method_console(struct call *call)
{
	struct message message = { .type = MANAGER_WATCH };
	struct error err = { 0 };
	struct ve *ve = find_running(call, true, &err);
	int fd = call_fd(call, "stream");

	if (ve)
		snprintf(message.name, sizeof(message.name), "%s", ve->name);
	if (!ve || mailbox_send(call->manager->mailbox, &message, &fd, 1, &err) < 0) {
		method_refuse(call, "attach to the console of", call_string(call, "name"), &err);
		return;
	}
	log_request(call, "console");
	call_reply(call, NULL);
}

void method_log(struct call *call)
{
	static const char *const names[] = { CONSOLE_LOG_OLD, CONSOLE_LOG };
	static const char *const indexes[] = { "[]", "[0]", "[0,1]" };
	struct error err = { 0 };
	struct ve *ve = find(call, &err);
	struct json *reply, *files = NULL;
	int fds[ARRAY_SIZE(names)];
	size_t n = 0;

	if (!ve) {
		error_wrap(&err, "cannot read the log of %.80s", call_string(call, "name"));
		call_fail(call, &err);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[sizeof("ve//" CONSOLE_LOG_OLD) + NAME_LENGTH];
		int fd;

		snprintf(path, sizeof(path), "ve/%s/%s", ve->name, names[i]);
		fd = openat(
			call->manager->instance->state_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			fds[n++] = fd; /* not there: it has never run, or not so long */
	}
	reply = json_new_object();
	(void)json_parse(indexes[n], strlen(indexes[n]), &files, &err); /* NULL fails the reply */
	json_set(reply, "files", files);
	call_reply_fds(call, reply, fds, n);
	while (n > 0)
		close_fd(&fds[--n]);
}

static int kill_starting(struct ve *ve, int signal, struct error *err)
{
	struct operation *op = ve->current;

	if (signal != SIGKILL || !op || !op->starting || !op->job)
		return ve_wrong_state(ve, err);
	job_list_cancel(ve->manager->jobs, op->job);
	return ve_kill(ve, err);
}

static int send_signal(struct call *call, struct error *err)
{
	struct ve *ve = find(call, err);
	int signal;

	if (!ve)
		return -err->code;
	if (parse_signal(call_string(call, "signal"), &signal) < 0)
		return error_refuse(err, ERROR_USAGE,
			"no such signal as '%.40s' (TERM, SIGHUP, 9, RTMIN+3)",
			call_string(call, "signal"));
	if (!ve_alive(ve))
		return kill_starting(ve, signal, err);
	if (syscall(SYS_pidfd_send_signal, ve->pidfd, signal, NULL, 0) < 0)
		return error_sys(err, "cannot signal its init");
	if (signal == SIGKILL)
		ve->killed = true;
	return 0;
}

void method_kill(struct call *call)
{
	struct error err = { 0 };
	char what[32]; /* the longest name of a signal is RTMIN+15 */

	if (send_signal(call, &err) < 0) {
		method_refuse(call, "signal", call_string(call, "name"), &err);
		return;
	}
	snprintf(what, sizeof(what), "kill %s", call_string(call, "signal"));
	log_request(call, what);
	call_reply(call, NULL);
}
