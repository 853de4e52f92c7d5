/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method.h - the method table: what there is to call, who may, and with which parameters.
 *
 * What is not in the table is denied. The read-only role is an allow-list: no method on it takes a
 * path, a descriptor or a command. A test holds the table against io.vessel.varlink.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/call.h"

enum parameter_type {
	PARAMETER_STRING,
	PARAMETER_BOOL,
	PARAMETER_INT,
	PARAMETER_FD,      /* an int: an index into the descriptors that came along */
	PARAMETER_STRINGS, /* []string */
	PARAMETER_MAP,     /* [string]string */
};

struct parameter {
	const char *name;
	enum parameter_type type;
	bool required;
};

struct method {
	const char *name;              /* with its interface: "io.vessel.Start" */
	enum role role;                /* the least that may call it */
	void (*fn)(struct call *call); /* takes the call */
	const struct parameter *parameters;
	size_t n_parameters;
};

extern const struct method methods[];
extern const size_t methods_count;

/* Takes the call: checks who asks for what with which parameters, then runs the method. */
void method_dispatch(struct call *call);

/* A request that ends before it became an operation: the line for the client and for the log. */
void method_refuse(struct call *call, const char *verb, const char *name, struct error *err);

/* The text of io.vessel.varlink, embedded at build time. */
extern const char interface_text[];

/* method_service.c: org.varlink.service */
void method_get_info(struct call *call);
void method_get_interface_description(struct call *call);

/* method_ve.c: what changes VEs */
void method_create(struct call *call);
void method_start(struct call *call);
void method_stop(struct call *call);
void method_restart(struct call *call);
void method_pause(struct call *call);
void method_resume(struct call *call);
void method_rename(struct call *call);
void method_destroy(struct call *call);
void method_set(struct call *call);

/* method_list.c */
void method_list(struct call *call);

/* method_session.c */
void method_kill(struct call *call);
void method_exec(struct call *call);
void method_console(struct call *call);
void method_log(struct call *call);

/* method_template.c */
void method_template_import(struct call *call);
void method_template_list(struct call *call);
void method_template_remove(struct call *call);

/* autostart.c, shutdown.c: all VEs */
void method_autostart(struct call *call);
void method_shutdown(struct call *call);

/* doctor.c, event.c */
void method_doctor(struct call *call);
void event_listen(struct call *call);
