/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sandbox.c - what a process gives up before it parses an archive.
 *
 * The user namespace maps the ids of a VE to themselves, so its root can give files their owners
 * and nothing more: outside of the namespace's ids, and on everything that is not an inode, it has
 * no capability. What a hole in a decompressor could then reach is an empty directory.
 */
#include "template/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "template/sandbox_filter.h"

/* sys/mount.h and linux/mount.h exclude one another before glibc 2.37. */
#define FLAG_REC     0x4000
#define FLAG_PRIVATE (1 << 18)
#define FLAG_DETACH  2

#define MEMORY (UINT64_C(1) << 30) /* on top of what is mapped already: xz -9 takes 65 MiB */
#define FILES  32

/* The three descriptors are moved out of the way of one another first. */
static int keep_descriptors(int archive_fd, int report_fd, int layer_fd, struct error *err)
{
	const int targets[] = { SANDBOX_ARCHIVE_FD, SANDBOX_REPORT_FD, SANDBOX_LAYER_FD };
	int moved[] = {
		fcntl(archive_fd, F_DUPFD_CLOEXEC, 16),
		fcntl(report_fd, F_DUPFD_CLOEXEC, 16),
		fcntl(layer_fd, F_DUPFD_CLOEXEC, 16),
	};
	/* 0 to 2 must not be free, or a library's last words would end up in a template's file. */
	int sink_fd = memfd_create("import", MFD_CLOEXEC);

	if (sink_fd < 0)
		return error_sys(err, "cannot make a memory file");
	for (int fd = 0; fd < 3; fd++)
		if (fd != sink_fd && dup3(sink_fd, fd, O_CLOEXEC) < 0)
			return error_sys(err, "cannot replace the standard descriptors");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (moved[i] < 0 || dup3(moved[i], targets[i], O_CLOEXEC) < 0)
			return error_sys(err, "cannot keep the import's descriptors");
	if (syscall(SYS_close_range, SANDBOX_LAYER_FD + 1, ~0U, 0) < 0)
		return error_sys(err, "cannot close descriptors");
	return 0;
}

int sandbox_prepare(int archive_fd, int report_fd, int layer_fd, struct error *err)
{
	int r = keep_descriptors(archive_fd, report_fd, layer_fd, err);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWUSER) < 0)
		return error_sys(err, "cannot make a user namespace for the import");
	return 0;
}

static int take_ids(struct error *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_sys(err, "cannot take the import's ids");
	umask(0);
	return 0;
}

/* The working directory goes along into the new mount namespace, an open descriptor does not. */
static int leave_namespaces(struct error *err)
{
	const int namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

	if (fchdir(SANDBOX_LAYER_FD) < 0)
		return error_sys(err, "cannot enter the layer");
	if (unshare(namespaces) < 0)
		return error_sys(err, "cannot make namespaces for the import");
	if (syscall(SYS_mount, NULL, "/", NULL, FLAG_REC | FLAG_PRIVATE, NULL) < 0)
		return error_sys(err, "cannot separate the import's mounts");
	return 0;
}

/* Mounts the layer on itself, makes that the root, and drops all other mounts. */
static int enter_layer(struct error *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID,
	};
	cleanup_close int tree_fd =
		(int)syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree_fd < 0 ||
		syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
		syscall(SYS_move_mount, tree_fd, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_sys(err, "cannot mount the layer for the import");
	if (fchdir(tree_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		syscall(SYS_umount2, ".", FLAG_DETACH) < 0 || chdir("/") < 0)
		return error_sys(err, "cannot make the layer the import's root");
	return 0;
}

static int reopen_layer(struct error *err)
{
	cleanup_close int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || dup3(fd, SANDBOX_LAYER_FD, O_CLOEXEC) < 0)
		return error_sys(err, "cannot open the layer");
	return 0;
}

/* Pages mapped now, from procfs while there is one; 0 if there is none. A sanitizer's build maps
 * terabytes, so an absolute limit would stop it. */
static uint64_t mapped_bytes(void)
{
	cleanup_file FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!file || fscanf(file, "%llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int set_limits(uint64_t mapped, struct error *err)
{
	const struct {
		__rlimit_resource_t resource;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, FILES },
		{ RLIMIT_AS, mapped + MEMORY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit limit = { limits[i].value, limits[i].value };

		if (setrlimit(limits[i].resource, &limit) < 0)
			return error_sys(err, "cannot limit the import's resources");
	}
	return 0;
}

/* What gives files their metadata, in a namespace whose root has no other power. */
static int drop_capabilities(struct error *err)
{
	const uint32_t kept = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER |
			      1U << CAP_FSETID | 1U << CAP_SETFCAP;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = kept, .permitted = kept } };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return error_sys(err, "cannot drop the import's capabilities");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
		syscall(SYS_capset, &header, data) < 0)
		return error_sys(err, "cannot drop the import's capabilities");
	return 0;
}

int sandbox_enter(struct error *err)
{
	uint64_t mapped = mapped_bytes();

	if (take_ids(err) < 0 || leave_namespaces(err) < 0 || enter_layer(err) < 0 ||
		reopen_layer(err) < 0 || set_limits(mapped, err) < 0 || drop_capabilities(err) < 0)
		return -err->code;
	/* After the last change of credentials, which would clear both silently. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(err, "cannot confine the import");
	return sandbox_filter(err);
}
