/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * boot_id.c - the kernel has one boot id for the host and all its VEs. A journal tells the boots of
 * its machine apart by it, and so do programs that keep something for one boot only: each start of
 * a VE has an id of its own.
 */
#include "runtime/boot_id.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/inside.h"
#include "runtime/config.h"
#include "runtime/mount.h"

#define BOOT_ID   "/proc/sys/kernel/random/boot_id"
#define TEMPORARY ".boot_id" /* gone once it is bound: no program of the VE runs yet */
#define PLAIN     (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int write_id(int run_fd, struct error *err)
{
	cleanup_close int fd = openat(
		run_fd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	char id[UUID_TEXT], line[UUID_TEXT + 1];
	int r;

	if (fd < 0)
		return error_sys(err, "cannot make a file for the boot id");
	r = uuid_new(id, err);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%s\n", id);
	return file_write_all(fd, line, strlen(line), err);
}

int boot_id_attach(int root_fd, int run_fd, struct error *err)
{
	cleanup_close int target_fd = -1;
	cleanup_close int id_fd = -1;
	int r = write_id(run_fd, err);

	if (r < 0)
		return r;
	id_fd = mount_clone(run_fd, TEMPORARY, PLAIN | MOUNT_ATTR_RDONLY, false, err);
	if (id_fd < 0)
		return id_fd;
	target_fd = inside_open(root_fd, BOOT_ID, O_PATH | O_NOFOLLOW, 0, err);
	if (target_fd < 0)
		return target_fd;
	r = mount_attach(id_fd, target_fd, BOOT_ID, err);
	/* Only now: what has no name any more cannot be mounted (ENOENT). */
	if (unlinkat(run_fd, TEMPORARY, 0) < 0 && r == 0)
		r = error_sys(err, "cannot remove the file of the boot id");
	return r;
}
