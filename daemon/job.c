/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job.c - one operation, one process: the spec is read, the steps are walked, the result is told.
 *
 * A job ends by _exit(): it is a fork of the keeper, whose buffers are not its own to flush.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "runtime/launch.h"

/* After the last step, before anybody has been told. */
#define STEP_DONE "done"

static const struct job_operation *const operations[] = {
	&job_create,
	&job_commit,
	&job_start,
	&job_helper,
	&job_reclaim,
	&job_set,
	&job_freeze,
	&job_thaw,
	&job_rename,
	&job_destroy,
	&job_collect,
	&job_exec,
	&job_console,
	&job_import,
	&job_template_remove,
};

static const struct job_operation *operation_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(operations); i++)
		if (strcmp(operations[i]->name, name) == 0)
			return operations[i];
	return NULL;
}

static int read_spec(int fd, struct json **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return error_sys(err, "cannot look at the job's spec");
	if (st.st_size <= 0 || st.st_size > JSON_TEXT_MAX)
		return error_set(err, EFBIG, "the job's spec has %jd bytes", (intmax_t)st.st_size);
	text = malloc((size_t)st.st_size);
	if (!text)
		return error_memory(err);
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return error_sys(err, "cannot read the job's spec");
	return json_parse(text, (size_t)n, ret, err);
}

/* The name is checked here once, before any step makes a path of it (P27). */
static int take_name(struct job_context *context, struct error *err)
{
	const char *name = json_find_string(context->spec, "name");

	if (!context->operation->name_valid)
		return 0;
	if (!name || !context->operation->name_valid(name))
		return error_refuse(err, ERROR_USAGE, "bad name '%s'", name ? name : "");
	context->name = name;
	return 0;
}

static int take_config(struct job_context *context, struct error *err)
{
	const struct json *record = json_find(context->spec, "config");
	bool absent = !record || json_type(record) == JSON_NULL;
	enum job_config want = context->operation->config;
	int r;

	if (want == JOB_CONFIG_NONE || (want == JOB_CONFIG_MAY && absent))
		return 0;
	if (absent)
		return error_set(err, EINVAL, "the job's spec holds no config");
	r = config_from_json(record, &context->config, err);
	if (r < 0)
		return error_wrap(err, "config of the job's spec");
	context->has_config = true;
	return 0;
}

static int take_spec(struct job_context *context, struct error *err)
{
	const char *operation;
	int r = read_spec(context->job->spec_fd, &context->spec, err);

	if (r < 0)
		return r;
	operation = json_find_string(context->spec, "operation");
	context->operation = operation_find(operation);
	if (!context->operation)
		return error_set(err, EINVAL, "no such job as '%s'", operation ? operation : "");
	if (context->job->n_fds < context->operation->n_fds)
		return error_set(err, EINVAL, "a descriptor is missing for the job %s", operation);
	r = take_name(context, err);
	return r < 0 ? r : take_config(context, err);
}

/* In the run directory: a sync has failed since the start of the host. */
#define UNSYNCED "unsynced"

/* After a sync that failed nobody knows what the disk holds, and the next one would not tell: until
 * somebody has looked, nothing is promised any more. The mark goes with the host's next start. VEs
 * run on and can be stopped. */
static int check_store(const struct job_context *context, struct error *err)
{
	const struct instance *instance = context->job->instance;
	cleanup_free char *text = NULL;
	struct error ignored; /* no mark */

	if (!context->operation->stores ||
		file_read(instance->run_fd, UNSYNCED, ERROR_TEXT, &text, &ignored) < 0)
		return 0;
	return error_set(err, EIO,
		"an earlier change may be lost (%s): see to the disk, then remove "
		"%s/" UNSYNCED,
		text, instance->run_dir);
}

/* Not durable itself: it is about what the next start of the host would find. */
static void mark_store(const struct job_context *context, const struct error *err)
{
	struct error ignored = { 0 }; /* this one's own answer tells all the same */
	cleanup_close int fd = -1;

	if (!file_sync_failed())
		return;
	fd = openat(context->job->instance->run_fd, UNSYNCED,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)file_write_all(fd, err->text, strlen(err->text), &ignored);
}

static int run(struct job_context *context, struct error *err)
{
	const struct job_operation *operation;
	int r = take_spec(context, err);

	operation = context->operation;
	if (!operation)
		return r;
	if (r == 0)
		r = check_store(context, err);
	if (r == 0)
		r = step_walk(operation->steps, operation->n_steps, job_hold, context, err);
	if (r == 0)
		job_hold(STEP_DONE, context);
	if (r < 0)
		error_wrap(err, "cannot %s%s%s", operation->verb, context->name ? " " : "",
			context->name ? context->name : "");
	mark_store(context, err);
	if (operation->finished)
		operation->finished(context, r, err);
	return r;
}

_Noreturn void job_run(struct job *job)
{
	struct job_context context = {
		.job = job,
		.lock_fd = -1,
		.left_pidfd = -1,
		.state_fd = -1,
		.scratch_fd = -1,
	};
	struct error err = { 0 };
	struct error unheard; /* a keeper that has gone learns it from the next one's look around */
	int r = run(&context, &err);
	struct message result = job_message(&context, JOB_RESULT);

	if (r < 0)
		result.error = err;
	memcpy(result.text, context.text, sizeof(result.text));
	(void)job_send(&context, &result, NULL, 0, &unheard);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void print_inner(const struct job_operation *operation)
{
	for (size_t i = 0; i < launch_steps_count; i++)
		printf("%s:%s\n", operation->name, launch_steps[i].name);
}

void job_print_steps(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		for (size_t j = 0; j < operations[i]->n_steps; j++) {
			const char *step = operations[i]->steps[j].name;

			printf("%s:%s\n", operations[i]->name, step);
			if (operations[i]->inner && strcmp(operations[i]->inner, step) == 0)
				print_inner(operations[i]);
		}
		printf("%s:%s\n", operations[i]->name, STEP_DONE);
	}
}
