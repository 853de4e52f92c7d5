/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wire.c - Varlink's framing: bytes of a client become one checked message.
 *
 * This is the only code that sees a client's raw bytes. It knows neither methods nor VEs.
 */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"

void wire_init(struct wire *wire)
{
	*wire = (struct wire){ 0 };
	text_init(&wire->input);
}

static void close_all(int *fds, size_t *n_fds)
{
	while (*n_fds > 0)
		close_fd(&fds[--*n_fds]);
}

void wire_done(struct wire *wire)
{
	close_all(wire->fds, &wire->n_fds);
	text_done(&wire->input);
}

bool wire_partial(const struct wire *wire)
{
	return wire->input.length > 0;
}

static int keep_fds(struct wire *wire, const int *fds, size_t n_fds, struct error *err)
{
	if (n_fds == 0)
		return 0;
	if (wire->n_fds + n_fds > SOCKET_FDS_MAX ||
		(wire->n_fds > 0 && memchr(wire->input.data + wire->fds_at, '\0',
					    wire->input.length - 1 - wire->fds_at)))
		return error_set(err, EPROTO, "too many descriptors");
	memcpy(wire->fds + wire->n_fds, fds, n_fds * sizeof(*fds));
	wire->n_fds += n_fds;
	wire->fds_at = wire->input.length - 1;
	return 0;
}

int wire_feed(struct wire *wire, const void *data, size_t size, const int *fds, size_t n_fds,
	struct error *err)
{
	int r = 0;

	text_add_bytes(&wire->input, data, size);
	if (wire->input.failed || size == 0)
		r = size == 0 ? error_set(err, EPROTO, "no data") : error_memory(err);
	if (r == 0)
		r = keep_fds(wire, fds, n_fds, err);
	for (size_t i = 0; r < 0 && i < n_fds; i++)
		close(fds[i]); /* nobody will read them */
	return r;
}

static int find_end(struct wire *wire, size_t *ret, struct error *err)
{
	const char *from = wire->input.data + wire->scanned;
	const char *end = memchr(from, '\0', wire->input.length - wire->scanned);
	size_t length = end ? (size_t)(end - wire->input.data) : wire->input.length;

	wire->scanned = length;
	if (length > JSON_TEXT_MAX)
		return error_set(err, EMSGSIZE, "a message of more than 1 MiB");
	*ret = length;
	return end ? 1 : 0;
}

static int take_flag(const struct json *message, const char *key, bool *ret, struct error *err)
{
	const struct json *value = json_find(message, key);

	if (value && json_type(value) != JSON_NULL && !json_bool(value, ret))
		return error_set(err, EPROTO, "\"%s\" is not true or false", key);
	return 0;
}

static int check_message(struct wire_call *call, struct error *err)
{
	const struct json *parameters = json_find(call->message, "parameters");
	bool upgrade = false;
	int r;

	if (json_type(call->message) != JSON_OBJECT)
		return error_set(err, EPROTO, "a message that is no object");
	call->method = json_find_string(call->message, "method");
	if (!call->method)
		return error_set(err, EPROTO, "a message without a method");
	if (parameters && json_type(parameters) == JSON_NULL)
		parameters = NULL;
	if (parameters && json_type(parameters) != JSON_OBJECT)
		return error_set(err, EPROTO, "parameters that are no object");
	call->parameters = parameters;
	r = take_flag(call->message, "more", &call->more, err);
	if (r == 0)
		r = take_flag(call->message, "oneway", &call->oneway, err);
	if (r == 0)
		r = take_flag(call->message, "upgrade", &upgrade, err);
	if (r == 0 && upgrade)
		r = error_set(err, EPROTO, "no method can be upgraded");
	return r;
}

/* The descriptors go with the message that the byte at fds_at is part of. */
static void take_fds(struct wire *wire, size_t length, struct wire_call *call)
{
	if (wire->n_fds == 0)
		return;
	if (wire->fds_at > length) {
		wire->fds_at -= length + 1;
		return;
	}
	memcpy(call->fds, wire->fds, wire->n_fds * sizeof(*wire->fds));
	call->n_fds = wire->n_fds;
	wire->n_fds = 0;
}

int wire_take(struct wire *wire, struct wire_call *ret, struct error *err)
{
	struct wire_call call = { 0 };
	size_t length = 0;
	int r = find_end(wire, &length, err);

	if (r <= 0)
		return r;
	r = json_parse(wire->input.data, length, &call.message, err);
	if (r == 0)
		r = check_message(&call, err);
	take_fds(wire, length, &call);
	wire->scanned = 0;
	text_drop(&wire->input, length + 1);
	if (wire->input.length == 0) /* an idle connection keeps no buffer */
		text_done(&wire->input);
	if (r < 0) {
		wire_call_done(&call);
		return r;
	}
	*ret = call;
	return 1;
}

void wire_call_done(struct wire_call *call)
{
	close_all(call->fds, &call->n_fds);
	json_free(call->message);
	*call = (struct wire_call){ 0 };
}

static int put(struct text *out, struct json *reply)
{
	cleanup_free char *line = NULL;
	int r = json_print(reply, false, &line);

	json_free(reply);
	if (r < 0)
		return r;
	text_add_bytes(out, line, strlen(line) + 1);
	return out->failed ? -ENOMEM : 0;
}

static void put_parameters(struct json *reply, struct json *parameters)
{
	if (parameters)
		json_set(reply, "parameters", parameters);
	else
		(void)json_set_object(reply, "parameters");
}

int wire_reply(struct text *out, struct json *parameters, bool continues)
{
	struct json *reply = json_new_object();

	put_parameters(reply, parameters);
	if (continues)
		json_set_bool(reply, "continues", true);
	return put(out, reply);
}

int wire_error(struct text *out, const char *name, struct json *parameters)
{
	struct json *reply = json_new_object();

	json_set_string(reply, "error", name);
	put_parameters(reply, parameters);
	return put(out, reply);
}
