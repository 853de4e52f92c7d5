/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * call.c - one request of a client, from its dispatch to its last reply.
 */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/json.h"
#include "daemon/connection.h"

/* The interface's errors, by what the caller can do about it. */
static const char *const error_names[] = {
	[ERROR_FAILED] = "io.vessel.Failed",
	[ERROR_USAGE] = "org.varlink.service.InvalidParameter",
	[ERROR_NOT_FOUND] = "io.vessel.NotFound",
	[ERROR_STATE] = "io.vessel.WrongState",
	[ERROR_UNSUPPORTED] = "io.vessel.Unsupported",
	[ERROR_DENIED] = "io.vessel.NotAllowed",
};

static void call_free(struct call *call)
{
	if (call->connection)
		connection_next(call->connection);
	wire_call_done(&call->request);
	free(call);
}

/* A reply that cannot be built leaves the client without one: a broken connection says so. */
static void send_text(
	struct call *call, int r, const struct text *out, const int *fds, size_t n_fds)
{
	if (!call->connection)
		return;
	if (r < 0)
		connection_drop(call->connection);
	else
		connection_send(call->connection, out, fds, n_fds);
}

static void send_reply(
	struct call *call, struct json *parameters, bool continues, const int *fds, size_t n_fds)
{
	cleanup_text struct text out;
	int r;

	text_init(&out);
	r = wire_reply(&out, parameters, continues);
	if (!call->request.oneway)
		send_text(call, r, &out, fds, n_fds);
}

void call_progress(struct call *call, struct json *parameters)
{
	if (call && call->request.more && call->connection)
		send_reply(call, parameters, true, NULL, 0);
	else
		json_free(parameters);
}

void call_reply_fds(struct call *call, struct json *parameters, const int *fds, size_t n_fds)
{
	if (!call) {
		json_free(parameters);
		return;
	}
	send_reply(call, parameters, false, fds, n_fds);
	call_free(call);
}

void call_reply(struct call *call, struct json *parameters)
{
	call_reply_fds(call, parameters, NULL, 0);
}

void call_fail_named(struct call *call, const char *error_name, struct json *parameters)
{
	cleanup_text struct text out;
	int r;

	text_init(&out);
	if (!call) {
		json_free(parameters);
		return;
	}
	r = wire_error(&out, error_name, parameters);
	if (!call->request.oneway)
		send_text(call, r, &out, NULL, 0);
	call_free(call);
}

/* A refusal repeats words of the caller's and is one line. Only a failure may have more, the last
 * lines of a console, which have been cleaned. */
void call_put_message(struct json *parameters, const struct error *err)
{
	struct error clean = *err;

	if (clean.kind != ERROR_FAILED)
		text_clean(clean.text, strlen(clean.text));
	json_set_string(parameters, "message", clean.text);
}

void call_fail_parameter(struct call *call, const char *parameter, const struct error *err)
{
	struct json *parameters = json_new_object();

	json_set_string(parameters, "parameter", parameter);
	call_put_message(parameters, err);
	call_fail_named(call, error_names[ERROR_USAGE], parameters);
}

void call_fail(struct call *call, const struct error *err)
{
	struct json *parameters = json_new_object();
	unsigned int kind = err->kind;

	if (kind >= ARRAY_SIZE(error_names) || !error_names[kind])
		kind = ERROR_FAILED;
	call_put_message(parameters, err);
	if (kind == ERROR_USAGE)
		json_set_string(parameters, "parameter", "");
	call_fail_named(call, error_names[kind], parameters);
}

const struct json *call_find(const struct call *call, const char *name)
{
	const struct json *value = json_find(call->request.parameters, name);

	return json_type(value) == JSON_NULL ? NULL : value;
}

const char *call_string(const struct call *call, const char *name)
{
	return json_string(call_find(call, name));
}

bool call_flag(const struct call *call, const char *name)
{
	bool flag = false;

	(void)json_bool(call_find(call, name), &flag);
	return flag;
}

int64_t call_number(const struct call *call, const char *name, int64_t otherwise)
{
	int64_t number = otherwise;

	(void)json_int(call_find(call, name), &number);
	return number;
}

int call_fd(const struct call *call, const char *name)
{
	int64_t index = call_number(call, name, -1);

	if (index < 0 || (uint64_t)index >= call->request.n_fds)
		return -1;
	return call->request.fds[index];
}
