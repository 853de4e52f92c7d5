/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_list.c - jobs that the keeper runs for this manager, or shall when there is room.
 *
 * Each is noted in the run directory before the keeper hears of it: run/job/ID tells the next
 * manager what a job that it finds running is doing. A note is a hint and may be missing.
 */
#include "job_list.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/socket.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/protocol.h"

#define HINT_DIR  "job"
#define HINT_MAX  4096
#define HINT_NAME 24 /* a 64-bit number and NUL */

struct job_entry {
	TAILQ_ENTRY(job_entry) link;
	uint64_t id;
	char name[NAME_LENGTH + 1];
	bool sent, session, canceled;
	int fds[SOCKET_FDS_MAX]; /* until sent: the spec first */
	size_t n_fds;
	job_fn *fn;
	void *data;
};

struct job_list {
	struct manager *manager;
	int hint_fd;
	uint64_t last_id;
	uint32_t running;
	struct loop_source *pump;
	TAILQ_HEAD(, job_entry) jobs;
};

static void entry_close(struct job_entry *job)
{
	while (job->n_fds > 0)
		close_fd(&job->fds[--job->n_fds]);
}

static void entry_free(struct job_list *list, struct job_entry *job)
{
	TAILQ_REMOVE(&list->jobs, job, link);
	if (job->sent && !job->session)
		list->running--;
	entry_close(job);
	free(job);
}

static struct job_entry *find(struct job_list *list, uint64_t id)
{
	struct job_entry *job;

	TAILQ_FOREACH(job, &list->jobs, link)
	if (job->id == id)
		return job;
	return NULL;
}

/* Tells the end to whom it concerns; the entry is gone before, because they may run the next one.
 */
static void finish(struct job_list *list, struct job_entry *job, const struct message *message)
{
	job_fn *fn = job->fn;
	void *data = job->data;
	struct error err = { 0 };

	job_list_drop_hint(list, job->id);
	entry_free(list, job);
	(void)loop_set_timer(list->pump, 0, &err);
	if (fn)
		fn(list->manager, message, data);
}

static void fail(struct job_list *list, struct job_entry *job, const struct error *err)
{
	struct message message = { .type = KEEPER_JOB_ENDED, .id = job->id, .error = *err };

	finish(list, job, &message);
}

static int send_job(struct job_list *list, struct job_entry *job, struct error *err)
{
	struct message message = { .type = MANAGER_JOB, .id = job->id };
	int r;

	snprintf(message.name, sizeof(message.name), "%s", job->name);
	r = mailbox_send(list->manager->mailbox, &message, job->fds, job->n_fds, err);
	entry_close(job);
	if (r < 0)
		return r;
	job->sent = true;
	if (!job->session)
		list->running++;
	return 0;
}

static int on_pump(struct loop *loop, void *data)
{
	struct job_list *list = data;
	struct error err = { 0 };
	struct job_entry *job, *next;

	for (job = TAILQ_FIRST(&list->jobs); job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->sent)
			continue;
		if (job->canceled)
			error_refuse(&err, ERROR_STATE, "it was called off");
		else if (!job->session && list->running >= list->manager->instance->jobs)
			continue;
		else if (send_job(list, job, &err) == 0)
			continue;
		fail(list, job, &err);
		return 0; /* the list may have changed; fail() has set the timer again */
	}
	return 0;
}

static void hint_name(uint64_t id, char name[HINT_NAME])
{
	snprintf(name, HINT_NAME, "%" PRIu64, id);
}

static void hint_store(struct job_list *list, uint64_t id, const struct job_order *order)
{
	cleanup_json struct json *hint = json_new_object();
	cleanup_free char *text = NULL;
	struct error ignored = { 0 }; /* it is a hint */
	char name[HINT_NAME];

	json_set_string(hint, "operation", order->operation);
	json_set_string(hint, "name", order->name);
	json_set_int(hint, "uid", order->uid);
	json_set_int(hint, "since", clock_now());
	hint_name(id, name);
	if (json_print(hint, false, &text) == 0)
		(void)file_replace(list->hint_fd, name, text, strlen(text), &ignored);
}

struct json *job_list_hint(const struct job_list *list, uint64_t id)
{
	cleanup_free char *text = NULL;
	struct error ignored = { 0 };
	struct json *hint = NULL;
	char name[HINT_NAME];
	ssize_t n;

	hint_name(id, name);
	n = file_read(list->hint_fd, name, HINT_MAX, &text, &ignored);
	if (n < 0 || json_parse(text, (size_t)n, &hint, &ignored) < 0)
		return NULL;
	return hint;
}

void job_list_drop_hint(const struct job_list *list, uint64_t id)
{
	char name[HINT_NAME];

	hint_name(id, name);
	(void)unlinkat(list->hint_fd, name, 0); /* absent is fine */
}

/* A sealed memfd: neither we nor anyone else changes what the job has been told. */
static int spec_open(const struct job_order *order, struct json *spec, struct error *err)
{
	cleanup_close int fd = memfd_create("vessel-job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cleanup_free char *text = NULL;
	int r;

	if (fd < 0)
		return error_sys(err, "cannot make a memfd");
	json_set_string(spec, "operation", order->operation);
	if (order->name)
		json_set_string(spec, "name", order->name);
	if (json_print(spec, false, &text) < 0)
		return error_memory(err);
	r = file_write_all(fd, text, strlen(text), err);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) <
			0)
		return error_sys(err, "cannot seal a memfd");
	return take_fd(&fd);
}

static int keep_fds(struct job_entry *job, const struct job_order *order, struct error *err)
{
	cleanup_json struct json *spec = order->spec ? order->spec : json_new_object();
	int fd = spec_open(order, spec, err);

	if (fd < 0)
		return fd;
	job->fds[job->n_fds++] = fd;
	for (size_t i = 0; i < order->n_fds; i++) {
		if (job->n_fds == SOCKET_FDS_MAX)
			return error_set(err, EMFILE, "too many descriptors for one job");
		fd = fcntl(order->fds[i], F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return error_sys(err, "cannot hand a descriptor to a job");
		job->fds[job->n_fds++] = fd;
	}
	return 0;
}

int job_list_run(
	struct job_list *list, const struct job_order *order, uint64_t *ret_id, struct error *err)
{
	struct job_entry *job = calloc(1, sizeof(*job));
	int r;

	if (!job) {
		json_free(order->spec);
		return error_memory(err);
	}
	*job = (struct job_entry){
		.id = ++list->last_id,
		.session = order->session,
		.fn = order->fn,
		.data = order->data,
	};
	snprintf(job->name, sizeof(job->name), "%s", order->name ? order->name : "");
	TAILQ_INSERT_TAIL(&list->jobs, job, link);
	r = keep_fds(job, order, err);
	if (r < 0) {
		entry_free(list, job);
		return r;
	}
	if (!order->session)
		hint_store(list, job->id, order);
	if (ret_id)
		*ret_id = job->id;
	return loop_set_timer(list->pump, 0, err);
}

int job_list_adopt(struct job_list *list, uint64_t id, job_fn *fn, void *data, struct error *err)
{
	struct job_entry *job = calloc(1, sizeof(*job));

	if (!job)
		return error_memory(err);
	*job = (struct job_entry){ .id = id, .sent = true, .fn = fn, .data = data };
	list->running++;
	TAILQ_INSERT_TAIL(&list->jobs, job, link);
	return 0;
}

void job_list_cancel(struct job_list *list, uint64_t id)
{
	struct job_entry *job = find(list, id);
	struct error err = { 0 };

	if (!job)
		return;
	job->canceled = true;
	if (job->sent)
		(void)mailbox_tell(list->manager->mailbox, MANAGER_CANCEL, id, NULL, &err);
	else
		(void)loop_set_timer(list->pump, 0, &err);
}

void job_list_withdraw(struct job_list *list, uint64_t id)
{
	const struct job_entry *job = find(list, id);

	if (job && !job->sent)
		job_list_cancel(list, id);
}

bool job_list_sent(struct job_list *list, uint64_t id)
{
	const struct job_entry *job = find(list, id);

	return job && job->sent;
}

void job_list_forget(struct job_list *list, uint64_t id)
{
	struct job_entry *job = find(list, id);

	if (job)
		job->fn = NULL;
}

bool job_list_progress(struct job_list *list, const struct message *message)
{
	struct job_entry *job = find(list, message->id);

	if (job && job->fn)
		job->fn(list->manager, message, job->data);
	return job != NULL;
}

bool job_list_ended(struct job_list *list, const struct message *message)
{
	struct job_entry *job = find(list, message->id);
	struct message told = *message;

	if (!job)
		return false;
	if (job->canceled && WIFSIGNALED(told.status))
		error_refuse(&told.error, ERROR_STATE, "it was called off");
	else if (told.error.code == 0 && told.status != 0)
		error_set(&told.error, ECHILD, "the job died");
	finish(list, job, &told);
	return true;
}

int job_list_new(struct manager *manager, struct job_list **ret, struct error *err)
{
	struct job_list *list = calloc(1, sizeof(*list));
	struct timespec now = { 0 };
	int r;

	if (!list)
		return error_memory(err);
	/* Ids of an earlier manager's jobs are lower, unless the clock was set back by its uptime.
	 */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*list = (struct job_list){
		.manager = manager,
		.last_id = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
		.hint_fd = -1,
	};
	TAILQ_INIT(&list->jobs);
	r = file_make_dir(manager->instance->run_fd, HINT_DIR, 0700, err);
	if (r == 0) {
		list->hint_fd = file_open_dir(manager->instance->run_fd, HINT_DIR, err);
		r = list->hint_fd < 0 ? list->hint_fd : 0;
	}
	if (r == 0)
		r = loop_add_timer(manager->loop, 0, on_pump, list, &list->pump, err);
	if (r < 0) {
		job_list_free(list);
		return r;
	}
	*ret = list;
	return 0;
}

void job_list_free(struct job_list *list)
{
	struct job_entry *job;

	if (!list)
		return;
	while ((job = TAILQ_FIRST(&list->jobs)))
		entry_free(list, job);
	loop_remove(list->pump);
	close_fd(&list->hint_fd);
	free(list);
}
