/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * progress.h - a bar on the terminal while bytes are counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cli;

struct progress {
	const struct cli *cli;
	const char *name;
	int64_t shown; /* milliseconds, when it was last drawn */
};

/* A vessel_reply_fn: draws what `progress` in the reply says, on a terminal only. */
int progress_reply(const char *parameters, int *fds, size_t n_fds, int last, void *data);

/* Takes the bar off the screen. */
void progress_end(struct progress *progress);

/* The bar as text: "debian-12  [#####     ]  50%  12.0M of 24.0M", or without a total
 * "debian-12  12.0M". buffer: a name of 63 characters, a bar of 30, two sizes. */
#define PROGRESS_LINE 192
void progress_format(const char *name, int64_t done, int64_t total, char buffer[PROGRESS_LINE]);
