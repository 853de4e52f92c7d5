/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_wire.c - a job talks to its keeper, and reads its spec.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/socket.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"

struct message job_message(const struct job_context *context, enum message_type type)
{
	struct message message = {
		.version = PROTOCOL_VERSION,
		.type = type,
		.id = context->job->id,
	};

	if (context->name)
		snprintf(message.name, sizeof(message.name), "%s", context->name);
	if (context->has_config)
		snprintf(message.uuid, sizeof(message.uuid), "%s", context->config.uuid);
	return message;
}

/* The keeper may have made its sockets non-blocking; a job has nothing else to do than to wait. */
static void wait_for(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	(void)poll(&poll_fd, 1, -1); /* interrupted: the caller tries again anyway */
}

int job_send(const struct job_context *context, const struct message *message, const int *fds,
	size_t n_fds, struct error *err)
{
	int fd = context->job->keeper_fd;
	ssize_t n;

	for (;;) {
		n = socket_send(fd, message, sizeof(*message), fds, n_fds);
		if (n != -EAGAIN && n != -EINTR)
			break;
		wait_for(fd, POLLOUT);
	}
	if (n < 0) {
		errno = (int)-n;
		return error_sys(err, "cannot send to the keeper");
	}
	return 0;
}

int job_await_go(const struct job_context *context, struct error *err)
{
	int fd = context->job->keeper_fd;
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	struct message message;
	ssize_t n;

	for (;;) {
		n = socket_receive(fd, &message, sizeof(message), fds, &n_fds);
		if (n != -EAGAIN && n != -EINTR)
			break;
		wait_for(fd, POLLIN);
	}
	for (size_t i = 0; n >= 0 && i < n_fds; i++)
		close_fd(&fds[i]);
	if (n == 0)
		return error_set(err, EPIPE, "the keeper has gone before it said go");
	if (n < 0) {
		errno = (int)-n;
		return error_sys(err, "cannot hear from the keeper");
	}
	if (n != sizeof(message) || message.version != PROTOCOL_VERSION ||
		message.type != KEEPER_GO)
		return error_set(err, EPROTO, "the keeper did not say go");
	return 0;
}

int job_spec_list(const struct job_context *context, const char *key, const char ***ret,
	size_t *ret_n, struct error *err)
{
	const struct json *list = json_find(context->spec, key);
	cleanup_free const char **strings = NULL;
	size_t n = json_count(list);

	*ret = NULL;
	*ret_n = 0;
	if (!list || json_type(list) == JSON_NULL)
		return 0;
	if (json_type(list) != JSON_ARRAY)
		return error_set(err, EINVAL, "\"%s\" of the job is no list", key);
	strings = calloc(n + 1, sizeof(*strings));
	if (!strings)
		return error_memory(err);
	for (size_t i = 0; i < n; i++) {
		strings[i] = json_string(json_at(list, i));
		if (!strings[i])
			return error_set(err, EINVAL, "\"%s\" of the job holds no string", key);
	}
	*ret = take_ptr(&strings);
	*ret_n = n;
	return 0;
}

bool job_spec_flag(const struct job_context *context, const char *key)
{
	bool flag = false;

	(void)json_bool(json_find(context->spec, key), &flag); /* absent is no */
	return flag;
}

/* The operation's name, a colon, the step's: "start:clone". */
void job_hold(const char *step, void *data)
{
	const struct job_context *context = data;
	const char *hold = context->job->instance->hold;
	size_t length = strlen(context->operation->name);

	if (hold && strncmp(hold, context->operation->name, length) == 0 && hold[length] == ':' &&
		strcmp(hold + length + 1, step) == 0)
		raise(SIGSTOP);
}
