/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * host.c - the workshop: a mount namespace with almost nothing in it, made once by a child that
 * lives just long enough for us to open it.
 */
#include "runtime/host.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/channel.h"
#include "runtime/device.h"
#include "runtime/mount.h"
#include "runtime/process.h"
#include "runtime/seccomp.h"

/* One directory of the workshop with a mount over it; mount_fd is taken. */
static int workshop_place(int root_fd, const char *name, int mount_fd, struct error *err)
{
	cleanup_close int owned_fd = mount_fd;
	cleanup_close int target_fd = -1;

	if (mount_fd < 0)
		return mount_fd;
	if (mkdirat(root_fd, name, 0755) < 0)
		return error_sys(err, "cannot make the directory %s", name);
	target_fd = file_open_dir(root_fd, name, err);
	if (target_fd < 0)
		return target_fd;
	return mount_attach(owned_fd, target_fd, name, err);
}

static int workshop_fill(const char *state_dir, int root_fd, struct error *err)
{
	static const struct {
		const char *name, *type;
	} whole[] = { { "proc", "proc" }, { "sys", "sysfs" } };
	int r = workshop_place(root_fd, "state",
		mount_clone(AT_FDCWD, state_dir, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, true, err),
		err);

	for (size_t i = 0; i < ARRAY_SIZE(whole) && r == 0; i++)
		r = workshop_place(
			root_fd, whole[i].name, mount_new(whole[i].type, NULL, 0, 0, err), err);
	if (r == 0 && mkdirat(root_fd, "scratch", 0755) < 0)
		r = error_sys(err, "cannot make the directory scratch");
	return r;
}

static int workshop_build(const char *state_dir, struct error *err)
{
	static const struct mount_option options[] = { { "mode", "0755" }, { "size", "1M" } };
	cleanup_close int root_fd = -1;
	cleanup_close int old_fd = -1;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return error_sys(err, "cannot create a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, "cannot make the mount namespace private");
	umask(0);
	root_fd = mount_new("tmpfs", options, ARRAY_SIZE(options), 0, err);
	if (root_fd < 0)
		return root_fd;
	/* Over the old root: a mount point that every host has. */
	old_fd = file_open_dir(AT_FDCWD, "/", err);
	if (old_fd < 0)
		return old_fd;
	r = mount_attach(root_fd, old_fd, "/", err);
	if (r == 0)
		r = workshop_fill(state_dir, root_fd, err);
	return r < 0 ? r : mount_become_root(root_fd, err);
}

/* The child: builds, says how it went, and holds the namespace until we let go of the channel. */
static _Noreturn void workshop_child(const char *state_dir, int channel_fd)
{
	struct channel_message message = { .kind = CHANNEL_READY };
	int fd;

	if (workshop_build(state_dir, &message.error) < 0)
		message.kind = CHANNEL_ERROR;
	if (channel_send(channel_fd, &message, -1) == 0)
		(void)channel_receive(channel_fd, &message, &fd); /* until end of file */
	_exit(0);
}

static int workshop_open(const char *state_dir, int proc_fd, struct error *err)
{
	char name[64]; /* a pid and "/ns/mnt" */
	int channel[2];
	cleanup_close int ours_fd = -1;
	int child_pidfd = -1, r, fd = -1;
	struct channel_message message;
	pid_t pid;

	r = channel_open(channel, err);
	if (r < 0)
		return r;
	ours_fd = channel[0];
	pid = process_clone(0, -1, &child_pidfd, err);
	if (pid == 0) {
		close_fd(&ours_fd);
		workshop_child(state_dir, channel[1]);
	}
	close_fd(&channel[1]);
	if (pid < 0)
		return pid;

	r = channel_expect(ours_fd, CHANNEL_READY, &message, NULL, err);
	if (r == 0) {
		snprintf(name, sizeof(name), "%d/ns/mnt", (int)pid);
		fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = error_sys(err, "cannot open the workshop");
	}
	process_end(child_pidfd);
	close_fd(&child_pidfd);
	return r < 0 ? r : fd;
}

static int host_fill(const char *state_dir, struct runtime_host *host, struct error *err)
{
	host->proc_fd = mount_new(
		"proc", NULL, 0, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
	if (host->proc_fd < 0)
		return host->proc_fd;
	host->workshop_fd = workshop_open(state_dir, host->proc_fd, err);
	if (host->workshop_fd < 0)
		return error_wrap(err, "cannot prepare the mount namespace for VEs");
	return seccomp_program_new(&host->seccomp, err);
}

int runtime_host_open(const char *state_dir, struct cgroup_tree *tree, struct runtime_host *ret,
	struct error *err)
{
	struct runtime_host host = { .workshop_fd = -1, .proc_fd = -1, .tree = tree };
	int r = host_fill(state_dir, &host, err);

	if (r < 0) {
		runtime_host_done(&host);
		return r;
	}
	*ret = host;
	return 0;
}

void runtime_host_done(struct runtime_host *host)
{
	close_fd(&host->workshop_fd);
	close_fd(&host->proc_fd);
	seccomp_program_free(host->seccomp);
	host->seccomp = NULL;
}

static int scratch_devices(int dev_fd, struct error *err)
{
	for (size_t i = 0; i < DEVICES; i++) {
		const struct device *d = &devices_table[i];

		if (mknodat(dev_fd, d->name, S_IFCHR | 0666, makedev(d->major, d->minor)) < 0)
			return error_sys(err, "cannot make the device %s", d->name);
	}
	return 0;
}

/* What a VE gets bound into its /dev and over what is masked. An inode that two VEs both see is a
 * channel between them: locks on it, and inotify tells who opens it. So each start has its own. */
static int scratch_fill(int scratch_fd, struct error *err)
{
	static const char *const directories[] = { "dev", "empty" };
	cleanup_close int empty_fd = -1;
	cleanup_close int dev_fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (mkdirat(scratch_fd, directories[i], 0755) < 0)
			return error_sys(err, "cannot make the directory %s", directories[i]);
	empty_fd = openat(scratch_fd, "empty-file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (empty_fd < 0)
		return error_sys(err, "cannot make an empty file");
	dev_fd = file_open_dir(scratch_fd, "dev", err);
	return dev_fd < 0 ? dev_fd : scratch_devices(dev_fd, err);
}

/* A tmpfs of this job's own. Without nodev: a VE's copy of the mount could not lose it again. */
static int scratch_mount(struct error *err)
{
	static const struct mount_option options[] = { { "mode", "0755" }, { "size", "1M" } };
	cleanup_close int target_fd = file_open_dir(AT_FDCWD, "/scratch", err);
	cleanup_close int mount_fd = -1;
	int r;

	if (target_fd < 0)
		return target_fd;
	mount_fd = mount_new("tmpfs", options, ARRAY_SIZE(options), 0, err);
	if (mount_fd < 0)
		return mount_fd;
	r = mount_attach(mount_fd, target_fd, "/scratch", err);
	return r < 0 ? r : file_open_dir(AT_FDCWD, "/scratch", err);
}

static int scratch_open(struct error *err)
{
	cleanup_close int fd = scratch_mount(err);
	mode_t mask;
	int r;

	if (fd < 0)
		return fd;
	mask = umask(0);
	r = scratch_fill(fd, err);
	umask(mask);
	return r < 0 ? r : take_fd(&fd);
}

int runtime_host_enter(
	const struct runtime_host *host, int *ret_state_fd, int *ret_scratch_fd, struct error *err)
{
	cleanup_close int state_fd = -1;
	cleanup_close int scratch_fd = -1;

	if (setns(host->workshop_fd, CLONE_NEWNS) < 0)
		return error_sys(err, "cannot enter the workshop");
	if (unshare(CLONE_NEWNS) < 0)
		return error_sys(err, "cannot create a mount namespace");
	state_fd = file_open_dir(AT_FDCWD, "/state", err);
	if (state_fd < 0)
		return state_fd;
	scratch_fd = scratch_open(err);
	if (scratch_fd < 0)
		return scratch_fd;
	*ret_state_fd = take_fd(&state_fd);
	*ret_scratch_fd = take_fd(&scratch_fd);
	return 0;
}
