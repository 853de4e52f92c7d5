/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wire.h - Varlink's framing: bytes of a client become one checked message.
 *
 * A message is a JSON object and a NUL byte, at most 1 MiB. Descriptors belong to the message that
 * holds the last byte they came with: the kernel ends a read at the piece that carried them
 * (unix(7)). Whatever does not fit is an error, and the connection is at its end: after garbage
 * there is no telling where the next message begins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/socket.h"
#include "base/text.h"

struct error;
struct json;

/* One request, checked in its frame only: what the parameters mean is the method's matter. */
struct wire_call {
	struct json *message;          /* owns all below */
	const char *method;            /* "io.vessel.Start" */
	const struct json *parameters; /* an object, or NULL */
	bool more, oneway;
	int fds[SOCKET_FDS_MAX]; /* owned; -1 marks one that was taken */
	size_t n_fds;
};

struct wire {
	struct text input;
	size_t scanned; /* no NUL before this */
	int fds[SOCKET_FDS_MAX];
	size_t n_fds;
	size_t fds_at; /* offset in `input` of the byte that they belong to */
};

void wire_init(struct wire *wire);
void wire_done(struct wire *wire);

/* Adds what was read; takes the descriptors, also on failure. */
int wire_feed(struct wire *wire, const void *data, size_t size, const int *fds, size_t n_fds,
	struct error *err);

/* Takes the next message out: 1, or 0 if there is no whole one yet. */
int wire_take(struct wire *wire, struct wire_call *ret, struct error *err);
void wire_call_done(struct wire_call *call);

/* Is there the beginning of a message? */
bool wire_partial(const struct wire *wire);

/* Appends a reply with its NUL to `out`. Both take `parameters`, which may be NULL. */
int wire_reply(struct text *out, struct json *parameters, bool continues);
int wire_error(struct text *out, const char *name, struct json *parameters);
