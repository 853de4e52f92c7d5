/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * device.c - the numbers are the kernel's (Documentation/admin-guide/devices.txt). What a VE may
 * open is decided by cgroup/device.h, whatever nodes it has.
 */
#include "runtime/device.h"

const struct device devices_table[DEVICES] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
	{ "fuse", 10, 229 },
};
