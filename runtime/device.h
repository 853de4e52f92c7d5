/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * device.h - the device nodes of a VE: made once in the workshop, bound into each VE's /dev.
 */
#pragma once

#include <stddef.h>

struct device {
	const char *name;
	unsigned int major, minor;
};

extern const struct device devices_table[];
extern const size_t devices_count;
