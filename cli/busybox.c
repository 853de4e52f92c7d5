/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * busybox.c - the small template: one static busybox and what its init needs.
 *
 * No file of it names the host or the moment, so the same busybox gives the same digest.
 */
#include "busybox.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/ustar.h"

#define BUSYBOX_MAX (64 << 20)
#define APPLETS_MAX (64 << 10)

static const char *const busybox_paths[] = { "/bin/busybox", "/usr/bin/busybox", "/sbin/busybox" };

#define DIR_MODE 0755
/* clang-format off */
static const struct ustar_entry directories[] = {
	{ .name = "./",         .type = '5', .mode = DIR_MODE },
	{ .name = "bin/",       .type = '5', .mode = DIR_MODE },
	{ .name = "dev/",       .type = '5', .mode = DIR_MODE },
	{ .name = "etc/",       .type = '5', .mode = DIR_MODE },
	{ .name = "home/",      .type = '5', .mode = DIR_MODE },
	{ .name = "mnt/",       .type = '5', .mode = DIR_MODE },
	{ .name = "proc/",      .type = '5', .mode = DIR_MODE },
	{ .name = "root/",      .type = '5', .mode = 0700 },
	{ .name = "run/",       .type = '5', .mode = DIR_MODE },
	{ .name = "sbin/",      .type = '5', .mode = DIR_MODE },
	{ .name = "sys/",       .type = '5', .mode = DIR_MODE },
	{ .name = "tmp/",       .type = '5', .mode = 01777 },
	{ .name = "usr/",       .type = '5', .mode = DIR_MODE },
	{ .name = "usr/bin/",   .type = '5', .mode = DIR_MODE },
	{ .name = "usr/sbin/",  .type = '5', .mode = DIR_MODE },
	{ .name = "var/",       .type = '5', .mode = DIR_MODE },
	{ .name = "var/log/",   .type = '5', .mode = DIR_MODE },
	{ .name = "var/spool/", .type = '5', .mode = DIR_MODE },
	{ .name = "var/tmp/",   .type = '5', .mode = 01777 },
};

static const struct ustar_entry links[] = {
	{ .name = "sbin/init",       .type = '2', .mode = 0777, .target = "../bin/busybox" },
	{ .name = "usr/bin/env",     .type = '2', .mode = 0777, .target = "../../bin/busybox" },
	{ .name = "var/run",         .type = '2', .mode = 0777, .target = "../run" },
};

/* askfirst: a console that nobody looks at runs no shell. */
static const struct text_file {
	const char *name;
	mode_t mode;
	const char *text;
} text_files[] = {
	{ "etc/inittab", 0644,
	  "# busybox init: init on SIGUSR2 runs the shutdown lines, then powers off.\n"
	  "::askfirst:-/bin/sh\n"
	  "::ctrlaltdel:/bin/reboot\n"
	  "::shutdown:/bin/sync\n"
	  "::restart:/sbin/init\n" },
	{ "etc/passwd", 0644,
	  "root:x:0:0:root:/root:/bin/sh\n"
	  "daemon:x:1:1:daemon:/:/bin/false\n"
	  "nobody:x:65534:65534:nobody:/:/bin/false\n" },
	{ "etc/shadow", 0600, "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n"
	  "nobody:*:20000:0:99999:7:::\n" },
	{ "etc/group", 0644, "root:x:0:\ndaemon:x:1:\ntty:x:5:\nusers:x:100:\nnogroup:x:65534:\n" },
	{ "etc/profile", 0644,
	  "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	  "PS1='\\u@\\h:\\w\\$ '\n"
	  "umask 022\n" },
	{ "etc/shells", 0644, "/bin/sh\n/bin/ash\n" },
	{ "etc/hosts", 0644, "127.0.0.1 localhost\n::1 localhost\n" },
	{ "etc/os-release", 0644, "NAME=busybox\nID=busybox\nPRETTY_NAME=\"busybox, by vessel\"\n" },
};
/* clang-format on */

static void add_table(struct text *archive, const struct ustar_entry *table, size_t n, long mtime)
{
	for (size_t i = 0; i < n; i++) {
		struct ustar_entry entry = table[i];

		entry.mtime = mtime;
		ustar_add(archive, &entry);
	}
}

static void add_text_files(struct text *archive, long mtime)
{
	for (size_t i = 0; i < ARRAY_SIZE(text_files); i++)
		ustar_add(archive, &(struct ustar_entry){
					   .name = text_files[i].name,
					   .type = '0',
					   .mode = text_files[i].mode,
					   .mtime = mtime,
					   .data = text_files[i].text,
					   .size = strlen(text_files[i].text),
				   });
}

static void add_applet(struct text *archive, const char *name, size_t length, long mtime)
{
	char path[128]; /* "bin/" and a name; ustar_add refuses above 100 */

	if (length == 0 || length > 90 || memchr(name, '/', length) ||
		(length == 7 && memcmp(name, "busybox", 7) == 0))
		return;
	snprintf(path, sizeof(path), "bin/%.*s", (int)length, name);
	ustar_add(archive, &(struct ustar_entry){
				   .name = path,
				   .type = '2',
				   .mode = 0777,
				   .mtime = mtime,
				   .target = "busybox",
			   });
}

static void add_applets(struct text *archive, const char *applets, long mtime)
{
	while (*applets) {
		size_t length = strcspn(applets, "\n");

		add_applet(archive, applets, length, mtime);
		applets += length;
		applets += *applets == '\n';
	}
}

void busybox_archive(
	struct text *archive, const void *program, size_t size, const char *applets, long mtime)
{
	add_table(archive, directories, ARRAY_SIZE(directories), mtime);
	ustar_add(archive, &(struct ustar_entry){
				   .name = "bin/busybox",
				   .type = '0',
				   .mode = 0755,
				   .mtime = mtime,
				   .data = program,
				   .size = size,
			   });
	add_applets(archive, applets, mtime);
	add_table(archive, links, ARRAY_SIZE(links), mtime);
	add_text_files(archive, mtime);
	ustar_end(archive);
}

/* Copied out of the bytes: the file may be damaged, its offsets unaligned. */
static int has_interpreter(const char *bytes, size_t size, const Elf64_Ehdr *header)
{
	for (size_t i = 0; i < header->e_phnum; i++) {
		size_t at = header->e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr program;

		if (at > size || size - at < sizeof(program))
			return -EINVAL;
		memcpy(&program, bytes + at, sizeof(program));
		if (program.p_type == PT_INTERP)
			return 1;
	}
	return 0;
}

int busybox_check_static(const void *program, size_t size, struct error *err)
{
	Elf64_Ehdr header;
	int r;

	if (size < sizeof(header) || memcmp(program, ELFMAG, SELFMAG) != 0)
		return error_refuse(err, ERROR_UNSUPPORTED, "it is no ELF program");
	memcpy(&header, program, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr))
		return error_refuse(err, ERROR_UNSUPPORTED, "it is no 64-bit program");
	r = has_interpreter(program, size, &header);
	if (r < 0)
		return error_refuse(err, ERROR_UNSUPPORTED, "it is damaged");
	if (r > 0)
		return error_refuse(err, ERROR_UNSUPPORTED,
			"it is linked dynamically (apt install busybox-static)");
	return 0;
}

static int read_all(int fd, size_t max, struct text *text, struct error *err)
{
	char piece[16384];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, "cannot read");
		if (text->length + (size_t)n > max)
			return error_set(err, EFBIG, "more than %zu bytes", max);
		text_add_bytes(text, piece, (size_t)n);
	}
	return text->failed ? error_memory(err) : 0;
}

static int open_busybox(const char **ret_path, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(busybox_paths); i++) {
		int fd = open(busybox_paths[i], O_RDONLY | O_CLOEXEC);

		*ret_path = busybox_paths[i];
		if (fd >= 0)
			return fd;
	}
	return error_refuse(
		err, ERROR_UNSUPPORTED, "this host has no busybox (apt install busybox-static)");
}

/* `busybox --list` into text. */
static int list_applets(const char *path, struct text *text, struct error *err)
{
	char *const argv[] = { (char *)"busybox", (char *)"--list", NULL };
	posix_spawn_file_actions_t actions;
	cleanup_close int read_fd = -1;
	int ends[2];
	int r, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, "cannot make a pipe");
	read_fd = ends[0];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	r = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	(void)close(ends[1]); /* the child has its own */
	if (r != 0)
		return error_set(err, r, "cannot run %s", path);
	r = read_all(read_fd, APPLETS_MAX, text, err);
	close_fd(&read_fd);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, EIO, "%s --list failed", path);
	return r;
}

int busybox_build(struct text *archive, struct error *err)
{
	cleanup_text struct text program;
	cleanup_text struct text applets;
	cleanup_close int fd = -1;
	const char *path;
	struct stat st;
	int r;

	text_init(&program);
	text_init(&applets);
	fd = open_busybox(&path, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(err, "cannot look at %s", path);
	r = read_all(fd, BUSYBOX_MAX, &program, err);
	if (r == 0)
		r = busybox_check_static(program.data, program.length, err);
	if (r < 0)
		return error_wrap(err, "cannot use %s", path);
	r = list_applets(path, &applets, err);
	if (r < 0)
		return r;
	busybox_archive(
		archive, program.data, program.length, applets.data, (long)st.st_mtim.tv_sec);
	return archive->failed ? error_memory(err) : 0;
}
