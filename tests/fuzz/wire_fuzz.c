/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wire_fuzz.c - the bytes of a client: cut as they come in, they give the same messages as whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "daemon/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feeds in pieces of `step` bytes; the methods that came out, one a line, "!" for a refusal. */
static char *methods(const uint8_t *data, size_t size, size_t step)
{
	struct wire_call call;
	struct wire wire;
	struct text out;
	struct error err = { 0 };
	int r = 0;

	wire_init(&wire);
	text_init(&out);
	for (size_t at = 0; r >= 0 && at < size; at += step) {
		size_t n = size - at < step ? size - at : step;

		r = wire_feed(&wire, data + at, n, NULL, 0, &err);
		while (r >= 0 && (r = wire_take(&wire, &call, &err)) > 0) {
			text_format(&out, "%s\n", call.method);
			wire_call_done(&call);
		}
	}
	if (r < 0)
		text_add(&out, "!");
	wire_done(&wire);
	return text_take(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size ? 1 + data[0] % 64 : 1;
	cleanup_free char *whole = methods(data, size, size ? size : 1);
	cleanup_free char *cut = methods(data, size, step);

	if (!whole || !cut || strcmp(whole, cut) != 0)
		abort();
	return 0;
}
