/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.c - named sets of defaults, plan/<name>.json.
 */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "runtime/config.h"

static int read_plan(int state_fd, const char *name, struct json **ret, struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_free char *text = NULL;
	ssize_t length;

	if (asprintf(&path, "plan/%s.json", name) < 0) {
		path = NULL;
		return error_memory(err);
	}
	length = file_read(state_fd, path, JSON_TEXT_MAX, &text, err);
	if (length == -ENOENT)
		return error_refuse(err, ERROR_NOT_FOUND,
			"no plan %s (it would be plan/%s.json in the state directory)", name, name);
	if (length < 0)
		return (int)length;
	return json_parse(text, (size_t)length, ret, err);
}

static int take_plan(const struct json *record, struct settings *settings, uint64_t *ret_named,
	struct error *err)
{
	const struct json *values = json_find(record, "settings");
	int64_t format = 0;
	uint64_t named = 0;
	int r;

	if (!json_int(json_find(record, "format"), &format) || format != CONFIG_FORMAT)
		return error_set(err, EINVAL, "not a record of format %d", CONFIG_FORMAT);
	if (json_type(values) != JSON_OBJECT)
		return error_set(err, EINVAL, "\"settings\" is missing or no object");
	for (size_t i = 0; i < settings_count; i++)
		if (json_find(values, settings_table[i].name))
			named |= UINT64_C(1) << i;
	r = settings_from_json(settings, values, err);
	if (r == 0 && ret_named)
		*ret_named = named;
	return r;
}

int plan_load(int state_fd, const char *name, struct settings *settings, uint64_t *ret_named,
	struct error *err)
{
	cleanup_json struct json *record = NULL;
	int r;

	if (!name_valid_object(name))
		return error_refuse(err, ERROR_USAGE,
			"bad plan name '%.80s' (a-z, 0-9, and inner - . _, at most 63)", name);
	r = read_plan(state_fd, name, &record, err);
	if (r == -ENOENT && strcmp(name, "default") == 0) {
		if (ret_named)
			*ret_named = 0; /* the built-in one, which is in place already */
		return 0;
	}
	if (r == 0)
		r = take_plan(record, settings, ret_named, err);
	else if (r == -ENOENT)
		return r;
	return r < 0 ? error_wrap(err, "plan/%s.json", name) : 0;
}
