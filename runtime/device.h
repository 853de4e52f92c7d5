/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * device.h - the device nodes of a VE: made anew for each start (host.c), bound into the VE's /dev.
 */
#pragma once

struct device {
	const char *name;
	unsigned int major, minor;
};

#define DEVICES 7

extern const struct device devices_table[DEVICES];
