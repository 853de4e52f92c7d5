/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_template.c - templates come and go; template/ does the work, in a sandbox of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "template/template.h"

#define PROGRESS_MS 100 /* at most ten a second */

/* A pipe's total is not known: 0. */
static uint64_t archive_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static void progress(uint64_t bytes_read, uint64_t entries, void *data)
{
	struct job_context *context = data;
	struct message message;
	struct error ignored; /* progress that is not heard is no failure */
	int64_t now = (int64_t)clock_monotonic_ms();

	if (now - context->told < PROGRESS_MS)
		return;
	context->told = now;
	message = job_message(context, JOB_PROGRESS);
	message.done = bytes_read;
	message.total = archive_size(context->job->fds[0]);
	(void)job_send(context, &message, NULL, 0, &ignored);
}

static int take_bounds(
	const struct job_context *context, struct import_bounds *bounds, struct error *err)
{
	const struct json *given = json_find(context->spec, "bounds");
	const struct {
		const char *key;
		uint64_t *place;
	} rows[] = {
		{ "bytes", &bounds->bytes },
		{ "ratio", &bounds->ratio },
		{ "entries", &bounds->entries },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct json *value = json_find(given, rows[i].key);
		int64_t number = 0;

		if (!value || json_type(value) == JSON_NULL)
			continue;
		if (!json_int(value, &number) || number < 1)
			return error_refuse(err, ERROR_USAGE, "bad bound on %s", rows[i].key);
		*rows[i].place = (uint64_t)number;
	}
	return 0;
}

static int import(void *data, struct error *err)
{
	struct job_context *context = data;
	struct import_bounds bounds = import_default_bounds;
	cleanup_template struct template template = { 0 };
	int r = take_bounds(context, &bounds, err);

	if (r == 0)
		r = template_import(context->job->instance->state_fd, context->name,
			context->job->fds[0], json_find_string(context->spec, "sha256"),
			job_spec_flag(context, "replace"), job_spec_flag(context, "squash"),
			&bounds, progress, context, &template, err);
	if (r == 0 && template.n_layers > 0)
		snprintf(context->text, sizeof(context->text), "%s", template.layers[0]);
	return r;
}

static const struct step import_steps[] = { { "import", import, NULL } };

const struct job_operation job_import = {
	.name = "import",
	.verb = "import template",
	.name_valid = name_valid_object,
	.n_fds = 1,
	.steps = import_steps,
	.n_steps = ARRAY_SIZE(import_steps),
	.stores = true,
};

/* Every record is read beside the manager's list, and no create may be under way: what is removed
 * here may be the disk of a VE. */
static int template_remove_locked(struct job_context *context, struct error *err)
{
	cleanup_names struct names used = { 0 };
	int r = job_used_layers(context, &used, err);

	if (r < 0)
		return r;
	return template_remove(context->job->instance->state_fd, context->name,
		(const char *const *)used.list, used.n, err);
}

static int remove_layers(void *data, struct error *err)
{
	struct job_context *context = data;
	int r = job_lock(context, LOCK_EX, err);

	if (r == 0)
		r = template_remove_locked(context, err);
	job_unlock(context);
	return r;
}

static const struct step template_remove_steps[] = { { "remove", remove_layers, NULL } };

const struct job_operation job_template_remove = {
	.name = "template-remove",
	.verb = "remove template",
	.name_valid = name_valid_object,
	.steps = template_remove_steps,
	.n_steps = ARRAY_SIZE(template_remove_steps),
	.stores = true,
};
