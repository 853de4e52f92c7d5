/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * session.h - the last part of a join: a process inside the VE becomes the user's program.
 */
#pragma once

struct join;

/* Runs as the VE's root in all its namespaces, with nothing of the host but the channel and, at 0,
 * 1 and 2, the session's own descriptors. Failures travel up the channel; it stays until the other
 * side is closed. */
_Noreturn void session_run(const struct join *join, int channel_fd);
