/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * exec.c - a program in a VE, as if it were a child of the caller.
 *
 *   without a terminal   stdin, stdout, stderr themselves go to the program; a terminal among them
 *                        does not cross (property P19), a pipe does, pumped here
 *   with a terminal      a pty of the VE's own; its master comes back with "started"
 *
 * The exit status comes on a socket of its own, from the keeper: it outlives manager and
 * connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/socket.h"
#include "cli/client.h"
#include "cli/session.h"

#define STATUS_FAILED  125
#define STATUS_SIGNAL  128
#define STATUS_MESSAGE (VESSEL_MESSAGE + 32)
#define END_OF_INPUT   4 /* Ctrl-D, what a terminal sends where a pipe would end */

enum { SLOT_STATUS, SLOT_STDIN, SLOT_STDOUT, SLOT_STDERR, SLOTS };

struct run {
	struct session session;
	const struct vessel_exec *exec;
	struct vessel_error *err;
	int fds[SLOTS]; /* what the daemon gets */
	bool own[SLOTS];
	int status; /* what the caller gets */
	bool started;
	bool signalled;
};

static int status_failed(struct run *run, const char *message)
{
	client_fail(run->err, VESSEL_FAILED, "%s", message);
	return STATUS_FAILED;
}

/* The pty, from now on our terminal's other end. */
static void attach_terminal(struct run *run, int master_fd)
{
	struct session *session = &run->session;
	struct pump *input;

	session->master_fd = master_fd;
	(void)fcntl(master_fd, F_SETFL, O_RDWR | O_NONBLOCK); /* a valid descriptor takes it */
	terminal_copy_size(session->terminal.fd, master_fd);
	terminal_raw(&session->terminal);
	input = session_add_pump(session, STDIN_FILENO, master_fd);
	input->input = true;
	input->end_byte = END_OF_INPUT;
	session_add_output(session, master_fd, STDOUT_FILENO);
}

static void handle_started(struct run *run, int *fds, size_t n_fds)
{
	run->started = true;
	if (run->exec->terminal && n_fds > 0)
		attach_terminal(run, take_fd(&fds[0]));
}

static void handle_failed(struct run *run, const char *text)
{
	size_t length = strcspn(text, " ");
	cleanup_free char *word = strndup(text, length);
	bool good;
	uint64_t status;

	good = word && parse_count(word, &status) == 0 && status >= STATUS_FAILED &&
	       status < STATUS_SIGNAL;
	run->session.ended = true;
	run->status = good ? (int)status : STATUS_FAILED;
	client_fail(run->err, VESSEL_FAILED, "%s", text + length + (text[length] == ' '));
}

static void handle_end(struct run *run, const char *text, int base)
{
	uint64_t n;

	run->session.ended = true;
	if (parse_count(text, &n) < 0 || n > 255)
		run->status = status_failed(run, "vesseld sent a bad exit status");
	else
		run->status = base + (int)n;
}

static void handle_message(struct run *run, const char *text, int *fds, size_t n_fds)
{
	if (strcmp(text, "started") == 0)
		handle_started(run, fds, n_fds);
	else if (strncmp(text, "failed ", 7) == 0)
		handle_failed(run, text + 7);
	else if (strncmp(text, "exited ", 7) == 0)
		handle_end(run, text + 7, 0);
	else if (strncmp(text, "signaled ", 9) == 0)
		handle_end(run, text + 9, STATUS_SIGNAL);
}

static void on_status(struct session *session)
{
	struct run *run = session->data;
	char text[STATUS_MESSAGE]; /* a word, a number and one error line; longer is cut */
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n = socket_receive(session->status_fd, text, sizeof(text) - 1, fds, &n_fds);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) {
		session->ended = true;
		run->status = status_failed(run, "lost sight of the program: the keeper is gone");
		return;
	}
	text[n] = '\0';
	handle_message(run, text, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		close_fd(&fds[i]);
}

static int ended_by(struct run *run, int signal)
{
	client_fail(run->err, VESSEL_FAILED, "ended by %s",
		sigabbrev_np(signal) ? sigabbrev_np(signal) : "a signal");
	return STATUS_SIGNAL + signal;
}

/* To the program. A session whose own terminal goes ends with it, and so does, at the second
 * signal, one whose program has not been seen to start. */
static void on_signal(struct session *session, int signal)
{
	struct run *run = session->data;
	unsigned char byte = (unsigned char)signal;
	bool leave = run->exec->terminal && (signal == SIGHUP || signal == SIGTERM);

	if (leave || (!run->started && run->signalled)) {
		session->ended = true;
		run->status = ended_by(run, signal);
		return;
	}
	run->signalled = true;
	(void)send(session->status_fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* or it has ended */
}

/* A terminal stays here; the program gets one end of a pipe. */
static int make_pipe(struct run *run, int slot, int fd)
{
	struct pump *pump;
	int ends[2];
	int inner = slot == SLOT_STDIN ? 0 : 1;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	run->fds[slot] = ends[inner];
	run->own[slot] = true;
	(void)fcntl(ends[!inner], F_SETFL, O_NONBLOCK); /* a valid descriptor takes it */
	if (slot == SLOT_STDIN) {
		pump = session_add_pump(&run->session, fd, ends[1]);
		pump->input = true;
		pump->close_to = true;
	} else {
		session_add_output(&run->session, ends[0], fd);
	}
	return 0;
}

static int prepare_stdio(struct run *run)
{
	for (int i = 0; i < 3; i++) {
		int fd = run->exec->stdio[i];
		int r;

		run->fds[SLOT_STDIN + i] = fd;
		if (!isatty(fd))
			continue;
		r = make_pipe(run, SLOT_STDIN + i, fd);
		if (r < 0)
			return r;
	}
	return 0;
}

static void set_strings(struct json *object, const char *key, const char *const *strings)
{
	struct json *array = strings ? json_set_array(object, key) : NULL;

	for (size_t i = 0; strings && strings[i]; i++)
		json_append_string(array, strings[i]);
}

static char *make_parameters(const struct run *run, const char *name)
{
	static const char *const stdio_names[] = { "stdin", "stdout", "stderr" };
	const struct vessel_exec *exec = run->exec;
	cleanup_json struct json *object = json_new_object();
	char *text = NULL;
	int rows, columns;

	json_set_string(object, "name", name);
	set_strings(object, "argv", exec->argv);
	set_strings(object, "env", exec->env);
	if (exec->user)
		json_set_string(object, "user", exec->user);
	if (exec->cwd)
		json_set_string(object, "cwd", exec->cwd);
	json_set_bool(object, "terminal", exec->terminal);
	json_set_int(object, "status", SLOT_STATUS);
	if (exec->terminal) {
		terminal_size(STDIN_FILENO, &rows, &columns);
		json_set_string(object, "term", getenv("TERM") ? getenv("TERM") : "linux");
		json_set_int(object, "rows", rows);
		json_set_int(object, "columns", columns);
	}
	for (int i = 0; !exec->terminal && i < 3; i++)
		json_set_int(object, stdio_names[i], SLOT_STDIN + i);
	return object && json_print(object, false, &text) == 0 ? text : NULL;
}

/* What is the daemon's now must not be held here: a pipe held twice never ends. */
static void close_sent(struct run *run)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (run->own[i])
			close_fd(&run->fds[i]);
}

/* Waits for the daemon's answer, but for nothing longer than whoever waits for us. Returns 0, or
 * the status to end with. */
static int await_answer(struct run *run, struct vessel *vessel)
{
	struct pollfd fds[] = { { vessel_fd(vessel), POLLIN, 0 },
		{ run->session.signals.fd, POLLIN, 0 } };
	int done = 0;

	while (!done) {
		int signal;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		signal = fds[1].revents ? signals_read(&run->session.signals) : 0;
		if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT)
			return ended_by(run, signal);
		if (fds[0].revents &&
			vessel_receive(vessel, NULL, NULL, &done, run->err) != VESSEL_OK)
			return STATUS_FAILED;
	}
	return 0;
}

static int run_session(struct run *run, struct vessel *vessel, const char *name)
{
	cleanup_free char *parameters = make_parameters(run, name);
	enum vessel_result result;
	int status;

	if (!parameters)
		return status_failed(run, "out of memory");
	result = vessel_send(
		vessel, "Exec", parameters, run->fds, run->exec->terminal ? 1 : SLOTS, 0, run->err);
	close_sent(run);
	if (result != VESSEL_OK)
		return STATUS_FAILED;
	status = await_answer(run, vessel);
	if (status)
		return status;
	session_run(&run->session);
	session_drain(&run->session);
	return run->status;
}

/* Pumped pipes' reading ends and the pty. */
static void close_ends(struct run *run)
{
	for (size_t i = 0; i < run->session.n_pumps; i++) {
		struct pump *pump = &run->session.pumps[i];

		if (!run->exec->terminal && pump->from != run->exec->stdio[0])
			close_fd(&pump->from);
	}
	close_fd(&run->session.master_fd);
}

int vessel_exec(struct vessel *vessel, const char *name, const struct vessel_exec *exec,
	struct vessel_error *err)
{
	struct run run = { .exec = exec, .err = err, .status = STATUS_FAILED };
	int pair[2];
	int status;

	*err = (struct vessel_error){ 0 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
		session_init(&run.session) < 0)
		return status_failed(&run, "cannot make a socket: no descriptors left");
	run.session.status_fd = pair[0];
	run.session.on_status = on_status;
	run.session.on_signal = on_signal;
	run.session.data = &run;
	run.fds[SLOT_STATUS] = pair[1];
	run.own[SLOT_STATUS] = true;
	terminal_init(&run.session.terminal, exec->terminal ? STDIN_FILENO : -1);

	if (exec->terminal || prepare_stdio(&run) == 0)
		status = run_session(&run, vessel, name);
	else
		status = status_failed(&run, "cannot make a pipe: no descriptors left");
	close_sent(&run);
	session_done(&run.session);
	close_ends(&run);
	(void)close(pair[0]); /* nothing of ours is left in it */
	return status;
}
