/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loopback.h - the one interface every network namespace is born with.
 */
#pragma once

struct error;

/* Sets lo up in the calling process's network namespace. */
int loopback_up(struct error *err);
