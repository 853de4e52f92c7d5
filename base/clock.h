/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * clock.h - what time it is, by each of the clocks in use.
 */
#pragma once

#include <stdint.h>

/* Seconds since the epoch. */
int64_t clock_now(void);

/* Milliseconds that never jump. */
uint64_t clock_monotonic_ms(void);

/* Microseconds since the host booted, for every process the same. */
uint64_t clock_boot_us(void);
