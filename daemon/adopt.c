/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * adopt.c - an init that outlived its keeper is found, proved, and handed to the new one.
 *
 * The hint names a pid; without one the cgroup is searched. Either way the process is held by a
 * pidfd first and proved after: it stands in this VE's cgroup, and is process 1 of a pid namespace
 * one below ours (property P23). Nothing that a VE can write is believed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "cgroup/group.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/protocol.h"
#include "daemon/recovery.h"
#include "daemon/ve_table.h"

#define PROCS_MAX (1 << 20)
#define DEPTH_MAX 4 /* init.scope of a systemd is one deep */

/* "NSpid:\t4711\t1": known here by one number and in its own namespace as 1. */
static bool is_first(pid_t pid)
{
	cleanup_free char *status = process_read(pid, "status");
	const char *line = status ? strstr(status, "\nNSpid:") : NULL;
	int outer, inner, deeper;

	return line && sscanf(line, "\nNSpid: %d %d%*[ \t]%d", &outer, &inner, &deeper) == 2 &&
	       outer == pid && inner == 1;
}

static bool is_of(const struct ve *ve, pid_t pid)
{
	cleanup_free char *cgroup = process_read(pid, "cgroup");
	cleanup_free char *name = NULL;
	struct error ignored = { 0 };

	return cgroup && cgroup_find_name(ve->manager->tree, cgroup, &name, &ignored) == 0 &&
	       name && strcmp(name, ve->name) == 0;
}

/* Held first, proved after: the number cannot become another process meanwhile. */
static int prove(const struct ve *ve, pid_t pid, uint64_t start)
{
	cleanup_close int pidfd = pid > 1 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (pidfd < 0 || !is_first(pid) || !is_of(ve, pid))
		return -1;
	if (start && process_start_time(pid) != start)
		return -1;
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0)
		return -1; /* it has ended, and all that we read may be another's */
	return take_fd(&pidfd);
}

static int search_procs(const struct ve *ve, int dir_fd, pid_t *ret_pid)
{
	cleanup_free char *text = NULL;
	struct error ignored = { 0 };
	char *rest, *line;

	if (file_read(dir_fd, "cgroup.procs", PROCS_MAX, &text, &ignored) < 0)
		return -1;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		uint64_t pid;
		int fd;

		if (parse_count(line, &pid) < 0 || pid > INT32_MAX)
			continue;
		fd = prove(ve, (pid_t)pid, 0);
		if (fd >= 0) {
			*ret_pid = (pid_t)pid;
			return fd;
		}
	}
	return -1;
}

static int search(const struct ve *ve, int dir_fd, int depth, pid_t *ret_pid)
{
	int fd = search_procs(ve, dir_fd, ret_pid);
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;

	if (fd >= 0 || depth == DEPTH_MAX)
		return fd;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_fd(&fd);
		return -1;
	}
	while ((entry = readdir(dir))) {
		struct error ignored = { 0 };
		cleanup_close int below_fd = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below_fd = file_open_dir(dir_fd, entry->d_name, &ignored);
		fd = below_fd < 0 ? -1 : search(ve, below_fd, depth + 1, ret_pid);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* Without a hint its name tells how it wants to be stopped, roughly. */
static enum stop_way guess_stop_way(pid_t pid)
{
	cleanup_free char *name = process_read(pid, "comm");

	return name && strcmp(name, "systemd\n") == 0 ? STOP_SYSTEMD : STOP_PROGRAM;
}

static int find_init(struct ve *ve, pid_t *ret_pid, struct error *err)
{
	cleanup_close int dir_fd = -1;
	uint64_t start = 0;
	pid_t pid = 0;
	int fd = -1;

	if (ve_hint_load(ve, &pid, &start))
		fd = prove(ve, pid, start);
	if (fd < 0) {
		dir_fd = cgroup_open_file(ve->manager->tree, ve->name, "guest",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC, err);
		if (dir_fd < 0)
			return dir_fd;
		fd = search(ve, dir_fd, 0, &pid);
		if (fd < 0)
			return error_set(err, ESRCH, "processes without an init");
		ve->stop_way = guess_stop_way(pid);
		ve->started = clock_now();
	}
	*ret_pid = pid;
	return fd;
}

int adopt_init(struct ve *ve, struct error *err)
{
	struct message message = { .type = MANAGER_ADOPT };
	pid_t pid = 0;
	int pidfd = find_init(ve, &pid, err);

	if (pidfd < 0)
		return pidfd;
	snprintf(message.name, sizeof(message.name), "%s", ve->name);
	if (ve->has_config)
		snprintf(message.uuid, sizeof(message.uuid), "%s", ve->config.uuid);
	message.pid = pid;
	message.stop_way = ve->stop_way;
	message.started = ve->started;
	message.ready = ve->ready;
	ve_registered(ve, &message, pidfd);
	return mailbox_send(ve->manager->mailbox, &message, &ve->pidfd, 1, err);
}
