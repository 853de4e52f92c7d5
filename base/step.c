/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * step.c - the walker of step tables.
 */
#include "step.h"

void step_undo(const struct step *steps, size_t n_steps, void *data)
{
	for (size_t i = n_steps; i-- > 0;)
		if (steps[i].undo)
			steps[i].undo(data);
}

int step_walk(const struct step *steps, size_t n_steps, step_before_fn *before, void *data,
	struct error *err)
{
	for (size_t i = 0; i < n_steps; i++) {
		int r;

		if (before)
			before(steps[i].name, data);
		r = steps[i].run(data, err);
		if (r < 0) {
			step_undo(steps, i + 1, data);
			return r;
		}
	}
	return 0;
}
