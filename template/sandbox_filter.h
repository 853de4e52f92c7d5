/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sandbox_filter.h - the system calls that unpacking an archive takes.
 */
#pragma once

struct error;

/* Loads the filter into this process for good: any other call kills it. */
int sandbox_filter(struct error *err);
