/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * guest_mount.h - what a VE finds mounted when its init starts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/setting.h"

struct error;

struct guest_mounts {
	enum profile profile;
	uint64_t ptys; /* PARSE_NONE: as many as the host has */
	int proc_fd;   /* the roots of what was mounted; -1 until then */
	int dev_fd;
	int pts_fd;
	int run_fd;
};

#define GUEST_MOUNTS_NONE .proc_fd = -1, .dev_fd = -1, .pts_fd = -1, .run_fd = -1

/* Mounts the table of kernel file systems below root_fd, binds the device nodes, makes the links of
 * /dev, and masks what the profile masks. The caller is root of the VE's user namespace, its cgroup
 * namespace among others unshared, and its root is still the workshop. */
int guest_mount_all(int root_fd, struct guest_mounts *mounts, struct error *err);
