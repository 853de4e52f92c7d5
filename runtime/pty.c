/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pty.c - the slave comes from the master by TIOCGPTPEER (Linux 4.13), never by name: a name in
 * /dev/pts is the tenant's to change (CVE-2025-52565).
 */
#include "runtime/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/mount.h"

static int verify_master(int fd, struct error *err)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return error_sys(err, "cannot inspect /dev/pts/ptmx");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) || fs.f_type != DEVPTS_SUPER_MAGIC)
		return error_set(err, ENOTTY, "/dev/pts/ptmx of the VE is no terminal multiplexer");
	return 0;
}

int pty_open(int devpts_fd, int *ret_master_fd, int *ret_slave_fd, struct error *err)
{
	cleanup_close int probe_fd = openat(devpts_fd, "ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int master_fd = -1;
	int unlocked = 0, slave_fd, r;

	if (probe_fd < 0)
		return error_sys(err, "cannot find /dev/pts/ptmx in the VE");
	r = verify_master(probe_fd, err); /* before open: opening a device may act */
	if (r < 0)
		return r;
	master_fd = openat(devpts_fd, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (master_fd < 0)
		return error_sys(err, "cannot open a terminal (setting ptys limits them)");
	r = verify_master(master_fd, err);
	if (r < 0)
		return r;
	if (ioctl(master_fd, TIOCSPTLCK, &unlocked) < 0)
		return error_sys(err, "cannot unlock a terminal");
	slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave_fd < 0)
		return error_sys(err, "cannot open the slave of a terminal");
	*ret_master_fd = take_fd(&master_fd);
	*ret_slave_fd = slave_fd;
	return 0;
}

int pty_give(int slave_fd, uid_t owner, struct error *err)
{
	if (fchown(slave_fd, owner, (gid_t)-1) < 0 || fchmod(slave_fd, 0620) < 0)
		return error_sys(err, "cannot give the terminal to id %u", (unsigned int)owner);
	return 0;
}

int pty_take_session(int slave_fd, struct error *err)
{
	if (setsid() < 0)
		return error_sys(err, "cannot start a session");
	if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
		return error_sys(err, "cannot take the terminal");
	return 0;
}

int pty_place(int slave_fd, int target_fd, struct error *err)
{
	cleanup_close int mount_fd = mount_clone(slave_fd, "", 0, false, err);

	if (mount_fd < 0)
		return mount_fd;
	return mount_attach(mount_fd, target_fd, "/dev/console", err);
}
