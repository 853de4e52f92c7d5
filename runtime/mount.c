/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mount.c - the few shapes in which the runtime uses the mount API of Linux 5.2 and 5.12.
 */
#include "runtime/mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

int mount_new(const char *type, const struct mount_option *options, size_t n,
	unsigned int attributes, struct error *err)
{
	cleanup_close int context_fd = fsopen(type, FSOPEN_CLOEXEC);
	int mount_fd;

	if (context_fd < 0)
		return error_sys(err, "cannot open the file system %s", type);
	/* What df and mount show in the first column. */
	if (fsconfig(context_fd, FSCONFIG_SET_STRING, "source", type, 0) < 0)
		return error_sys(err, "cannot name the source of %s", type);
	for (size_t i = 0; i < n; i++) {
		unsigned int command = options[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

		if (fsconfig(context_fd, command, options[i].key, options[i].value, 0) < 0)
			return error_sys(
				err, "cannot set the option %s of %s", options[i].key, type);
	}
	if (fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_sys(err, "cannot create a file system %s", type);
	mount_fd = fsmount(context_fd, FSMOUNT_CLOEXEC, attributes);
	if (mount_fd < 0)
		return error_sys(err, "cannot mount %s", type);
	return mount_fd;
}

int mount_clone(
	int dir_fd, const char *name, unsigned int attributes, bool whole, struct error *err)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
			     (*name ? 0 : AT_EMPTY_PATH) | (whole ? AT_RECURSIVE : 0);
	struct mount_attr attr = { .attr_set = attributes };
	cleanup_close int tree_fd = open_tree(dir_fd, name, flags);

	if (tree_fd < 0)
		return error_sys(err, "cannot clone the mount of %s", *name ? name : "a file");
	if (attributes && mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return error_sys(err, "cannot set mount attributes of %s", *name ? name : "a file");
	return take_fd(&tree_fd);
}

int mount_attach(int mount_fd, int target_fd, const char *target, struct error *err)
{
	if (move_mount(mount_fd, "", target_fd, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_sys(err, "cannot mount on %s", target);
	return 0;
}

int mount_detach(int dir_fd, const char *name, struct error *err)
{
	if (fchdir(dir_fd) < 0 || umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return error_sys(err, "cannot unmount %s", name);
	return 0;
}

int mount_become_root(int root_fd, struct error *err)
{
	cleanup_free char *here = NULL;

	if (fchdir(root_fd) < 0)
		return error_sys(err, "cannot enter the new root");
	/* With both names the same the old root ends up above the new one: pivot_root(2). */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return error_sys(err, "cannot change the root");
	if (umount2(".", MNT_DETACH) < 0)
		return error_sys(err, "cannot detach the old root");
	if (chdir("/") < 0)
		return error_sys(err, "cannot enter the new root");
	here = getcwd(NULL, 0);
	if (!here)
		return error_sys(err, "cannot tell the working directory");
	if (strcmp(here, "/") != 0)
		return error_set(err, EINVAL, "the working directory is %s, not /", here);
	return 0;
}
