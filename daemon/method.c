/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method.c - the method table, and the one decision on who may call what.
 */
#include "method.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

#define STRING  PARAMETER_STRING
#define BOOL    PARAMETER_BOOL
#define INT     PARAMETER_INT
#define FD      PARAMETER_FD
#define STRINGS PARAMETER_STRINGS
#define MAP     PARAMETER_MAP

/* clang-format off */
static const struct parameter name_only[] = { { "name", STRING, true } };
static const struct parameter create[] = {
	{ "name",     STRING, true  }, { "template", STRING, false }, { "plan",     STRING, false },
	{ "settings", MAP,    true  }, { "ssh_key",  STRING, false }, { "password", STRING, false },
};
static const struct parameter start[] = {
	{ "name", STRING, true }, { "wait", BOOL, false }, { "timeout", INT, false },
};
static const struct parameter stop[] = {
	{ "name", STRING, true }, { "force", BOOL, false }, { "timeout", INT, false },
};
static const struct parameter kill[] = { { "name", STRING, true }, { "signal", STRING, true } };
static const struct parameter rename[] = { { "name", STRING, true }, { "new_name", STRING, true } };
static const struct parameter destroy[] = { { "name", STRING, true }, { "force", BOOL, false } };
static const struct parameter set[] = {
	{ "name", STRING, true  }, { "settings", MAP,    true  }, { "plan",     STRING, false },
	{ "live", BOOL,   false }, { "ssh_key",  STRING, false }, { "password", STRING, false },
};
static const struct parameter list[] = { { "names", STRINGS, false }, { "pid", INT, false } };
static const struct parameter exec[] = {
	{ "name",     STRING,  true  }, { "argv",    STRINGS, false }, { "env",    STRINGS, false },
	{ "user",     STRING,  false }, { "cwd",     STRING,  false }, { "term",   STRING,  false },
	{ "terminal", BOOL,    false }, { "rows",    INT,     false }, { "columns", INT,    false },
	{ "status",   FD,      true  }, { "stdin",   FD,      false }, { "stdout", FD,      false },
	{ "stderr",   FD,      false },
};
static const struct parameter console[] = { { "name", STRING, true }, { "stream", FD, true } };
static const struct parameter import[] = {
	{ "name",      STRING, true  }, { "archive", FD,     true  }, { "sha256",    STRING, false },
	{ "replace",   BOOL,   false }, { "squash",  BOOL,   false }, { "max_bytes", STRING, false },
	{ "max_ratio", INT,    false }, { "max_entries", INT, false },
};
static const struct parameter names[] = { { "names", STRINGS, false } };
static const struct parameter interface[] = { { "interface", STRING, true } };

#define WITH(p) (p), ARRAY_SIZE(p)

const struct method methods[] = {
	{ "org.varlink.service.GetInfo", ROLE_READER, method_get_info, NULL, 0 },
	{ "org.varlink.service.GetInterfaceDescription", ROLE_READER,
	  method_get_interface_description, WITH(interface) },
	{ "io.vessel.Create",         ROLE_ADMIN,  method_create,          WITH(create)    },
	{ "io.vessel.Start",          ROLE_ADMIN,  method_start,           WITH(start)     },
	{ "io.vessel.Stop",           ROLE_ADMIN,  method_stop,            WITH(stop)      },
	{ "io.vessel.Restart",        ROLE_ADMIN,  method_restart,         WITH(start)     },
	{ "io.vessel.Pause",          ROLE_ADMIN,  method_pause,           WITH(name_only) },
	{ "io.vessel.Resume",         ROLE_ADMIN,  method_resume,          WITH(name_only) },
	{ "io.vessel.Kill",           ROLE_ADMIN,  method_kill,            WITH(kill)      },
	{ "io.vessel.Rename",         ROLE_ADMIN,  method_rename,          WITH(rename)    },
	{ "io.vessel.Destroy",        ROLE_ADMIN,  method_destroy,         WITH(destroy)   },
	{ "io.vessel.Set",            ROLE_ADMIN,  method_set,             WITH(set)       },
	{ "io.vessel.List",           ROLE_READER, method_list,            WITH(list)      },
	{ "io.vessel.Exec",           ROLE_ADMIN,  method_exec,            WITH(exec)      },
	{ "io.vessel.Console",        ROLE_ADMIN,  method_console,         WITH(console)   },
	{ "io.vessel.Log",            ROLE_ADMIN,  method_log,             WITH(name_only) },
	{ "io.vessel.TemplateImport", ROLE_ADMIN,  method_template_import, WITH(import)    },
	{ "io.vessel.TemplateList",   ROLE_READER, method_template_list,   WITH(names)     },
	{ "io.vessel.TemplateRemove", ROLE_ADMIN,  method_template_remove, WITH(name_only) },
	{ "io.vessel.Autostart",      ROLE_ADMIN,  method_autostart,       NULL, 0         },
	{ "io.vessel.Shutdown",       ROLE_ADMIN,  method_shutdown,        NULL, 0         },
	{ "io.vessel.Doctor",         ROLE_READER, method_doctor,          NULL, 0         },
	{ "io.vessel.Events",         ROLE_READER, event_listen,           NULL, 0         },
};
/* clang-format on */

const size_t methods_count = ARRAY_SIZE(methods);

static const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < methods_count; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

/* Lists and maps hold strings and nothing else. */
static bool all_strings(const struct json *value, enum json_type type)
{
	if (json_type(value) != type)
		return false;
	for (size_t i = 0; i < json_count(value); i++)
		if (!json_string(json_at(value, i)))
			return false;
	return true;
}

static bool fits(const struct call *call, const struct json *value, enum parameter_type type)
{
	int64_t number;

	switch (type) {
	case PARAMETER_STRING:
		return json_type(value) == JSON_STRING;
	case PARAMETER_BOOL:
		return json_type(value) == JSON_BOOL;
	case PARAMETER_INT:
		return json_int(value, &number) && number >= 0;
	case PARAMETER_FD:
		return json_int(value, &number) && number >= 0 &&
		       (uint64_t)number < call->request.n_fds;
	case PARAMETER_STRINGS:
		return all_strings(value, JSON_ARRAY);
	case PARAMETER_MAP:
		return all_strings(value, JSON_OBJECT);
	}
	return false;
}

static const struct parameter *parameter_find(const struct method *method, const char *name)
{
	for (size_t i = 0; i < method->n_parameters; i++)
		if (strcmp(method->parameters[i].name, name) == 0)
			return &method->parameters[i];
	return NULL;
}

/* 0, or the name of the one that does not fit. */
static int check_parameters(const struct call *call, const struct method *method,
	const char **ret_name, struct error *err)
{
	const struct json *given = call->request.parameters;

	for (size_t i = 0; i < json_count(given); i++) {
		const struct parameter *row;

		*ret_name = json_key_at(given, i);
		row = parameter_find(method, *ret_name);
		if (!row)
			return error_refuse(
				err, ERROR_USAGE, "unknown parameter '%.80s'", *ret_name);
		if (json_type(json_at(given, i)) != JSON_NULL &&
			!fits(call, json_at(given, i), row->type))
			return error_refuse(
				err, ERROR_USAGE, "bad value for parameter '%s'", row->name);
	}
	for (size_t i = 0; i < method->n_parameters; i++) {
		*ret_name = method->parameters[i].name;
		if (method->parameters[i].required && !call_find(call, *ret_name))
			return error_refuse(
				err, ERROR_USAGE, "parameter '%s' is missing", *ret_name);
	}
	return 0;
}

void method_refuse(struct call *call, const char *verb, const char *name, struct error *err)
{
	error_wrap(err, "cannot %s %.80s", verb, *name ? name : "''");
	log_line(LOG_LEVEL_INFO, "%.80s: %s: %s (uid %u, pid %d, login %jd)", name, verb, err->text,
		(unsigned int)call->caller.uid, (int)call->caller.pid,
		(intmax_t)call->caller.login);
	call_fail(call, err);
}

static void refuse_unknown(struct call *call)
{
	struct json *parameters = json_new_object();

	json_set_string(parameters, "method", call->request.method);
	call_fail_named(call, "org.varlink.service.MethodNotFound", parameters);
}

void method_dispatch(struct call *call)
{
	const struct method *method = method_find(call->request.method);
	const char *name = "";
	struct error err = { 0 };

	if (!method) {
		refuse_unknown(call);
		return;
	}
	if (call->role < method->role) {
		error_refuse(
			&err, ERROR_DENIED, "the read-only socket does not serve %s", method->name);
		call_fail(call, &err);
		return;
	}
	if (check_parameters(call, method, &name, &err) < 0) {
		call_fail_parameter(call, name, &err);
		return;
	}
	method->fn(call);
}
