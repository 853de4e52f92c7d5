/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overlay.c - the root of a VE: an overlay over idmapped layers, made detached.
 *
 * overlayfs of 6.1 knows layers by path only, so the clones are attached below the scratch
 * directory and named relative to it: no path from the root, nothing to escape in a name, and no
 * bound of one page met by long paths.
 */
#include "template/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#define DISK_MOUNT "disk"

/* What fsuid and fsgid take with them when they change (FACTS: capabilities, and silently also the
 * parent-death signal and the dumpable flag). */
struct identity {
	uid_t uid;
	gid_t gid;
	struct __user_cap_data_struct caps[2];
	int death_signal;
	int dumpable;
};

static int caps_set(const struct identity *identity)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)syscall(SYS_capset, &header, identity->caps);
}

/* Takes the VE's first id for files, with the capabilities as they were. */
static int identity_take(struct identity *ret, uid_t base, struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	*ret = (struct identity){ .dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) };
	if (prctl(PR_GET_PDEATHSIG, &ret->death_signal, 0, 0, 0) < 0 ||
		syscall(SYS_capget, &header, ret->caps) < 0)
		return error_sys(err, "cannot read the own credentials");
	ret->gid = (gid_t)setfsgid(base);
	ret->uid = (uid_t)setfsuid(base);
	if ((uid_t)setfsuid((uid_t)-1) != base || (gid_t)setfsgid((gid_t)-1) != base)
		return error_set(err, EPERM, "cannot take the id %u for files", base);
	if (caps_set(ret) < 0)
		return error_sys(err, "cannot raise the own capabilities");
	return 0;
}

static void identity_return(const struct identity *identity)
{
	int saved = errno;

	/* None of these can fail for ids and capabilities that were held a moment ago. */
	(void)setfsuid(identity->uid);
	(void)setfsgid(identity->gid);
	(void)caps_set(identity);
	(void)prctl(PR_SET_DUMPABLE, identity->dumpable == 1, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, identity->death_signal, 0, 0, 0);
	errno = saved;
}

/* clang-format off */
static const struct {
	unsigned long magic;
	const char *name;
} types[] = {
	{ TMPFS_MAGIC,           "tmpfs"     },
	{ OVERLAYFS_SUPER_MAGIC, "overlayfs" },
	{ NFS_SUPER_MAGIC,       "nfs"       },
	{ 0x65735546,            "fuse"      }, /* FUSE_SUPER_MAGIC is the kernel's own */
	{ 0x2fc12fc1,            "zfs"       },
	{ BTRFS_SUPER_MAGIC,     "btrfs"     },
	{ XFS_SUPER_MAGIC,       "xfs"       },
	{ EXT4_SUPER_MAGIC,      "ext4"      },
	{ F2FS_SUPER_MAGIC,      "f2fs"      },
};
/* clang-format on */

static int cannot_idmap(int fd, struct error *err)
{
	char number[32] = "of an unknown type"; /* or a word of 64 bits in hexadecimal */
	const char *name = number;
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0) {
		snprintf(number, sizeof(number), "0x%lx", (unsigned long)fs.f_type);
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			if (types[i].magic == (unsigned long)fs.f_type)
				name = types[i].name;
	}
	return error_refuse(err, ERROR_UNSUPPORTED,
		"this kernel cannot map ids on the file system of the state directory (%s): "
		"put it on ext4, xfs or btrfs (vesseld --state-dir)",
		name);
}

/* A clone of the mount at fd, from there on down, with the VE's ids, mounted on scratch/name. The
 * map has to come first: an attached mount takes none. */
static int attach(const struct overlay *overlay, int fd, const char *name, uint64_t attributes,
	struct error *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NODEV | attributes,
		.userns_fd = (uint64_t)overlay->userns_fd,
	};
	cleanup_close int tree_fd = (int)syscall(
		SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree_fd < 0)
		return error_sys(err, "cannot clone a layer's mount");
	if (syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return errno == EINVAL ? cannot_idmap(fd, err)
				       : error_sys(err, "cannot map a layer's ids");
	if (mkdirat(overlay->scratch_fd, name, 0700) < 0 && errno != EEXIST)
		return error_sys(err, "cannot make a mount point");
	if (syscall(SYS_move_mount, tree_fd, "", overlay->scratch_fd, name,
		    MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_sys(err, "cannot attach a layer");
	return 0;
}

/* lowerdir=0:1:2, in the order given. */
static int attach_lower(const struct overlay *overlay, struct text *ret_names, struct error *err)
{
	for (size_t i = 0; i < overlay->n_layers; i++) {
		char name[24]; /* a 64-bit number */
		int r;

		snprintf(name, sizeof(name), "%zu", i);
		r = attach(overlay, overlay->layer_fds[i], name, MOUNT_ATTR_RDONLY, err);
		if (r < 0)
			return r;
		text_format(ret_names, i ? ":%s" : "%s", name);
	}
	return 0;
}

static int set_option(int fs_fd, const char *key, const char *value, struct error *err)
{
	if (syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return error_sys(err, "cannot set the overlay's %s to %s", key, value);
	return 0;
}

/* "key=value,key=value", as the VE's record has it. */
static int set_options(int fs_fd, const char *options, struct error *err)
{
	while (*options) {
		char key[32], value[64]; /* those of OVERLAY_OPTIONS are half as long */
		size_t n = strcspn(options, ",");
		size_t n_key = strcspn(options, "=,");
		int r;

		if (n_key == n || n_key >= sizeof(key) || n - n_key > sizeof(value))
			return error_set(err, EINVAL, "bad overlay options");
		snprintf(key, sizeof(key), "%.*s", (int)n_key, options);
		snprintf(value, sizeof(value), "%.*s", (int)(n - n_key - 1), options + n_key + 1);
		r = set_option(fs_fd, key, value, err);
		if (r < 0)
			return r;
		options += n + (options[n] == ',');
	}
	return 0;
}

static int create_as_base(int fs_fd, uid_t base, struct error *err)
{
	struct identity identity;
	int r = identity_take(&identity, base, err);

	if (r == 0 && syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = error_sys(err, "cannot make the overlay");
	identity_return(&identity);
	return r;
}

/* The working directory is scratch here, which the names of the layers begin from. */
static int make(const struct overlay *overlay, const char *lower, struct error *err)
{
	cleanup_close int fs_fd = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	cleanup_close int mount_fd = -1;
	struct statvfs st;

	if (fs_fd < 0)
		return error_sys(err, "cannot open overlayfs (is it in this kernel?)");
	if (set_option(fs_fd, "source", "vessel", err) < 0 ||
		set_option(fs_fd, "lowerdir", lower, err) < 0 ||
		set_option(fs_fd, "upperdir", DISK_MOUNT "/upper", err) < 0 ||
		set_option(fs_fd, "workdir", DISK_MOUNT "/work", err) < 0 ||
		set_options(fs_fd, overlay->options, err) < 0 ||
		create_as_base(fs_fd, overlay->base, err) < 0)
		return -err->code;
	mount_fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	if (mount_fd < 0)
		return error_sys(err, "cannot mount the overlay");
	if (fstatvfs(mount_fd, &st) < 0)
		return error_sys(err, "cannot look at the overlay");
	if ((st.f_flag & ST_RDONLY) && st.f_bavail == 0) /* overlayfs could not make its work/ */
		return error_set(err, ENOSPC, "the file system of the state directory is full");
	if (st.f_flag & ST_RDONLY)
		return error_set(err, EROFS, "the overlay became read-only (see the kernel's log)");
	return take_fd(&mount_fd);
}

static int make_in_scratch(const struct overlay *overlay, const char *lower, struct error *err)
{
	cleanup_close int old_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;
	int r;

	if (old_fd < 0 || fchdir(overlay->scratch_fd) < 0)
		return error_sys(err, "cannot enter the scratch directory");
	r = make(overlay, lower, err);
	fd = r < 0 ? -1 : r;
	if (fchdir(old_fd) < 0)
		return error_sys(err, "cannot return to the working directory");
	return r < 0 ? r : take_fd(&fd);
}

int overlay_mount(const struct overlay *overlay, struct error *err)
{
	struct text lower cleanup_text;
	int r;

	text_init(&lower);
	r = attach_lower(overlay, &lower, err);
	/* overlayfs wants upper and work below one mount, so the clone is of what holds both. */
	if (r == 0)
		r = attach(overlay, overlay->disk_fd, DISK_MOUNT, 0, err);
	if (r < 0)
		return r;
	if (lower.failed)
		return error_memory(err);
	return make_in_scratch(overlay, lower.data, err);
}
