/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * session.c - the poll loop of exec and console.
 */
#include "session.h"

#include <signal.h>

#define DRAIN_SILENCE                                                                              \
	100 /* milliseconds: a pty hands over what was written through a kernel worker */

enum { SLOT_STATUS, SLOT_SIGNAL, SLOT_PUMPS, SLOTS = SLOT_PUMPS + 2 * SESSION_PUMPS };

int session_init(struct session *session)
{
	*session = (struct session){ .status_fd = -1, .master_fd = -1, .terminal.fd = -1 };
	return signals_take(&session->signals);
}

void session_done(struct session *session)
{
	for (size_t i = 0; i < session->n_pumps; i++)
		pump_stop(&session->pumps[i]);
	terminal_restore(&session->terminal);
	signals_give_back(&session->signals);
}

struct pump *session_add_pump(struct session *session, int from, int to)
{
	struct pump *pump = &session->pumps[session->n_pumps++];

	pump_init(pump, from, to);
	return pump;
}

void session_add_output(struct session *session, int from, int to)
{
	int own = output_open(to);
	struct pump *pump = session_add_pump(session, from, own >= 0 ? own : to);

	pump->close_to = own >= 0;
}

/* The signals that mean the same everywhere; the rest is the owner's. */
static void handle_signal(struct session *session)
{
	int signal = signals_read(&session->signals);

	if (signal == SIGWINCH && session->master_fd >= 0)
		terminal_copy_size(session->terminal.fd, session->master_fd);
	else if (signal == SIGTSTP)
		terminal_suspend(&session->terminal);
	else if (signal && signal != SIGWINCH && signal != SIGPIPE && signal != SIGCONT)
		session->on_signal(session, signal);
}

static void poll_pumps(struct session *session, struct pollfd *fds)
{
	for (size_t i = 0; i < session->n_pumps; i++)
		pump_poll(&session->pumps[i], &fds[2 * i]);
}

static void run_pumps(struct session *session, const struct pollfd *fds)
{
	for (size_t i = 0; i < session->n_pumps; i++) {
		pump_run(&session->pumps[i], &fds[2 * i]);
		if (session->pumps[i].left && pump_finished(&session->pumps[i]))
			session->ended = true;
	}
}

void session_step(struct session *session)
{
	struct pollfd fds[SLOTS];

	fds[SLOT_STATUS] = (struct pollfd){ .fd = session->status_fd, .events = POLLIN };
	fds[SLOT_SIGNAL] = (struct pollfd){ .fd = session->signals.fd, .events = POLLIN };
	poll_pumps(session, fds + SLOT_PUMPS);
	if (poll(fds, SLOT_PUMPS + 2 * session->n_pumps, -1) < 0)
		return;
	run_pumps(session, fds + SLOT_PUMPS);
	if (fds[SLOT_STATUS].revents)
		session->on_status(session); /* may add pumps: after the others have run */
	if (fds[SLOT_SIGNAL].revents && !session->ended)
		handle_signal(session);
}

void session_run(struct session *session)
{
	while (!session->ended)
		session_step(session);
}

static bool drained(const struct session *session)
{
	for (size_t i = 0; i < session->n_pumps; i++)
		if (!pump_finished(&session->pumps[i]))
			return false;
	return true;
}

/* Whoever asks for the end now does not want the rest. */
static bool asked_to_end(struct session *session)
{
	int signal = signals_read(&session->signals);

	return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

void session_drain(struct session *session)
{
	for (size_t i = 0; i < session->n_pumps; i++)
		if (session->pumps[i].input)
			pump_stop(&session->pumps[i]);
	while (!drained(session)) {
		struct pollfd fds[2 * SESSION_PUMPS + 1];
		size_t n_fds = 2 * session->n_pumps;
		bool writing = false;

		poll_pumps(session, fds);
		for (size_t i = 0; i < session->n_pumps; i++)
			writing |= fds[2 * i + 1].fd >= 0;
		fds[n_fds] = (struct pollfd){ .fd = session->signals.fd, .events = POLLIN };
		if (poll(fds, n_fds + 1, writing ? -1 : DRAIN_SILENCE) <= 0)
			return;
		if (fds[n_fds].revents && asked_to_end(session))
			return;
		run_pumps(session, fds);
	}
}
