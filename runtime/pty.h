/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pty.h - terminals of a VE's own devpts; never one of the host (P19).
 */
#pragma once

#include <sys/types.h>

struct error;

/* Opens a pair in the devpts whose root is open at devpts_fd, after proving that it is one (file
 * system, device number). Both are the caller's, neither becomes a controlling terminal. */
int pty_open(int devpts_fd, int *ret_master_fd, int *ret_slave_fd, struct error *err);

/* The owner of a terminal, with mode 0620 and the group that devpts gave it. */
int pty_give(int slave_fd, uid_t owner, struct error *err);

/* A new session with the terminal as its own. */
int pty_take_session(int slave_fd, struct error *err);

/* Puts the slave over the file open at target_fd (the VE's /dev/console). */
int pty_place(int slave_fd, int target_fd, struct error *err);
