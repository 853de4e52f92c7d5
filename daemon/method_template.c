/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method_template.c - templates by the interface: an import is an operation, a list is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"
#include "daemon/operation_types.h"
#include "daemon/ve_table.h"
#include "template/template.h"

static struct operation *make(struct call *call, const struct operation_type *type)
{
	const char *name = call_string(call, "name");
	struct operation *op = NULL;
	struct error err = { 0 };

	if (!name_valid_object(name))
		error_refuse(&err, ERROR_USAGE, "bad name (a-z, 0-9, and inner - . _, at most 63)");
	else
		op = operation_new(call->manager, type, NULL, name, call, &err);
	if (!op)
		method_refuse(call, type->verb, name, &err);
	return op;
}

static int put_bytes(const struct call *call, struct json *bounds, struct error *err)
{
	const char *text = call_string(call, "max_bytes");
	uint64_t bytes;

	if (!text)
		return 0;
	if (parse_size(text, &bytes) < 0 || bytes == 0 || bytes > INT64_MAX)
		return error_refuse(err, ERROR_USAGE,
			"bad value '%.40s' for max-bytes (a size, e.g. 10G)", text);
	json_set_int(bounds, "bytes", (int64_t)bytes);
	return 0;
}

static int import_spec(const struct call *call, struct json *spec, struct error *err)
{
	struct json *bounds = json_set_object(spec, "bounds");
	const char *digest = call_string(call, "sha256");

	if (digest && (strlen(digest) != 64 || strspn(digest, "0123456789abcdef") != 64))
		return error_refuse(
			err, ERROR_USAGE, "bad sha256 '%.80s' (64 hexadecimal digits)", digest);
	if (digest)
		json_set_string(spec, "sha256", digest);
	json_set_bool(spec, "replace", call_flag(call, "replace"));
	json_set_bool(spec, "squash", call_flag(call, "squash"));
	if (call_find(call, "max_ratio"))
		json_set_int(bounds, "ratio", call_number(call, "max_ratio", 0));
	if (call_find(call, "max_entries"))
		json_set_int(bounds, "entries", call_number(call, "max_entries", 0));
	return put_bytes(call, bounds, err);
}

void method_template_import(struct call *call)
{
	struct operation *op = make(call, &operation_import);
	struct error err = { 0 };

	if (!op)
		return;
	op->extra = json_new_object();
	op->fd = fcntl(call_fd(call, "archive"), F_DUPFD_CLOEXEC, 3);
	if (op->fd < 0)
		error_sys(&err, "cannot take the archive");
	else
		(void)import_spec(call, op->extra, &err);
	if (err.code)
		operation_refuse(op, &err);
	else
		operation_submit(op);
}

void method_template_remove(struct call *call)
{
	struct operation *op = make(call, &operation_remove);

	if (op)
		operation_submit(op);
}

static bool matches(const struct json *names, const char *name)
{
	for (size_t i = 0; i < json_count(names); i++)
		if (fnmatch(json_string(json_at(names, i)), name, 0) == 0)
			return true;
	return !names;
}

static void put_template(struct manager *manager, const char *name, struct json *list)
{
	cleanup_template struct template t = { 0 };
	struct json *object = json_append_object(list);
	struct json *layers, *users;
	struct error err = { 0 };
	char time[FORMAT_TIME];
	int r = template_load(manager->instance->state_fd, name, &t, &err);

	json_set_string(object, "name", name);
	layers = json_set_array(object, "layers");
	for (size_t i = 0; i < t.n_layers; i++)
		json_append_string(layers, t.layers[i]);
	json_set_int(object, "bytes", (int64_t)t.bytes);
	json_set_int(object, "files", (int64_t)t.files);
	json_set_string(object, "created", format_time_utc(t.created, time));
	users = json_set_array(object, "used_by");
	for (size_t i = 0; i < manager->ves->n; i++) {
		const struct ve *ve = manager->ves->ve[i];

		if (ve->config.template && strcmp(ve->config.template, name) == 0)
			json_append_string(users, ve->name);
	}
	json_set_string(object, "problem", r < 0 ? err.text : NULL);
}

static int check_names(const struct json *wanted, char *const *names, size_t n, struct error *err)
{
	for (size_t i = 0; i < json_count(wanted); i++) {
		const char *word = json_string(json_at(wanted, i));
		bool found = strpbrk(word, "*?[") != NULL;

		for (size_t j = 0; !found && j < n; j++)
			found = strcmp(names[j], word) == 0;
		if (!found)
			return error_refuse(err, ERROR_NOT_FOUND,
				"no template %.80s (see vessel template list)", word);
	}
	return 0;
}

void method_template_list(struct call *call)
{
	const struct json *wanted = call_find(call, "names");
	struct json *reply, *list;
	struct error err = { 0 };
	char **names = NULL;
	size_t n = 0;
	int r = template_list(call->manager->instance->state_fd, &names, &n, &err);

	if (r == 0)
		r = check_names(wanted, names, n, &err);
	reply = json_new_object();
	list = json_set_array(reply, "templates");
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && matches(wanted, names[i]))
			put_template(call->manager, names[i], list);
		free(names[i]);
	}
	free(names);
	if (r == 0) {
		call_reply(call, reply);
		return;
	}
	json_free(reply);
	call_fail(call, &err);
}
