/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pump.c - bytes from one descriptor to another inside a poll loop.
 */
#include "pump.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void pump_init(struct pump *pump, int from, int to)
{
	*pump = (struct pump){ .from = from, .to = to, .escape = -1, .end_byte = -1 };
}

void pump_poll(const struct pump *pump, struct pollfd fds[2])
{
	bool loaded = pump->start < pump->end;

	fds[0] = (struct pollfd){ .fd = loaded || pump->done ? -1 : pump->from, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = loaded ? pump->to : -1, .events = POLLOUT };
}

bool pump_finished(const struct pump *pump)
{
	return pump->done && pump->start == pump->end;
}

void pump_stop(struct pump *pump)
{
	pump->done = true;
	pump->start = pump->end = 0;
	if (pump->close_to)
		close_fd(&pump->to);
}

/* Everything before the escape byte still goes through. */
static void find_escape(struct pump *pump)
{
	const char *at = memchr(pump->data, pump->escape, pump->end);

	if (!at)
		return;
	pump->end = (size_t)(at - pump->data);
	pump->left = true;
	pump->done = true;
}

static void load(struct pump *pump)
{
	ssize_t n = read(pump->from, pump->data, sizeof(pump->data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	pump->start = 0;
	pump->end = n > 0 ? (size_t)n : 0;
	if (n > 0 && pump->escape >= 0)
		find_escape(pump);
	if (n > 0)
		return;
	pump->done = true; /* the end, or EIO: the other side of a pty is gone */
	if (pump->end_byte >= 0)
		pump->data[pump->end++] = (char)pump->end_byte;
}

static void unload(struct pump *pump)
{
	ssize_t n = write(pump->to, pump->data + pump->start, pump->end - pump->start);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		pump_stop(pump);
	else
		pump->start += (size_t)n;
}

void pump_run(struct pump *pump, const struct pollfd fds[2])
{
	if (fds[0].fd >= 0 && fds[0].revents)
		load(pump);
	if (fds[1].fd >= 0 && fds[1].revents)
		unload(pump);
	if (pump_finished(pump))
		pump_stop(pump);
}
