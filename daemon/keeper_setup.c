/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_setup.c - what the keeper opens before its first job.
 *
 * Host and cgroups are opened first and never closed, and the descriptors they took are noted: that
 * list is what a job inherits. Everything the keeper gets later is closed in jobs, known or not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/parse.h"
#include "daemon/console.h"
#include "daemon/keeper.h"
#include "daemon/session.h"

#define CGROUP_FILE "cgroup"
#define PID_TEXT    16 /* a 32-bit number */

/* Open descriptors, ascending. *ret is the caller's. */
static int list_fds(int **ret, size_t *ret_n, struct error *err)
{
	cleanup_dir DIR *dir = opendir("/proc/self/fd");
	cleanup_free int *fds = NULL;
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return error_sys(err, "cannot list /proc/self/fd");
	while ((entry = readdir(dir))) {
		uint64_t number;
		int *more;

		if (parse_count(entry->d_name, &number) < 0 || (int)number == dirfd(dir))
			continue;
		more = reallocarray(fds, n + 1, sizeof(*fds));
		if (!more)
			return error_memory(err);
		fds = more;
		fds[n++] = (int)number;
	}
	*ret = take_ptr(&fds);
	*ret_n = n;
	return 0;
}

static int compare_fds(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static bool contains(const int *fds, size_t n, int fd)
{
	return bsearch(&fd, fds, n, sizeof(*fds), compare_fds) != NULL;
}

/* Of all that is open now, what was not before: plus the standard three and the instance's own. */
static int note_host_fds(
	struct keeper *keeper, const int *before, size_t n_before, struct error *err)
{
	const int own[] = { 0, 1, 2, keeper->instance->state_fd, keeper->instance->run_fd };
	size_t n, kept = 0;
	int *fds;
	int r = list_fds(&fds, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		bool is_own = false;

		for (size_t j = 0; j < ARRAY_SIZE(own); j++)
			is_own |= fds[i] == own[j];
		if (is_own || !contains(before, n_before, fds[i]))
			fds[kept++] = fds[i];
	}
	qsort(fds, kept, sizeof(*fds), compare_fds);
	keeper->host_fds = fds;
	keeper->n_host_fds = kept;
	return 0;
}

static int open_host(struct keeper *keeper, struct error *err)
{
	struct instance *instance = keeper->instance;
	cleanup_free int *before = NULL;
	cleanup_free char *line = NULL;
	size_t n_before;
	int r = list_fds(&before, &n_before, err);

	if (r < 0)
		return r;
	qsort(before, n_before, sizeof(*before), compare_fds);
	r = cgroup_tree_open(instance->cgroup, &keeper->tree, err);
	if (r == 0)
		r = cgroup_tree_prepare(keeper->tree, err);
	/* A scope lives as long as a process is in it. By hand the cgroup is nobody's but ours, and
	 * can be removed at the end only if we are not in it. */
	if (r == 0 && !keeper->by_hand)
		r = cgroup_tree_enter_daemon(keeper->tree, err);
	if (r == 0)
		r = runtime_host_open(instance->state_dir, keeper->tree, &keeper->host, err);
	if (r < 0) {
		keeper->host.workshop_fd = keeper->host.proc_fd = -1;
		return r;
	}
	r = note_host_fds(keeper, before, n_before, err);
	if (r < 0)
		return r;
	if (asprintf(&line, "%s\n", instance->cgroup) < 0)
		return error_memory(err);
	return file_replace(instance->run_fd, CGROUP_FILE, line, strlen(line), err);
}

/* A keeper that ends takes its file along. */
static bool is_gone(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* Two keepers on one directory would be two parents of the same VEs. */
static int lock_dir(int dir_fd, const char *dir, int *fd, struct error *err)
{
	cleanup_close int lock_fd =
		openat(dir_fd, KEEPER_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	char pid[PID_TEXT] = "";

	if (lock_fd < 0)
		return error_sys(err, "cannot open %s/" KEEPER_LOCK, dir);
	if (flock(lock_fd, LOCK_EX | LOCK_NB) < 0 || is_gone(lock_fd)) {
		if (read(lock_fd, pid, sizeof(pid) - 1) > 0)
			pid[strcspn(pid, "\n")] = 0;
		return error_refuse(err, ERROR_STATE,
			"a keeper (pid %s) uses %s: stop it first, or give this one --instance, or "
			"--state-dir and --run-dir, of its own",
			pid, dir);
	}
	if (ftruncate(lock_fd, 0) < 0 || dprintf(lock_fd, "%d\n", (int)getpid()) < 0)
		return error_sys(err, "cannot write %s/" KEEPER_LOCK, dir);
	*fd = take_fd(&lock_fd);
	return 0;
}

static int lock_all(struct keeper *keeper, struct error *err)
{
	struct instance *instance = keeper->instance;
	int r = lock_dir(instance->run_fd, instance->run_dir, &keeper->lock_fds[0], err);

	if (r == 0)
		r = lock_dir(instance->state_fd, instance->state_dir, &keeper->lock_fds[1], err);
	if (r < 0)
		return r;
	keeper->lock_fds[2] = instance_lock_ids(instance, err);
	return keeper->lock_fds[2] < 0 ? keeper->lock_fds[2] : 0;
}

/* A terminal or pipe that somebody reads from is none of ours, nor of jobs and managers. */
static int leave_stdin(struct error *err)
{
	cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || dup2(fd, 0) < 0)
		return error_sys(err, "cannot open /dev/null");
	return 0;
}

static int open_parts(struct keeper *keeper, struct error *err)
{
	int r = loop_new(&keeper->loop, err);

	if (r < 0)
		return r;
	keeper->ve_fd = file_open_dir(keeper->instance->state_fd, "ve", err);
	if (keeper->ve_fd < 0)
		return keeper->ve_fd;
	r = consoles_new(keeper->loop, keeper->ve_fd, &keeper->consoles, err);
	if (r == 0)
		r = sessions_new(keeper->loop, &keeper->sessions, err);
	return r;
}

int keeper_open(struct keeper *keeper, struct error *err)
{
	int state_fd = keeper_find_state();
	int r;

	table_init(&keeper->table);
	keeper->host.workshop_fd = keeper->host.proc_fd = keeper->ve_fd = -1;
	keeper->listen_fd = keeper->manager_fd = -1;
	for (size_t i = 0; i < STATE_LOCKS; i++)
		keeper->lock_fds[i] = -1;
	r = leave_stdin(err);
	if (r == 0 && state_fd < 0)
		r = lock_all(keeper, err);
	if (r == 0)
		r = open_host(keeper, err);
	if (r == 0)
		r = open_parts(keeper, err);
	if (r == 0 && state_fd >= 0)
		r = keeper_load(keeper, state_fd, err);
	if (r == 0 && keeper->listen_fd < 0)
		r = keeper_listen(keeper, err);
	return r;
}
