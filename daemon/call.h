/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * call.h - one request of a client, from its dispatch to its last reply.
 *
 * A method owns its call until it has answered; an operation may hold it for minutes. The client
 * may hang up meanwhile: replies then go nowhere and the work goes on. NULL is a call that nobody
 * made.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/wire.h"

struct connection;
struct error;
struct json;
struct manager;

/* The role of a caller is the socket that it could open. */
enum role { ROLE_READER, ROLE_ADMIN };

struct caller {
	uid_t uid;
	pid_t pid;
	int64_t login; /* /proc/PID/loginuid as of connect(2); -1: none */
};

struct call {
	struct manager *manager;
	struct connection *connection; /* NULL: hung up */
	struct wire_call request;
	struct caller caller;
	enum role role;
	void (*hung_up)(struct call *call); /* for calls that end with their client; may be NULL */
	void *data;                         /* of hung_up */
};

/* Replies. `parameters` is taken and may be NULL. All but progress end and free the call. */
void call_progress(struct call *call, struct json *parameters);
void call_reply(struct call *call, struct json *parameters);
void call_reply_fds(struct call *call, struct json *parameters, const int *fds, size_t n_fds);
void call_fail(struct call *call, const struct error *err);
/* org.varlink.service.InvalidParameter, naming it. */
void call_fail_parameter(struct call *call, const char *parameter, const struct error *err);
void call_fail_named(struct call *call, const char *error_name, struct json *parameters);
/* Its `message`, cleaned of what a terminal would obey. */
void call_put_message(struct json *parameters, const struct error *err);

/* Parameters, checked against the method's table before: NULL, false, -1 where left out. */
const struct json *call_find(const struct call *call, const char *name);
const char *call_string(const struct call *call, const char *name);
bool call_flag(const struct call *call, const char *name);
int64_t call_number(const struct call *call, const char *name, int64_t otherwise);
/* The descriptor that the parameter names, borrowed; -1 where left out. */
int call_fd(const struct call *call, const char *name);
