/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wire_fuzz.c - libFuzzer: a client's bytes, in pieces as the input says, become messages or an
 * end. However they are cut, the same bytes give the same messages.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many messages there are; -1 at the first bad one. */
static int drain(struct wire *wire)
{
	struct wire_call call;
	struct error err = { 0 };
	int n = 0;

	for (;;) {
		int r = wire_take(wire, &call, &err);

		if (r == 0)
			return n;
		if (r < 0)
			return -1;
		if (!call.method || call.n_fds > 0)
			abort();
		wire_call_done(&call);
		n++;
	}
}

static int run(const uint8_t *data, size_t size, size_t piece)
{
	struct error err = { 0 };
	struct wire wire;
	int n = 0;

	wire_init(&wire);
	for (size_t at = 0; at < size; at += piece) {
		size_t length = size - at < piece ? size - at : piece;
		int more;

		if (wire_feed(&wire, data + at, length, NULL, 0, &err) < 0)
			abort();
		more = drain(&wire);
		if (more < 0) {
			n = -1 - n;
			break;
		}
		n += more;
	}
	wire_done(&wire);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int whole, pieces;

	if (size < 2)
		return 0;
	pieces = run(data + 1, size - 1, 1 + data[0] % 16);
	whole = run(data + 1, size - 1, size);
	if ((pieces < 0) != (whole < 0) || (pieces >= 0 && pieces != whole))
		abort();
	return 0;
}
