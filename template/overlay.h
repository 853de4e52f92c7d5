/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overlay.h - the root of a VE: an overlay over idmapped layers, made detached.
 *
 * The caller runs in a private, nearly empty mount namespace that will die with it. Layers are
 * cloned from what is mounted there (open_tree), idmapped (mount_setattr), attached below `work_fd`
 * (6.1 demands attached layers; detached ones work from about 6.15), then fsopen("overlay") with
 * fsuid and fsgid set to the VE's base around FSCONFIG_CMD_CREATE, or the mount silently becomes
 * read-only (the work directory is created with the caller's fsuid).
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct error;

struct overlay {
	const int *layer_fds; /* lower directories, topmost first; O_DIRECTORY descriptors below a
				 mount of the caller's own mount namespace */
	size_t n_layers;
	int disk_fd;    /* of a directory that holds `upper` and `work` */
	int userns_fd;  /* maps 0 to `base` */
	uid_t base;     /* the VE's first id */
	int scratch_fd; /* a directory on a tmpfs of the caller's namespace, for mount points */
	const char *options; /* "redirect_dir=on,index=off,metacopy=off,xino=auto": an on-disk
				decision */
};

#define OVERLAY_OPTIONS "redirect_dir=on,index=off,metacopy=off,xino=auto"

/* Returns the detached overlay mount (nodev), owned by the caller. A file system that cannot be
 * idmapped is ERROR_UNSUPPORTED with its type and the remedy in the text. Verifies that the result
 * is writable before it returns. The caller's credentials are as before, also on failure. */
int overlay_mount(const struct overlay *overlay, struct error *err);
