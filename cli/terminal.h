/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * terminal.h - the caller's terminal in raw mode, and signals as a descriptor, both given back.
 *
 * Signals are blocked and read (signalfd) while a session runs: a handler that dies with the
 * terminal in raw mode cannot exist, because there is none.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

struct terminal {
	int fd; /* the caller's; -1 when it is no terminal */
	bool raw;
	struct termios saved;
};

void terminal_init(struct terminal *terminal, int fd);
void terminal_raw(struct terminal *terminal);
void terminal_restore(struct terminal *terminal);

/* The window's size, 24 by 80 where nobody says. */
void terminal_size(int fd, int *ret_rows, int *ret_columns);

/* Gives the size of the terminal at `fd` to the pty at master_fd. */
void terminal_copy_size(int fd, int master_fd);

/* A descriptor of our own for what `fd` writes to, or -1 with errno. A terminal or a pipe is opened
 * anew so that a full one does not block: O_NONBLOCK on the caller's would be everybody's who shares
 * it, the shell's too. What cannot be opened anew (another user's, a socket) blocks as it did. */
int output_open(int fd);

struct signals {
	int fd; /* a signalfd, non-blocking */
	sigset_t before;
};

/* Blocks what a session handles. 0 or -errno. */
int signals_take(struct signals *signals);

/* Forgets what came and was not read (a SIGPIPE of ours), and restores the mask. */
void signals_give_back(struct signals *signals);

/* The next signal, or 0. */
int signals_read(struct signals *signals);

/* Stops this process as job control wants it, with its terminal as it was meanwhile. */
void terminal_suspend(struct terminal *terminal);
