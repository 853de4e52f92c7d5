/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inside.h - the only module that resolves a path below a VE's root.
 *
 * A VE's tree belongs to its tenant: any name in it may be a link to anywhere, and may change
 * between two looks. Everything here resolves with openat2(RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS)
 * (Linux 5.6, openat2(2)) below the root's descriptor and goes on by descriptor (property P04).
 * A lint in tests/ keeps raw path calls on such trees out of every other file.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct error;

/* Opens `path` inside the root; flags as in open(2), O_CLOEXEC is added. Returns a descriptor. */
int inside_open(int root_fd, const char *path, int flags, mode_t mode, struct error *err);

/* Opens the directory `path` for use as a mount target: O_PATH, and it must be a real directory
 * reached without any symlink (RESOLVE_NO_SYMLINKS). Created with `mode` if it is not there. */
int inside_open_mount_point(int root_fd, const char *path, mode_t mode, struct error *err);

/* Reads a regular file of at most `max` bytes; anything else than a regular file is -EINVAL.
 * O_NONBLOCK on open, so a fifo cannot hold us. */
ssize_t inside_read(int root_fd, const char *path, size_t max, char **ret, struct error *err);

/* Replaces what is there, if it is no directory, by a small regular file: a temporary one beside
 * it, created with O_EXCL, takes the name by rename, so that on failure the old one is untouched.
 * The directory must exist. Not durable: a VE's files are its own matter. */
int inside_replace(int root_fd, const char *path, const char *text, mode_t mode, struct error *err);

/* Resolves links inside the root and returns the path as the VE's root sees it, owned by the
 * caller ("/usr/lib/systemd/systemd" for "/sbin/init"). `proc_fd` is a procfs of our own. */
int inside_resolve(int root_fd, const char *path, int proc_fd, char **ret, struct error *err);
