/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_collect.c - what killed jobs have left, and what was thrown away, is removed.
 *
 * Nothing is deleted where it stands: a left-over is first renamed into trash/, so that however
 * often this is cut short, nobody ever sees half a VE. What a running job holds is left alone: ve/
 * is locked while a create works, VEs that the manager works on are named in "busy", and what is
 * younger than the spec was not known to who wrote it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "template/template.h"

#define OPERATION_MAX 4096

typedef int entry_fn(struct job_context *context, const char *entry, void *data, struct error *err);

/* Calls fn for each entry of a directory of the state directory. One that fails does not keep the
 * others from their turn; the first error is returned. */
static int for_each(struct job_context *context, const char *directory, entry_fn *fn, void *data,
	struct error *err)
{
	cleanup_names struct names entries = { 0 };
	cleanup_close int fd = job_open_dir(context, directory, err);
	struct error later;
	int result =
		fd < 0 ? fd
		       : names_of_dir(context->job->instance->state_fd, directory, &entries, err);

	for (size_t i = 0; i < entries.n; i++) {
		int r = fn(context, entries.list[i], data, result < 0 ? &later : err);

		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

static int trash_new(struct job_context *context, const char *entry, void *data, struct error *err)
{
	return strncmp(entry, ".new-", 5) == 0 ? job_trash(context, entry, err) : 0;
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

bool job_half_made(const struct job_context *context, const char *entry)
{
	cleanup_json struct json *record = NULL;
	cleanup_free char *path = NULL;
	cleanup_free char *text = NULL;
	int state_fd = context->job->instance->state_fd;
	struct stat op, spec;
	struct error ignored; /* no record, no operation */
	const char *operation;
	ssize_t length;

	if (!name_valid(entry) || asprintf(&path, "ve/%s/op.json", entry) < 0)
		return false;
	if (fstat(context->job->spec_fd, &spec) < 0 || fstatat(state_fd, path, &op, 0) < 0 ||
		!is_older(&op.st_mtim, &spec.st_mtim))
		return false;
	length = file_read(state_fd, path, OPERATION_MAX, &text, &ignored);
	if (length < 0 || json_parse(text, (size_t)length, &record, &ignored) < 0)
		return false;
	operation = json_find_string(record, "operation");
	return operation && strcmp(operation, "create") == 0;
}

static int trash_half_made(
	struct job_context *context, const char *entry, void *data, struct error *err)
{
	const struct json *busy = data;

	for (size_t i = 0; i < json_count(busy); i++) {
		const char *name = json_string(json_at(busy, i));

		if (name && strcmp(name, entry) == 0)
			return 0;
	}
	return job_half_made(context, entry) ? job_trash(context, entry, err) : 0;
}

static int collect_new(void *data, struct error *err)
{
	struct job_context *context = data;
	int r = job_lock(context, LOCK_EX | LOCK_NB, err);

	if (r == -EWOULDBLOCK)
		return 0; /* a create works; the next one collects */
	if (r == 0)
		r = for_each(context, "ve", trash_new, NULL, err);
	job_unlock(context);
	return r;
}

/* Without the list of who is busy nobody is taken for dead. */
static int collect_half_made(void *data, struct error *err)
{
	struct job_context *context = data;
	struct json *busy = json_copy(json_find(context->spec, "busy"));
	int r = 0;

	if (json_type(busy) == JSON_ARRAY)
		r = for_each(context, "ve", trash_half_made, busy, err);
	json_free(busy);
	return r;
}

static int add_layers_of(
	struct job_context *context, const char *entry, void *data, struct error *err)
{
	struct ve_config config;
	int r;

	if (!name_valid(entry))
		return 0; /* .new-, or an operator's own file */
	r = config_load(context->job->instance->state_fd, entry, &config, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		err->kind = ERROR_STATE;
		return error_wrap(err,
			"the layers that VE %s needs are not known (mend or destroy it)", entry);
	}
	for (size_t i = 0; r == 0 && i < config.n_layers; i++)
		r = names_add(data, config.layers[i], err);
	config_done(&config);
	return r;
}

int job_used_layers(struct job_context *context, struct names *ret, struct error *err)
{
	cleanup_names struct names digests = { 0 };
	cleanup_free const char **layers = NULL;
	size_t n;
	int r = job_spec_list(context, "layers", &layers, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = names_add(&digests, layers[i], err);
	if (r == 0)
		r = for_each(context, "ve", add_layers_of, &digests, err);
	if (r < 0)
		return r;
	*ret = digests;
	digests = (struct names){ 0 };
	return 0;
}

static int collect_locked(struct job_context *context, struct error *err)
{
	cleanup_names struct names used = { 0 };
	struct error ignored; /* a damaged record keeps all layers, but not the trash */

	if (job_used_layers(context, &used, &ignored) < 0)
		return 0;
	return layer_collect(
		context->job->instance->state_fd, (const char *const *)used.list, used.n, err);
}

/* Only when the manager asks for it: every record is read, because a list that has become old would
 * cost a VE its disk. */
static int collect_layers(void *data, struct error *err)
{
	struct job_context *context = data;
	int r;

	if (!json_find(context->spec, "layers"))
		return 0;
	r = job_lock(context, LOCK_EX | LOCK_NB, err);
	if (r == -EWOULDBLOCK)
		return 0;
	if (r == 0)
		r = collect_locked(context, err);
	job_unlock(context);
	return r;
}

static int remove_entry(
	struct job_context *context, const char *entry, void *data, struct error *err)
{
	return file_remove_tree(*(const int *)data, entry, err);
}

/* One collector at a time, or two would trip over each other in one tree. */
static int collect_trash(void *data, struct error *err)
{
	struct job_context *context = data;
	cleanup_close int trash_fd = job_open_dir(context, "trash", err);

	if (trash_fd < 0)
		return trash_fd;
	if (flock(trash_fd, LOCK_EX) < 0)
		return error_sys(err, "cannot lock the directory trash");
	return for_each(context, "trash", remove_entry, &trash_fd, err);
}

static const struct step collect_steps[] = {
	/* clang-format off */
	{ "new",       collect_new,       NULL },
	{ "half-made", collect_half_made, NULL },
	{ "layers",    collect_layers,    NULL },
	{ "trash",     collect_trash,     NULL },
	/* clang-format on */
};

const struct job_operation job_collect = {
	.name = "collect",
	.verb = "collect",
	.steps = collect_steps,
	.n_steps = ARRAY_SIZE(collect_steps),
};
