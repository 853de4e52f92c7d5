/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * import_child.h - the confined half of an import, and what it tells the other half.
 *
 * One socket, messages of one size. The child writes `ready`, waits for a byte (its ids are mapped
 * now), then writes progress and last of all a result or an error. Nothing in a message is to be
 * trusted: the child has parsed an archive.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "template/import.h"

enum import_report_type {
	IMPORT_READY = 1,
	IMPORT_PROGRESS,
	IMPORT_DONE,
	IMPORT_FAILED,
};

struct import_report {
	uint32_t type;
	uint64_t read; /* bytes of the archive as stored */
	uint64_t entries;
	struct import_result result; /* of IMPORT_DONE */
	struct error error;          /* of IMPORT_FAILED */
};

/* import_report.c, the other half's: the error that IMPORT_FAILED tells. */
int import_report_failed(const struct import_report *report, struct error *err);
/* And the result of IMPORT_DONE, if it can be one. */
int import_report_done(const struct import_report *report, const struct import_bounds *bounds,
	struct import_result *ret, struct error *err);

/* Runs in a forked child and ends it. */
_Noreturn void import_child(int archive_fd, int report_fd, int layer_fd,
	const struct import_bounds *bounds, bool squash_ids);
