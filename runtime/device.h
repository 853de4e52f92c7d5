/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * device.h - the device nodes of a VE: made once in the workshop, bound into each VE's /dev.
 */
#pragma once

struct device {
	const char *name;
	unsigned int major, minor;
};

#define DEVICES 7

extern const struct device devices_table[DEVICES];
