/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_ring.h - the last 64 KiB that a VE wrote to its console.
 *
 * A mapping of its own: pages cost memory only once they have been written, and all of them go back
 * to the kernel when the VE ends, so the keeper does not grow with time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define CONSOLE_RING_SIZE (64 * 1024)

struct console_ring {
	char *data; /* NULL until the first byte */
	uint64_t written;
};

/* Memory that cannot be had costs scrollback, nothing else. */
void console_ring_add(struct console_ring *ring, const char *data, size_t n);

/* What is there, oldest first, in up to two borrowed parts; returns how many. */
int console_ring_parts(const struct console_ring *ring, struct iovec ret[2]);

void console_ring_done(struct console_ring *ring);
