/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stop_way.h - which init a guest has, and so how it wants to be asked to stop.
 */
#pragma once

#include "runtime/launch.h"

/* Looks `init` up inside the root. One that is not there or cannot be executed is an error that
 * names the setting. proc_fd is a procfs of our own. */
int stop_way_find(
	int root_fd, const char *init, int proc_fd, enum stop_way *ret, struct error *err);
