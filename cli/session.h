/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * session.h - the poll loop of exec and console: pumps, signals, and one descriptor of its own.
 */
#pragma once

#include <stdbool.h>

#include "cli/pump.h"
#include "cli/terminal.h"

#define SESSION_PUMPS 3

struct session {
	struct terminal terminal;
	struct signals signals;
	struct pump pumps[SESSION_PUMPS];
	size_t n_pumps;
	int status_fd; /* -1: none; readable calls on_status */
	int master_fd; /* of the pty inside; -1: none */
	bool ended;
	void (*on_status)(struct session *session);
	void (*on_signal)(struct session *session, int signal);
	void *data;
};

/* Takes the signals; 0 or -errno. session_done() gives them and the terminal back. */
int session_init(struct session *session);
void session_done(struct session *session);

/* The pump is stopped (and closes what it owns) with the session. */
struct pump *session_add_pump(struct session *session, int from, int to);

/* One to the caller's stdout or stderr: nobody reading it must not keep a signal or key waiting. */
void session_add_output(struct session *session, int from, int to);

/* Waits once and does what there is to do; a pump that has read its escape byte sets `ended`. */
void session_step(struct session *session);

/* Runs until `ended`. */
void session_run(struct session *session);

/* What is still on its way out: until all pumps are at their end, or silent for a moment (a
 * background process may hold the other end for ever), or a signal asks for the end. */
void session_drain(struct session *session);
