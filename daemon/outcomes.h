/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * outcomes.h - what came of each VE in a request for many (Autostart, Shutdown).
 *
 * A caller that asked for `more` hears of each at once, another one of all in the last reply. It
 * may hang up: the work goes on.
 */
#pragma once

#include <stddef.h>

struct call;
struct error;
struct operation;
struct outcomes;

int outcomes_new(struct outcomes **ret, struct error *err);
/* Takes the call, which is answered when all is told; NULL: nobody listens. */
void outcomes_listen(struct outcomes *outcomes, struct call *call);

/* From here on the end of this operation is told (operation.c does). */
void outcomes_expect(struct outcomes *outcomes, struct operation *op);
/* It is told of no more: another one will be in its place. */
void outcomes_forget(struct operation *op);
/* The operation has ended. */
void outcomes_tell(struct operation *op, const struct error *err);
/* How many are expected still. */
size_t outcomes_pending(const struct outcomes *outcomes);

/* No more are expected: frees it when the last has been told, at once if there is none. */
void outcomes_close(struct outcomes *outcomes);
/* Called once, when it is closed and all has been told. */
void outcomes_on_over(struct outcomes *outcomes, void (*fn)(void *data), void *data);
/* The manager ends: listeners are told so, and nobody hears any more, nor that it is over. */
void outcomes_abandon(struct outcomes *outcomes, const struct error *err);
