/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console.c - stdin and stdout at a VE's console, until Ctrl-] or its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/session.h"

#define LEAVE 0x1d /* Ctrl-] */

static void on_signal(struct session *session, int signal)
{
	(void)signal;
	session->ended = true;
}

static char *make_parameters(const char *name)
{
	cleanup_json struct json *object = json_new_object();
	char *text = NULL;

	json_set_string(object, "name", name);
	json_set_int(object, "stream", 0);
	return object && json_print(object, false, &text) == 0 ? text : NULL;
}

/* The end of the output is the end of the console; the end of our input is not. */
static void watch(struct session *session)
{
	const struct pump *output = &session->pumps[1];

	while (!session->ended && !pump_finished(output))
		session_step(session);
}

static void attach(int stream_fd)
{
	struct session session;
	struct pump *input;

	if (session_init(&session) < 0)
		return;
	session.on_signal = on_signal;
	terminal_init(&session.terminal, STDIN_FILENO);
	terminal_raw(&session.terminal);
	(void)fcntl(stream_fd, F_SETFL, O_RDWR | O_NONBLOCK); /* a valid descriptor takes it */
	input = session_add_pump(&session, STDIN_FILENO, stream_fd);
	if (session.terminal.fd >= 0)
		input->escape = LEAVE;
	session_add_output(&session, stream_fd, STDOUT_FILENO);
	watch(&session);
	session_done(&session);
}

enum vessel_result vessel_console(struct vessel *vessel, const char *name, struct vessel_error *err)
{
	cleanup_free char *parameters = make_parameters(name);
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	enum vessel_result result;
	int pair[2];

	if (!parameters)
		return client_fail(err, VESSEL_FAILED, "out of memory");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return client_sys(err, "cannot make a socket");
	ours = pair[0];
	theirs = pair[1];
	result = vessel_call(vessel, "Console", parameters, &theirs, 1, 0, NULL, NULL, err);
	close_fd(&theirs);
	if (result == VESSEL_OK)
		attach(ours);
	return result;
}
