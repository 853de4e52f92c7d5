/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ask.h - a guest is asked to stop in its own way: a signal, or a tool of its own.
 */
#pragma once

struct error;
struct operation;

enum ask_result {
	ASK_LATER = 0, /* its init cannot hear yet */
	ASK_DONE = 1,
	ASK_IN_VAIN = 2, /* its init does not listen */
};

/* Or -errno. */
int ask_to_stop(struct operation *op, struct error *err);
