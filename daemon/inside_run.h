/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inside_run.h - one of the guest's own tools, run in a running VE for an operation: a way to stop
 * it, or to set a password. The guest may do what it likes with it; the operation has a timer.
 */
#pragma once

struct error;
struct inside;
struct operation;

/* Runs argv (NULL-terminated) as root of op's VE with `input` (may be NULL) as its standard input
 * and nothing as output. Its end arrives at op as OCCUR_INSIDE. */
int inside_run(struct operation *op, const char *const *argv, const char *input, struct error *err);
void inside_free(struct inside *inside);

/* The reading end of a pipe that holds `text` (NULL: nothing), and no more; at most 64 KiB. */
int inside_input(const char *text, struct error *err);
