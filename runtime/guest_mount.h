/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * guest_mount.h - what a VE finds mounted when its init starts.
 */
#pragma once

#include <stdint.h>

#include "runtime/device.h"
#include "runtime/setting.h"

struct error;

/* Parents first: the order in which they are attached. */
enum guest_mount {
	MOUNT_PROC,
	MOUNT_SYS,
	MOUNT_CGROUP,
	MOUNT_DEV,
	MOUNT_PTS,
	MOUNT_SHM,
	MOUNT_MQUEUE,
	MOUNT_RUN,
	GUEST_MOUNTS,
};

/* Descriptors are set by guest_mount_prepare() and closed by the exec. */
struct guest_mounts {
	enum profile profile;
	int scratch_fd;        /* of the workshop: what is bound comes from there */
	uint64_t ptys;         /* at most so many */
	int fds[GUEST_MOUNTS]; /* the roots */
	int device_fds[DEVICES];
};

/* Makes all of it, detached: this needs no root yet, and the job has its hands full with the
 * overlay meanwhile. The caller is root of the VE's user namespace with the others, the cgroup
 * namespace included, and its root is still the workshop. */
int guest_mount_prepare(struct guest_mounts *mounts, struct error *err);

/* Attaches it below root_fd, and masks what the profile masks. */
int guest_mount_attach(int root_fd, const struct guest_mounts *mounts, struct error *err);
