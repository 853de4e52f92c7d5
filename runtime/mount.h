/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mount.h - mounts by descriptor: made detached, attached to a target that was opened once (P05).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;

struct mount_option {
	const char *key, *value; /* value NULL: a flag */
};

/* A new, detached mount of a file system without a source; attributes are MOUNT_ATTR_*. Returns its
 * root, owned by the caller. */
int mount_new(const char *type, const struct mount_option *options, size_t n,
	unsigned int attributes, struct error *err);

/* A detached copy of what `name` below dir_fd is (an empty name: dir_fd itself), with attributes
 * added; below it nothing is copied unless `whole`. */
int mount_clone(
	int dir_fd, const char *name, unsigned int attributes, bool whole, struct error *err);

/* Puts a detached mount over the file or directory open at target_fd. */
int mount_attach(int mount_fd, int target_fd, const char *target, struct error *err);

/* Takes away what is mounted last over a name in a directory, which becomes the working directory:
 * umount2(2) knows no descriptors. */
int mount_detach(int dir_fd, const char *name, struct error *err);

/* Makes root_fd, an attached mount's root, the root of the calling process, lets go of the old one,
 * and verifies that the working directory is inside (P01). */
int mount_become_root(int root_fd, struct error *err);
