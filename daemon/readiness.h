/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * readiness.h - clients that wait until a VE is up (start --wait).
 *
 * They hold nothing: a VE that is awaited can be stopped like any other.
 */
#pragma once

#include <stdint.h>

struct call;
struct error;
struct json;
struct ve;

/* Takes the call, and the answer (may be NULL). seconds < 0: as long as it takes. `verb` for the
 * error: "start". */
void readiness_wait(
	struct ve *ve, struct call *call, const char *verb, int64_t seconds, struct json *reply);
/* It is up. */
void readiness_reached(struct ve *ve);
/* It never will be: "its init ended with exit status 1". */
void readiness_failed(struct ve *ve, const struct error *err);
/* The text for an init that has died, with the last lines of its console. Returns -code. */
int readiness_error(const struct ve *ve, struct error *err);
