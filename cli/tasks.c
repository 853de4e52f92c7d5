/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tasks.c - the same request for several VEs, at most four a CPU at once, one line each.
 *
 * A slot is a connection with at most one call under way; poll(2) over the slots is the whole loop.
 */
#include "tasks.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/format.h"

#define PER_CPU 4

struct slot {
	struct vessel *vessel;
	struct task *task; /* NULL: idle */
	struct run *run;
	char busy[160]; /* the last "busy" line said: a repeated one is no news */
};

struct run {
	const struct cli *cli;
	struct tasks *tasks;
	struct slot *slots;
	size_t n_slots;
	size_t next;   /* of tasks, to be begun */
	size_t unsent; /* requests of tasks that may still be sent */
	bool talk;     /* one line a VE */
};

int tasks_init(struct tasks *tasks, size_t n, const char *done)
{
	*tasks = (struct tasks){ .n = n, .done = done };
	tasks->tasks = calloc(n ? n : 1, sizeof(*tasks->tasks));
	for (size_t i = 0; tasks->tasks && i < n; i++)
		tasks->tasks[i].status = -1;
	return tasks->tasks ? 0 : -1;
}

void tasks_done(struct tasks *tasks)
{
	for (size_t i = 0; tasks->tasks && i < tasks->n; i++)
		for (size_t j = 0; j < TASK_STEPS; j++)
			free(tasks->tasks[i].steps[j].parameters);
	free(tasks->tasks);
}

void task_add(struct task *task, const char *method, struct json *parameters)
{
	cleanup_json struct json *owned = parameters;
	struct task_step *step = &task->steps[task->n_steps++];

	step->method = method;
	if (!owned || json_print(owned, false, &step->parameters) < 0)
		step->parameters = NULL; /* found when it is sent */
}

static void say_busy(struct slot *slot, const struct json *busy)
{
	const char *command = json_find_string(busy, "command");
	const char *since = json_find_string(busy, "since");
	char local[FORMAT_LOCAL];
	char line[sizeof(slot->busy)];
	int64_t uid = -1;

	if (!command)
		return;
	(void)json_int(json_find(busy, "uid"), &uid); /* absent: said as -1 */
	snprintf(line, sizeof(line), "%s: waiting: busy with %s since %s (uid %" PRId64 ")",
		slot->task->name, command, since ? format_local(since, local) : "now", uid);
	if (strcmp(line, slot->busy) != 0)
		cli_say(slot->run->cli, "%s", line);
	memcpy(slot->busy, line, sizeof(line));
}

static void say_pending(const struct slot *slot, const struct json *pending)
{
	if (json_count(pending) == 0 || slot->run->cli->quiet)
		return;
	fprintf(stderr, "%s: kept for the next start:", slot->task->name);
	for (size_t i = 0; i < json_count(pending); i++)
		fprintf(stderr, "%s %s", i ? "," : "", json_string(json_at(pending, i)));
	fputc('\n', stderr);
}

static int on_reply(const char *parameters, int *fds, size_t n_fds, int last, void *data)
{
	struct slot *slot = data;
	cleanup_json struct json *object = cli_reply(parameters);
	bool forced = false;

	if (!object)
		return -1;
	say_busy(slot, json_find(object, "busy"));
	if (!last)
		return 0;
	say_pending(slot, json_find(object, "pending"));
	(void)json_bool(json_find(object, "forced"), &forced); /* absent: it was not */
	if (forced && !slot->run->tasks->asked_force)
		cli_say(slot->run->cli, "%s: stopped by force: it did not stop in time",
			slot->task->name);
	return 0;
}

static void task_end(struct slot *slot, int status, const struct vessel_error *err)
{
	slot->run->unsent -= slot->task->n_steps - slot->task->sent;
	slot->task->status = status;
	if (status != VESSEL_OK)
		cli_error_line(err->message);
	else if (slot->run->talk)
		cli_say(slot->run->cli, "%s: %s", slot->task->name, slot->run->tasks->done);
	slot->task = NULL;
}

/* Sends the task's next request; a connection that broke is made anew once. */
static void slot_send(struct slot *slot)
{
	const struct task_step *step = &slot->task->steps[slot->task->at];
	struct vessel_error err = { .result = VESSEL_FAILED, .message = "out of memory" };

	slot->busy[0] = '\0';
	if (!step->parameters) {
		task_end(slot, err.result, &err);
		return;
	}
	if (!slot->vessel && cli_open(slot->run->cli, &slot->vessel, &err) != VESSEL_OK) {
		task_end(slot, err.result, &err);
		return;
	}
	if (vessel_send(slot->vessel, step->method, step->parameters, NULL, 0, 1, &err) !=
		VESSEL_OK) {
		vessel_close(slot->vessel);
		slot->vessel = NULL;
		task_end(slot, err.result, &err);
		return;
	}
	slot->task->sent++;
	slot->run->unsent--;
}

static void slot_receive(struct slot *slot)
{
	struct vessel_error err;
	enum vessel_result result;
	int done = 0;

	result = vessel_receive(slot->vessel, on_reply, slot, &done, &err);
	if (result == VESSEL_NOT_ALLOWED) {
		vessel_close(slot->vessel);
		slot->vessel = NULL;
	}
	if (result != VESSEL_OK) {
		task_end(slot, (int)result, &err);
	} else if (done && ++slot->task->at < slot->task->n_steps) {
		slot_send(slot);
	} else if (done) {
		task_end(slot, VESSEL_OK, NULL);
	}
}

/* Gives every idle slot a task. */
static size_t fill_slots(struct run *run)
{
	size_t working = 0;

	for (size_t i = 0; i < run->n_slots; i++) {
		struct slot *slot = &run->slots[i];

		while (!slot->task && run->next < run->tasks->n) {
			slot->task = &run->tasks->tasks[run->next++];
			slot_send(slot);
		}
		working += slot->task != NULL;
	}
	return working;
}

static void run_slots(struct run *run, struct pollfd *fds)
{
	while (fill_slots(run) > 0) {
		cli_work_goes_on(run->unsent);
		for (size_t i = 0; i < run->n_slots; i++)
			fds[i] = (struct pollfd){
				.fd = run->slots[i].task ? vessel_fd(run->slots[i].vessel) : -1,
				.events = POLLIN,
			};
		if (poll(fds, run->n_slots, -1) < 0)
			continue;
		for (size_t i = 0; i < run->n_slots; i++)
			if (fds[i].revents)
				slot_receive(&run->slots[i]);
	}
}

static int shared_status(const struct tasks *tasks)
{
	int status = tasks->n ? tasks->tasks[0].status : VESSEL_OK;

	for (size_t i = 1; i < tasks->n; i++)
		if (tasks->tasks[i].status != status)
			return VESSEL_FAILED;
	return status;
}

int tasks_run(const struct cli *cli, struct tasks *tasks)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = PER_CPU * (size_t)(cpus > 0 ? cpus : 1);
	struct run run = { .cli = cli, .tasks = tasks, .talk = cli->terminal || tasks->n > 1 };
	cleanup_free struct slot *slots = NULL;
	cleanup_free struct pollfd *fds = NULL;
	struct vessel_error err;

	if (tasks->n == 0)
		return VESSEL_OK;
	run.n_slots = tasks->n < most ? tasks->n : most;
	run.slots = slots = calloc(run.n_slots, sizeof(*slots));
	fds = calloc(run.n_slots, sizeof(*fds));
	if (!slots || !fds)
		return cli_usage(cli, "out of memory");
	for (size_t i = 0; i < run.n_slots; i++)
		slots[i].run = &run;

	/* A daemon that is not there is one failure, not one a VE. */
	if (cli_open(cli, &slots[0].vessel, &err) != VESSEL_OK)
		return cli_refused(cli, &err);
	for (size_t i = 0; i < tasks->n; i++)
		run.unsent += tasks->tasks[i].n_steps;
	run_slots(&run, fds);
	for (size_t i = 0; i < run.n_slots; i++)
		vessel_close(slots[i].vessel);
	return shared_status(tasks);
}
