/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * library.c - one connection to vesseld: requests out, replies in.
 *
 * Varlink's wire format: a JSON object and a NUL a message. Exactly one message is taken off the
 * socket at a time (its length is peeked first), so that poll(2) on the descriptor never hides a
 * reply that was read already, and descriptors always belong to the message they came with.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/socket.h"
#include "base/text.h"
#include "cli/client.h"
#include "vessel.h"

#define INTERFACE "io.vessel."
#define PEEK_SIZE 65536

struct vessel {
	int fd;
	struct text in; /* the message that is arriving */
	int fds[SOCKET_FDS_MAX];
	size_t n_fds; /* that came with it */
};

/* clang-format off */
static const struct wire_error {
	const char *name;
	enum vessel_result result;
} wire_errors[] = {
	{ "io.vessel.Failed",                          VESSEL_FAILED      },
	{ "org.varlink.service.InvalidParameter",      VESSEL_USAGE       },
	{ "io.vessel.NotFound",                        VESSEL_NOT_FOUND   },
	{ "io.vessel.WrongState",                      VESSEL_WRONG_STATE },
	{ "io.vessel.Unsupported",                     VESSEL_UNSUPPORTED },
	{ "io.vessel.NotAllowed",                      VESSEL_NOT_ALLOWED },
	{ "org.varlink.service.PermissionDenied",      VESSEL_NOT_ALLOWED },
	{ "org.varlink.service.MethodNotFound",        VESSEL_UNSUPPORTED },
	{ "org.varlink.service.MethodNotImplemented",  VESSEL_UNSUPPORTED },
	{ "org.varlink.service.InterfaceNotFound",     VESSEL_UNSUPPORTED },
};
/* clang-format on */

enum vessel_result client_fail(
	struct vessel_error *err, enum vessel_result result, const char *fmt, ...)
{
	va_list args;

	err->result = result;
	va_start(args, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	return result;
}

enum vessel_result client_error(struct vessel_error *err, const struct error *inner)
{
	return client_fail(err, (enum vessel_result)inner->kind, "%s", inner->text);
}

enum vessel_result client_sys(struct vessel_error *err, const char *what)
{
	const char *name = strerrorname_np(errno);

	return client_fail(err, VESSEL_FAILED, "%s: %s", what, name ? name : "unknown error");
}

static enum vessel_result lost(struct vessel_error *err)
{
	return client_fail(err, VESSEL_NOT_ALLOWED,
		"vesseld closed the connection before it answered (see its log)");
}

char *client_path(const char *instance, unsigned int flags, struct vessel_error *err)
{
	const char *socket_name = flags & VESSEL_READ_ONLY ? "vessel-ro.sock" : "vessel.sock";
	char *path = NULL;
	int n;

	if (!instance || !instance[0]) {
		n = asprintf(&path, "/run/vessel/%s", socket_name);
	} else if (instance[0] == '/') {
		n = asprintf(&path, "%s/%s", instance, socket_name);
	} else if (name_valid(instance)) {
		n = asprintf(&path, "/run/vessel-%s/%s", instance, socket_name);
	} else {
		client_fail(err, VESSEL_USAGE,
			"bad instance '%s' (a-z, 0-9 and '-', or the path of a run directory)",
			instance);
		return NULL;
	}
	if (n < 0) {
		client_fail(err, VESSEL_FAILED, "out of memory");
		return NULL;
	}
	return path;
}

static enum vessel_result connect_failed(struct vessel_error *err, int code, const char *path)
{
	if (code == EACCES || code == EPERM)
		client_fail(err, VESSEL_NOT_ALLOWED,
			"not allowed to use %s (for root and the socket's group)", path);
	else if (code == ENOENT || code == ECONNREFUSED || code == ENOTDIR)
		client_fail(err, VESSEL_NOT_ALLOWED,
			"vesseld is not running: nothing answers at %s", path);
	else
		client_fail(err, VESSEL_NOT_ALLOWED, "cannot connect to %s: %s", path,
			strerrorname_np(code) ? strerrorname_np(code) : "unknown error");
	errno = code;
	return VESSEL_NOT_ALLOWED;
}

enum vessel_result vessel_open(
	const char *instance, unsigned int flags, struct vessel **ret, struct vessel_error *err)
{
	cleanup_free char *path = client_path(instance, flags, err);
	cleanup_close int dir_fd = -1;
	cleanup_close int fd = -1;
	struct error inner = { 0 };
	struct vessel *vessel;
	char *slash;

	if (!path)
		return err->result;
	slash = strrchr(path, '/');
	*slash = '\0';
	dir_fd = file_open_dir(AT_FDCWD, path, &inner);
	if (dir_fd >= 0)
		fd = socket_connect(dir_fd, slash + 1, SOCK_STREAM, &inner);
	*slash = '/';
	if (fd < 0)
		return connect_failed(err, inner.code, path);

	vessel = calloc(1, sizeof(*vessel));
	if (!vessel)
		return client_fail(err, VESSEL_FAILED, "out of memory");
	vessel->fd = take_fd(&fd);
	text_init(&vessel->in);
	*ret = vessel;
	return VESSEL_OK;
}

static void close_fds(struct vessel *vessel)
{
	for (size_t i = 0; i < vessel->n_fds; i++)
		close_fd(&vessel->fds[i]);
	vessel->n_fds = 0;
}

void vessel_close(struct vessel *vessel)
{
	if (!vessel)
		return;
	close_fds(vessel);
	text_done(&vessel->in);
	(void)close(vessel->fd); /* nothing of ours is left in it */
	free(vessel);
}

int vessel_fd(const struct vessel *vessel)
{
	return vessel->fd;
}

static int wait_for(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&poll_fd, 1, -1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The descriptors go with the first piece; the socket may take a long message in several. */
static enum vessel_result send_all(struct vessel *vessel, const char *data, size_t size,
	const int *fds, size_t n_fds, struct vessel_error *err)
{
	while (size > 0) {
		ssize_t n = socket_send(vessel->fd, data, size, fds, n_fds);

		if (n == -EAGAIN || n == -EINTR) {
			(void)wait_for(vessel->fd, POLLOUT); /* the next send tells */
			continue;
		}
		if (n < 0)
			return lost(err);
		data += n;
		size -= (size_t)n;
		n_fds = 0;
	}
	return VESSEL_OK;
}

enum vessel_result vessel_send(struct vessel *vessel, const char *method, const char *parameters,
	const int *fds, size_t n_fds, int more, struct vessel_error *err)
{
	cleanup_text struct text message;

	text_init(&message);
	if (n_fds > SOCKET_FDS_MAX)
		return client_fail(err, VESSEL_USAGE, "too many descriptors for %s", method);
	text_format(&message, "{\"method\":\"" INTERFACE "%s\",\"parameters\":%s%s}", method,
		parameters ? parameters : "{}", more ? ",\"more\":true" : "");
	text_add_bytes(&message, "", 1);
	if (message.failed)
		return client_fail(err, VESSEL_FAILED, "out of memory");
	return send_all(vessel, message.data, message.length, fds, n_fds, err);
}

/* Keeps the descriptors of this piece; more than one message may have would be a broken peer. */
static void keep_fds(struct vessel *vessel, int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++) {
		if (vessel->n_fds < SOCKET_FDS_MAX)
			vessel->fds[vessel->n_fds++] = fds[i];
		else
			close_fd(&fds[i]);
	}
}

/* Takes what has arrived of the message at the head of the socket. Returns 1 when it is whole, 0
 * when more must come. */
static int take_piece(struct vessel *vessel, struct vessel_error *err)
{
	char piece[PEEK_SIZE];
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	const char *end;
	ssize_t n;

	n = recv(vessel->fd, piece, sizeof(piece), MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -(int)lost(err);
	end = memchr(piece, '\0', (size_t)n);
	n = socket_receive(
		vessel->fd, piece, end ? (size_t)(end - piece) + 1 : (size_t)n, fds, &n_fds);
	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n <= 0)
		return -(int)lost(err);
	keep_fds(vessel, fds, n_fds);
	text_add_bytes(&vessel->in, piece, (size_t)n);
	if (vessel->in.failed || vessel->in.length > JSON_TEXT_MAX)
		return -(int)client_fail(err, VESSEL_FAILED, "vesseld's answer is too long");
	return piece[n - 1] == '\0';
}

static enum vessel_result error_reply(
	const char *name, const struct json *parameters, struct vessel_error *err)
{
	const char *message = json_find_string(parameters, "message");
	const char *parameter = json_find_string(parameters, "parameter");
	const char *method = json_find_string(parameters, "method");
	enum vessel_result result = VESSEL_FAILED;

	for (size_t i = 0; i < ARRAY_SIZE(wire_errors); i++)
		if (strcmp(wire_errors[i].name, name) == 0)
			result = wire_errors[i].result;
	if (message)
		return client_fail(err, result, "%s", message);
	if (parameter)
		return client_fail(err, result, "bad parameter '%s'", parameter);
	if (method)
		return client_fail(err, result, "this vesseld has no method %s", method);
	return client_fail(err, result, "vesseld answered %s", name);
}

static enum vessel_result handle_message(struct vessel *vessel, const struct json *message,
	vessel_reply_fn *reply, void *data, int *ret_done, struct vessel_error *err)
{
	const struct json *parameters = json_find(message, "parameters");
	const char *error_name = json_find_string(message, "error");
	cleanup_free char *text = NULL;
	bool continues = false;

	(void)json_bool(json_find(message, "continues"), &continues); /* absent: the last one */
	*ret_done = !continues;
	if (error_name) {
		*ret_done = 1;
		return error_reply(error_name, parameters, err);
	}
	if (!reply)
		return VESSEL_OK;
	if (parameters && json_print(parameters, false, &text) < 0)
		return client_fail(err, VESSEL_FAILED, "out of memory");
	if (reply(text ? text : "{}", vessel->fds, vessel->n_fds, !continues, data) != 0)
		return client_fail(err, VESSEL_FAILED, "given up by the caller");
	return VESSEL_OK;
}

enum vessel_result vessel_receive(struct vessel *vessel, vessel_reply_fn *reply, void *data,
	int *ret_done, struct vessel_error *err)
{
	cleanup_json struct json *message = NULL;
	struct error inner = { 0 };
	enum vessel_result result;
	int r;

	*ret_done = 0;
	for (;;) {
		r = take_piece(vessel, err);
		if (r != 0)
			break;
		(void)wait_for(vessel->fd, POLLIN); /* the next receive tells */
	}
	*ret_done = r < 0;
	if (r < 0)
		return err->result;

	r = json_parse(vessel->in.data, vessel->in.length - 1, &message, &inner);
	text_drop(&vessel->in, vessel->in.length);
	if (r < 0) {
		*ret_done = 1;
		result = client_fail(err, VESSEL_FAILED, "bad answer of vesseld: %s", inner.text);
	} else {
		result = handle_message(vessel, message, reply, data, ret_done, err);
	}
	close_fds(vessel);
	return result;
}

enum vessel_result vessel_call(struct vessel *vessel, const char *method, const char *parameters,
	const int *fds, size_t n_fds, int more, vessel_reply_fn *reply, void *data,
	struct vessel_error *err)
{
	enum vessel_result result;
	int done = 0;

	result = vessel_send(vessel, method, parameters, fds, n_fds, more, err);
	while (result == VESSEL_OK && !done)
		result = vessel_receive(vessel, reply, data, &done, err);
	return result;
}
