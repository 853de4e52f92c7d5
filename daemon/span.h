/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * span.h - from when to when a VE came up, and what follows for the order of going down.
 *
 * Shutdown runs the starts backwards: what was started when another VE was up already may depend on
 * it, and goes first. VEs whose starts overlapped know nothing of one another.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* By one clock that nobody sets (clock_boot_us). */
struct span {
	uint64_t started;
	uint64_t ready; /* or up, where the guest never says; 0: not yet */
};

/* May it go down while the youngest of those that run, itself among them, was started then? The
 * youngest always may. */
static inline bool span_may_end(const struct span *span, uint64_t youngest)
{
	return !span->ready || span->ready >= youngest;
}
