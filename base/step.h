/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * step.h - a set-up is a table of steps, walked forward, and backward from the one that failed.
 *
 * Every step and every undo is idempotent: a walk that was cut short by SIGKILL at any instruction
 * is finished or undone by walking again.
 */
#pragma once

#include <stddef.h>

struct error;

struct step {
	const char *name;
	int (*run)(void *data, struct error *err);
	void (*undo)(void *data); /* may be NULL: nothing to take back */
};

/* Called before each step: the hook of --hold. */
typedef void step_before_fn(const char *step, void *data);

/* Runs all steps. When one fails, its own undo (it may have done half of its work) and those of all
 * before it run, last first, and its error is returned. `before` may be NULL. */
int step_walk(const struct step *steps, size_t n_steps, step_before_fn *before, void *data,
	struct error *err);

/* The backward walk alone, from the last of n_steps steps. */
void step_undo(const struct step *steps, size_t n_steps, void *data);
