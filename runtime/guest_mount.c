/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * guest_mount.c - /proc, /sys, /dev and /run of a VE, from tables.
 *
 * Every target is opened by inside.h (no link on the way, P04) and mounted on by descriptor (P05);
 * every source is a file system just made or a node of the workshop, verified. Masks are against
 * noise only: a VE's root can unmount them (P26).
 */
#include "runtime/guest_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/inside.h"
#include "runtime/boot_id.h"
#include "runtime/device.h"
#include "runtime/mount.h"

#define PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static const struct mount_option no_options[] = { { NULL, NULL } };
static const struct mount_option dev_options[] = { { "mode", "0755" }, { "size", "512k" },
	{ "nr_inodes", "1024" } };
/* gid 5 is tty, in every distribution. */
static const struct mount_option pts_options[] = { { "ptmxmode", "0666" }, { "mode", "0620" },
	{ "gid", "5" } };
static const struct mount_option shm_options[] = { { "mode", "1777" } };
static const struct mount_option run_options[] = { { "mode", "0755" }, { "size", "20%" } };

/* The devpts row gets its `max` from the setting ptys. The size of /dev/shm is the memory limit's
 * matter. */
/* clang-format off */
static const struct row {
	const char *target, *type;
	unsigned int attributes;
	mode_t mode; /* of the target, where the template lacks it */
	const struct mount_option *options;
	size_t n_options;
} rows[] = {
	[MOUNT_PROC]   = { "/proc", "proc", PLAIN, 0555, no_options, 0 },
	[MOUNT_SYS]    = { "/sys", "sysfs", PLAIN | MOUNT_ATTR_RDONLY, 0555, no_options, 0 },
	[MOUNT_CGROUP] = { "/sys/fs/cgroup", "cgroup2", PLAIN, 0755, no_options, 0 },
	[MOUNT_DEV]    = { "/dev", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0755,
		dev_options, ARRAY_SIZE(dev_options) },
	[MOUNT_PTS]    = { "/dev/pts", "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0755,
		pts_options, ARRAY_SIZE(pts_options) },
	[MOUNT_SHM]    = { "/dev/shm", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 01777,
		shm_options, ARRAY_SIZE(shm_options) },
	[MOUNT_MQUEUE] = { "/dev/mqueue", "mqueue", PLAIN, 0755, no_options, 0 },
	[MOUNT_RUN]    = { "/run", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0755,
		run_options, ARRAY_SIZE(run_options) },
};
_Static_assert(ARRAY_SIZE(rows) == GUEST_MOUNTS, "every mount has a row");

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd",     "/proc/self/fd"   },
	{ "stdin",  "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "core",   "/proc/kcore"     },
	{ "ptmx",   "pts/ptmx"        },
};
/* clang-format on */

static const char *const masks[] = {
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/timer_list",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	"/sys/kernel/debug",
	"/sys/kernel/slab",
	"/sys/kernel/tracing",
};

#define OPTIONS_MAX 4 /* the longest row's, and `max` */

static int row_create(enum guest_mount which, uint64_t ptys, struct error *err)
{
	const struct row *row = &rows[which];
	struct mount_option options[OPTIONS_MAX];
	size_t n = row->n_options;
	char max[24]; /* a 64-bit number */

	memcpy(options, row->options, n * sizeof(*options));
	if (which == MOUNT_PTS) {
		snprintf(max, sizeof(max), "%ju", (uintmax_t)ptys);
		options[n++] = (struct mount_option){ "max", max };
	}
	return mount_new(row->type, options, n, row->attributes, err);
}

static int row_attach(int root_fd, const struct row *row, int mount_fd, struct error *err)
{
	cleanup_close int target_fd = inside_open_mount_point(root_fd, row->target, row->mode, err);

	return target_fd < 0 ? target_fd : mount_attach(mount_fd, target_fd, row->target, err);
}

/* A copy of the workshop's node, to be bound: the VE itself may not mknod. */
static int device_clone(int scratch_fd, const struct device *device, struct error *err)
{
	char source[32]; /* the longest name of the table is seven characters */
	cleanup_close int fd = -1;
	struct stat st;

	snprintf(source, sizeof(source), "dev/%s", device->name);
	fd = mount_clone(scratch_fd, source, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(err, "cannot inspect the device %s", device->name);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(device->major, device->minor))
		return error_set(err, ENODEV, "the workshop's %s is another device", device->name);
	return take_fd(&fd);
}

static int device_attach(int dev_fd, const char *name, int device_fd, struct error *err)
{
	cleanup_close int target_fd = openat(dev_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (target_fd < 0)
		return error_sys(err, "cannot open /dev/%s", name);
	return mount_attach(device_fd, target_fd, name, err);
}

/* A file to bind over. */
static int make_file(int dev_fd, const char *name, struct error *err)
{
	cleanup_close int fd =
		openat(dev_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? error_sys(err, "cannot make /dev/%s", name) : 0;
}

static int dev_fill(struct guest_mounts *mounts, struct error *err)
{
	int dev_fd = mounts->fds[MOUNT_DEV];

	for (size_t i = 0; i < DEVICES; i++) {
		int r = make_file(dev_fd, devices_table[i].name, err);

		if (r < 0)
			return r;
		mounts->device_fds[i] = device_clone(mounts->scratch_fd, &devices_table[i], err);
		if (mounts->device_fds[i] < 0)
			return mounts->device_fds[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0)
			return error_sys(err, "cannot make the link /dev/%s", links[i].name);
	return 0;
}

int guest_mount_prepare(struct guest_mounts *mounts, struct error *err)
{
	mounts->scratch_fd = file_open_dir(AT_FDCWD, "/scratch", err);
	if (mounts->scratch_fd < 0)
		return mounts->scratch_fd;
	for (int i = 0; i < GUEST_MOUNTS; i++) {
		mounts->fds[i] = row_create((enum guest_mount)i, mounts->ptys, err);
		if (mounts->fds[i] < 0)
			return mounts->fds[i];
	}
	return dev_fill(mounts, err);
}

/* What this kernel does not have needs no mask. */
static int mask(int root_fd, int scratch_fd, const char *path, struct error *err)
{
	struct error reason = { 0 };
	cleanup_close int target_fd = inside_open(root_fd, path, O_PATH | O_NOFOLLOW, 0, &reason);
	cleanup_close int empty_fd = -1;
	struct stat st;

	if (target_fd < 0)
		return 0;
	if (fstat(target_fd, &st) < 0)
		return error_sys(err, "cannot inspect %s", path);
	empty_fd = mount_clone(scratch_fd, S_ISDIR(st.st_mode) ? "empty" : "empty-file",
		PLAIN | MOUNT_ATTR_RDONLY, false, err);
	if (empty_fd < 0)
		return empty_fd;
	return mount_attach(empty_fd, target_fd, path, err);
}

static int mask_all(int root_fd, int scratch_fd, struct error *err)
{
	char path[64]; /* a number of at most 10 digits in it */
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(masks) && r == 0; i++)
		r = mask(root_fd, scratch_fd, masks[i], err);
	for (unsigned int cpu = 0; r == 0; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", cpu);
		if (faccessat(AT_FDCWD, path, F_OK, 0) < 0)
			break; /* asked of the workshop's sysfs, which is the same */
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
		r = mask(root_fd, scratch_fd, path, err);
	}
	return r;
}

int guest_mount_attach(int root_fd, const struct guest_mounts *mounts, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < GUEST_MOUNTS && r == 0; i++)
		r = row_attach(root_fd, &rows[i], mounts->fds[i], err);
	for (size_t i = 0; i < DEVICES && r == 0; i++)
		r = device_attach(
			mounts->fds[MOUNT_DEV], devices_table[i].name, mounts->device_fds[i], err);
	if (r == 0 && mounts->profile == PROFILE_DEFAULT)
		r = mask_all(root_fd, mounts->scratch_fd, err);
	/* Over a part of /proc: with it no nested procfs mounts, so not in the profile nesting. */
	if (r == 0 && mounts->profile == PROFILE_DEFAULT)
		r = boot_id_attach(root_fd, mounts->fds[MOUNT_RUN], err);
	return r;
}
