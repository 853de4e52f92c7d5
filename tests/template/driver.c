/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * driver.c - imports and overlays by hand, as root, for the scripts beside it.
 *
 *   driver import DIRECTORY [squash] [bytes=N] [ratio=N] [entries=N] <ARCHIVE
 *   driver template STATE NAME [replace] <ARCHIVE
 *   driver remove STATE NAME
 *   driver collect STATE
 *   driver overlay BASE DISK LAYER... -- COMMAND...   with the root mounted on /mnt
 *
 * On failure the exit status is the error's kind, and its text goes to standard error with the
 * errno value in front.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/error.h"
#include "base/file.h"
#include "template/overlay.h"
#include "template/template.h"

static int finish(int r, const struct error *err)
{
	if (r >= 0)
		return 0;
	fprintf(stderr, "%d %s\n", err->code, err->text);
	return err->kind;
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		perror(path);
	return fd;
}

static void option(const char *text, struct import_bounds *bounds, bool *squash)
{
	if (strcmp(text, "squash") == 0)
		*squash = true;
	if (strncmp(text, "bytes=", 6) == 0)
		bounds->bytes = strtoull(text + 6, NULL, 10);
	if (strncmp(text, "ratio=", 6) == 0)
		bounds->ratio = strtoull(text + 6, NULL, 10);
	if (strncmp(text, "entries=", 8) == 0)
		bounds->entries = strtoull(text + 8, NULL, 10);
}

static void progress(uint64_t bytes_read, uint64_t entries, void *data)
{
	if (data)
		fprintf(stderr, "progress %ju %ju\n", (uintmax_t)bytes_read, (uintmax_t)entries);
}

static int run_import(int argc, char **argv)
{
	struct import_bounds bounds = import_default_bounds;
	struct import_result result = { 0 };
	struct error err = { 0 };
	bool squash = false;
	int fd = open_dir(argv[0]);
	int r;

	for (int i = 1; i < argc; i++)
		option(argv[i], &bounds, &squash);
	r = import_archive(0, fd, &bounds, squash, progress, getenv("PROGRESS"), &result, &err);
	if (r == 0)
		printf("%s %ju %ju\n", result.digest, (uintmax_t)result.bytes,
			(uintmax_t)result.entries);
	return finish(r, &err);
}

static int run_template(int argc, char **argv)
{
	struct template t = { 0 };
	struct error err = { 0 };
	int r;

	if (argc < 2)
		return 2;
	r = template_import(open_dir(argv[0]), argv[1], 0, NULL, argc > 2, false,
		&import_default_bounds, NULL, NULL, &t, &err);
	if (r == 0)
		printf("%s\n", t.layers[0]);
	template_done(&t);
	return finish(r, &err);
}

static int run_remove(int argc, char **argv)
{
	struct error err = { 0 };

	return argc < 2 ? 2
			: finish(template_remove(open_dir(argv[0]), argv[1], NULL, 0, &err), &err);
}

static int run_collect(int argc, char **argv)
{
	struct error err = { 0 };

	(void)argc;
	return finish(layer_collect(open_dir(argv[0]), NULL, 0, &err), &err);
}

/* A child that does nothing but hold a user namespace of 65,536 ids from `base`. */
static pid_t hold_userns(unsigned int base, struct error *err)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	char name[64], map[64];
	int ready[2];
	char c;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		return -1;
	snprintf(map, sizeof(map), "0 %u 65536\n", base);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(name, sizeof(name), "/proc/%d/%s", pid, files[i]);
		if (file_write_control(AT_FDCWD, name, map, err) < 0)
			return -1;
	}
	return pid;
}

/* Enters the namespace as its root and runs the command on the overlay. */
static int run_inside(int userns_fd, int mount_fd, char **command)
{
	int status;
	pid_t pid = fork();

	if (pid != 0)
		return waitpid(pid, &status, 0) < 0 ? 1 : WEXITSTATUS(status);
	if (syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, "/mnt", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
		setns(userns_fd, CLONE_NEWUSER) < 0 || setgroups(0, NULL) < 0 ||
		setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || chdir("/mnt") < 0) {
		perror("enter");
		_exit(1);
	}
	execvp(command[0], command);
	perror(command[0]);
	_exit(1);
}

static int run_overlay(int argc, char **argv)
{
	struct overlay overlay = { .options = OVERLAY_OPTIONS };
	struct error err = { 0 };
	char name[64];
	int layers[16];
	int i = 2;
	int death = 0;
	int fd;
	pid_t pid;

	if (argc < 5)
		return 2;
	overlay.base = (uid_t)strtoul(argv[0], NULL, 10);
	pid = hold_userns(overlay.base, &err);
	snprintf(name, sizeof(name), "/proc/%d/ns/user", pid);
	overlay.userns_fd = open(name, O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNS) < 0 ||
		syscall(SYS_mount, NULL, "/", NULL, 0x4000 | 1 << 18, NULL) < 0 ||
		syscall(SYS_mount, "scratch", "/tmp", "tmpfs", 0, "mode=0700") < 0)
		perror("mounts");
	overlay.scratch_fd = open_dir("/tmp");
	overlay.disk_fd = open_dir(argv[1]);
	for (; i < argc && strcmp(argv[i], "--") != 0 && overlay.n_layers < 16; i++)
		layers[overlay.n_layers++] = open_dir(argv[i]);
	overlay.layer_fds = layers;
	prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
	fd = overlay_mount(&overlay, &err);
	prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
	if (death != SIGUSR1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1 || geteuid() != 0)
		fprintf(stderr, "the caller's credentials have changed\n");
	i = fd < 0 ? finish(fd, &err) : run_inside(overlay.userns_fd, fd, argv + i + 1);
	kill(pid, SIGKILL);
	return i;
}

/* clang-format off */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "import",   run_import   },
	{ "template", run_template },
	{ "remove",   run_remove   },
	{ "collect",  run_collect  },
	{ "overlay",  run_overlay  },
};
/* clang-format on */

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 2, argv + 2);
	fprintf(stderr, "usage: driver import|template|remove|collect|overlay ...\n");
	return 2;
}
