/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * doctor_probe.c - how the host is asked: by trying, wherever a look would only be a guess.
 */
#include "doctor_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parse.h"
#include "cgroup/device.h"
#include "cgroup/limit.h"
#include "cgroup/tree.h"
#include "daemon/manager_data.h"

#define TEXT_MAX 4096

static void set(char value[PROBE_VALUE], const char *text)
{
	snprintf(value, PROBE_VALUE, "%.*s", PROBE_VALUE - 1, text);
	value[strcspn(value, "\n")] = '\0';
}

enum check_state probe_kernel(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return CHECK_MISSING;
	set(value, name.release);
	return major > 5 || (major == 5 && minor >= 19) ? CHECK_OK : CHECK_MISSING;
}

/* The manager would not run without the hierarchy: what is asked is where the controllers are. */
enum check_state probe_cgroup(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	bool v2 = false;
	bool usable = cgroup_tree_controller(manager->tree, "memory", &v2);

	set(value, usable && v2 ? "pure" : "hybrid: controllers on v1");
	return CHECK_OK;
}

enum check_state probe_limit(struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	struct error err = { 0 };

	for (int id = 0; id < LIMITS; id++) {
		if (strcmp(limit_name((enum limit_id)id), argument) != 0)
			continue;
		if (limit_supported(manager->tree, (enum limit_id)id, &err) == 0) {
			set(value, "enforced");
			return CHECK_OK;
		}
		set(value, err.text);
	}
	return CHECK_LIMITED;
}

enum check_state probe_device_program(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	struct error err = { 0 };
	cleanup_close int fd = device_program_load(&err);

	set(value, fd < 0 ? err.text : "loaded");
	return fd < 0 ? CHECK_MISSING : CHECK_OK;
}

enum check_state probe_overlay(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	cleanup_close int fd = (int)syscall(SYS_fsopen, "overlay", 1 /* FSOPEN_CLOEXEC */);

	set(value, fd < 0 ? strerror(errno) : "there");
	return fd < 0 ? CHECK_MISSING : CHECK_OK;
}

enum check_state probe_file(struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	if (file_read(AT_FDCWD, argument, TEXT_MAX, &text, &err) < 0) {
		set(value, err.text);
		return CHECK_MISSING;
	}
	set(value, text);
	return CHECK_OK;
}

/* A file that this kernel does not have judges nothing. */
static bool read_number(
	const char *argument, uint64_t *ret_bound, uint64_t *ret, char value[PROBE_VALUE])
{
	const char *space = strchr(argument, ' ');
	cleanup_free char *path = strndup(argument, (size_t)(space - argument));
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	if (!path || file_read(AT_FDCWD, path, TEXT_MAX, &text, &err) < 0) {
		set(value, "not in this kernel");
		return false;
	}
	set(value, text);
	return parse_count(space + 1, ret_bound) == 0 && parse_count(value, ret) == 0;
}

enum check_state probe_least(struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	uint64_t bound, number;

	if (!read_number(argument, &bound, &number, value))
		return CHECK_OK;
	return number >= bound ? CHECK_OK : CHECK_LIMITED;
}

enum check_state probe_most(struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	uint64_t bound, number;

	if (!read_number(argument, &bound, &number, value))
		return CHECK_OK;
	return number <= bound ? CHECK_OK : CHECK_LIMITED;
}

/* A pattern that begins with | is a program, which runs on the host, whoever crashed; RLIMIT_CORE
 * does not hold it back (core(5)). */
enum check_state probe_core_file(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	enum check_state state = probe_file(manager, argument, value);

	return state == CHECK_OK && value[0] == '|' ? CHECK_LIMITED : CHECK_OK;
}

enum check_state probe_nofile(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	struct rlimit limit;
	uint64_t least;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || parse_count(argument, &least) < 0)
		return CHECK_LIMITED;
	snprintf(value, PROBE_VALUE, "%ju", (uintmax_t)limit.rlim_max);
	return limit.rlim_max >= least ? CHECK_OK : CHECK_LIMITED;
}

enum check_state probe_capability(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	cleanup_free char *text = NULL;
	struct error err = { 0 };
	unsigned long long mask = 0;
	uint64_t number;
	const char *line;

	if (file_read(AT_FDCWD, "/proc/self/status", TEXT_MAX, &text, &err) < 0 ||
		parse_count(argument, &number) < 0)
		return CHECK_LIMITED;
	line = strstr(text, "\nCapEff:");
	if (!line || sscanf(line, "\nCapEff: %llx", &mask) != 1)
		return CHECK_LIMITED;
	set(value, mask >> number & 1 ? "held" : "not held");
	return mask >> number & 1 ? CHECK_OK : CHECK_LIMITED;
}

static int write_map(pid_t pid, const char *file)
{
	struct error ignored = { 0 };
	char path[40]; /* "/proc/", a pid and "/uid_map" */

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return file_write_control(AT_FDCWD, path, "0 65536 1\n", &ignored);
}

/* A user namespace needs a process to be made; it ends at once, the descriptor holds it. */
static int open_userns(void)
{
	int pair[2];
	char path[32]; /* "/proc/", a pid and "/ns/user" */
	int fd = -1;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		char byte;

		close(pair[1]);
		_exit(read(pair[0], &byte, 1) < 0);
	}
	if (pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		if (write_map(pid, "uid_map") == 0 && write_map(pid, "gid_map") == 0)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	close(pair[0]);
	close(pair[1]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return fd;
}

/* linux/mount.h and sys/mount.h cannot both be included (glibc before 2.37). */
struct attributes {
	uint64_t set, clear, propagation, userns_fd;
};

enum check_state probe_idmap(struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	struct attributes attributes = { .set = 0x00100000 /* MOUNT_ATTR_IDMAP */ };
	cleanup_close int userns_fd = open_userns();
	cleanup_close int tree_fd = (int)syscall(SYS_open_tree, manager->instance->state_fd, "",
		AT_EMPTY_PATH | 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);

	if (userns_fd < 0 || tree_fd < 0) {
		snprintf(value, PROBE_VALUE, "cannot ask: %s", strerror(errno));
		return CHECK_MISSING;
	}
	attributes.userns_fd = (uint64_t)userns_fd;
	if (syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH, &attributes,
		    sizeof(attributes)) < 0) {
		snprintf(value, PROBE_VALUE, "refused: %s", strerror(errno));
		return CHECK_MISSING;
	}
	set(value, "there");
	return CHECK_OK;
}
