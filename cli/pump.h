/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pump.h - bytes from one descriptor to another inside a poll loop.
 *
 * One small buffer: it is read into only when empty, so a slow reader slows its writer and nothing
 * else. `to` should not block, or a full one holds up the other direction too.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define PUMP_SIZE 8192

struct pump {
	int from, to;
	bool input;    /* towards the VE: of no use once the program there has ended */
	bool close_to; /* `to` is ours: closed when all is through */
	bool done;     /* nothing more will come, or can go */
	bool left;     /* the escape byte was read */
	int escape;    /* a byte that ends the session, or -1 */
	int end_byte;  /* sent when `from` ends, or -1 */
	size_t start, end;
	char data[PUMP_SIZE];
};

void pump_init(struct pump *pump, int from, int to);

/* What to wait for: fds[0] is for reading, fds[1] for writing. */
void pump_poll(const struct pump *pump, struct pollfd fds[2]);

/* Moves what can be moved. */
void pump_run(struct pump *pump, const struct pollfd fds[2]);

/* Empty and at its end. */
bool pump_finished(const struct pump *pump);

/* Closes what is the pump's own. */
void pump_stop(struct pump *pump);
