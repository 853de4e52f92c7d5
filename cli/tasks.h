/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tasks.h - the same request for several VEs, at most four a CPU at once, one line each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct json;

#define TASK_STEPS 2

/* One request of a task; the next one goes out when the one before succeeded. */
struct task_step {
	const char *method;
	char *parameters; /* JSON text, owned */
};

struct task {
	const char *name; /* borrowed */
	struct task_step steps[TASK_STEPS];
	size_t n_steps;
	size_t at, sent;
	int status; /* -1: not yet */
};

struct tasks {
	struct task *tasks;
	size_t n;
	const char *done; /* "started", for the line at the end */
	bool asked_force; /* being forced is no news */
};

int tasks_init(struct tasks *tasks, size_t n, const char *done);
void tasks_done(struct tasks *tasks);

/* Takes `parameters`. */
void task_add(struct task *task, const char *method, struct json *parameters);

/* Runs all; says what failed. Returns the status they share, else 1. */
int tasks_run(const struct cli *cli, struct tasks *tasks);
