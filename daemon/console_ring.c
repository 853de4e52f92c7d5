/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_ring.c - a ring whose position is the number of bytes ever written.
 */
#include "daemon/console_ring.h"

#include <string.h>
#include <sys/mman.h>

void console_ring_add(struct console_ring *ring, const char *data, size_t n)
{
	if (!ring->data) {
		void *map = mmap(NULL, CONSOLE_RING_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (map == MAP_FAILED)
			return;
		ring->data = map;
	}
	if (n > CONSOLE_RING_SIZE) {
		data += n - CONSOLE_RING_SIZE;
		ring->written += n - CONSOLE_RING_SIZE;
		n = CONSOLE_RING_SIZE;
	}
	while (n) {
		size_t at = ring->written % CONSOLE_RING_SIZE;
		size_t part = n < CONSOLE_RING_SIZE - at ? n : CONSOLE_RING_SIZE - at;

		memcpy(ring->data + at, data, part);
		ring->written += part;
		data += part;
		n -= part;
	}
}

int console_ring_parts(const struct console_ring *ring, struct iovec ret[2])
{
	size_t at = ring->written % CONSOLE_RING_SIZE;
	int n = 0;

	if (!ring->data)
		return 0;
	if (ring->written > CONSOLE_RING_SIZE)
		ret[n++] = (struct iovec){ ring->data + at, CONSOLE_RING_SIZE - at };
	if (ring->written == CONSOLE_RING_SIZE)
		at = CONSOLE_RING_SIZE;
	if (at)
		ret[n++] = (struct iovec){ ring->data, at };
	return n;
}

void console_ring_done(struct console_ring *ring)
{
	if (ring->data)
		munmap(ring->data, CONSOLE_RING_SIZE);
	*ring = (struct console_ring){ 0 };
}
