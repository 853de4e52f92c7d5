/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * readiness.c - clients that wait until a VE is up (start --wait).
 */
#include "readiness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "daemon/call.h"
#include "daemon/console_log.h"
#include "daemon/manager_data.h"
#include "daemon/ve_table.h"

#define LINES_MAX   10
#define CONSOLE_MAX 380 /* fits the error's text behind its first line */

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct ve *ve;
	struct call *call;
	char verb[16]; /* "restart" is the longest */
	int64_t seconds;
	struct json *reply;
	struct loop_source *timer;
};

static struct call *waiter_free(struct waiter *waiter)
{
	struct call *call = waiter->call;

	if (call)
		call->hung_up = NULL;
	TAILQ_REMOVE(&waiter->ve->waiters, waiter, link);
	loop_remove(waiter->timer);
	json_free(waiter->reply);
	free(waiter);
	return call;
}

/* Nobody else ends the call of a client that is gone. */
static void on_hung_up(struct call *call)
{
	call_reply(waiter_free(call->data), NULL);
}

static int on_timeout(struct loop *loop, void *data)
{
	struct waiter *waiter = data;
	struct error err = { 0 };

	error_set(&err, ETIMEDOUT,
		"cannot %s %s: it is not ready after %jd s, and goes on starting", waiter->verb,
		waiter->ve->name, (intmax_t)waiter->seconds);
	call_fail(waiter_free(waiter), &err);
	return 0;
}

void readiness_wait(
	struct ve *ve, struct call *call, const char *verb, int64_t seconds, struct json *reply)
{
	cleanup_json struct json *owned = reply;
	struct waiter *waiter;
	struct error err = { 0 };

	if (!call)
		return;
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter) {
		error_memory(&err);
		call_fail(call, &err);
		return;
	}
	*waiter = (struct waiter){
		.ve = ve, .call = call, .seconds = seconds, .reply = take_ptr(&owned)
	};
	snprintf(waiter->verb, sizeof(waiter->verb), "%s", verb);
	TAILQ_INSERT_TAIL(&ve->waiters, waiter, link);
	if (!call->connection) {
		on_hung_up(&(struct call){ .data = waiter });
		return;
	}
	call->data = waiter;
	call->hung_up = on_hung_up;
	if (seconds >= 0 && loop_add_timer(ve->manager->loop, (uint64_t)seconds * 1000, on_timeout,
				    waiter, &waiter->timer, &err) < 0)
		call_fail(waiter_free(waiter), &err);
}

void readiness_reached(struct ve *ve)
{
	while (!TAILQ_EMPTY(&ve->waiters)) {
		struct waiter *waiter = TAILQ_FIRST(&ve->waiters);
		struct json *reply = take_ptr(&waiter->reply);

		call_reply(waiter_free(waiter), reply);
	}
}

void readiness_failed(struct ve *ve, const struct error *err)
{
	while (!TAILQ_EMPTY(&ve->waiters)) {
		struct waiter *waiter = TAILQ_FIRST(&ve->waiters);
		struct error whole = *err;

		error_wrap(&whole, "cannot %s %s", waiter->verb, ve->name);
		call_fail(waiter_free(waiter), &whole);
	}
}

/* The guest's own bytes: printable ASCII and ends of lines go on, nothing else. */
static size_t clean(char *text, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if ((text[i] >= ' ' && text[i] <= '~') ||
			(text[i] == '\n' && kept > 0 && text[kept - 1] != '\n'))
			text[kept++] = text[i];
	while (kept > 0 && text[kept - 1] == '\n')
		kept--;
	text[kept] = '\0';
	return kept;
}

static const char *last_lines(char *text, size_t length)
{
	size_t lines = 0;

	for (size_t i = length; i > 0; i--)
		if (text[i - 1] == '\n' && ++lines == LINES_MAX)
			return text + i;
	return text;
}

int readiness_error(const struct ve *ve, struct error *err)
{
	char console[CONSOLE_MAX + 1] = "";
	char path[sizeof("ve/") + NAME_LENGTH];
	struct ve_exit end = ve_exit_of(ve);
	struct error ignored = { 0 };
	cleanup_close int dir_fd = -1;
	const char *lines = console;

	snprintf(path, sizeof(path), "ve/%s", ve->name);
	dir_fd = file_open_dir(ve->manager->instance->state_fd, path, &ignored);
	if (dir_fd >= 0)
		lines = last_lines(
			console, clean(console, console_log_tail(dir_fd, console, CONSOLE_MAX)));
	return error_set(err, ECHILD, "its init has ended (%s %d)%s%s", end.how, end.status,
		*lines ? "; its console:\n" : "", lines);
}
