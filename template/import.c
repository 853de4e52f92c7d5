/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * import.c - a tar archive becomes a layer: the half that keeps its privilege and parses nothing.
 *
 * It makes the confined child, maps its ids, passes its progress on, checks what it says, and
 * makes its work durable.
 */
#include "template/import.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "template/import_child.h"

#define ID_MAP "0 0 65536\n"

struct child {
	pid_t pid;
	int fd;
};

/* Kills a child that has not ended; one that has is only reaped. */
static int child_end(struct child *child)
{
	int status = 0;

	if (child->fd >= 0)
		close_fd(&child->fd);
	if (child->pid <= 0)
		return 0;
	(void)kill(child->pid, SIGKILL); /* ours until reaped, so it exists */
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
	return status;
}

static void child_end_run(struct child *child)
{
	int saved = errno;

	(void)child_end(child);
	errno = saved;
}
#define cleanup_child __attribute__((cleanup(child_end_run)))

static int write_maps(pid_t pid, struct error *err)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	char name[64]; /* three words and a number of at most 10 digits */

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int r;

		snprintf(name, sizeof(name), "/proc/%d/%s", pid, files[i]);
		r = file_write_control(AT_FDCWD, name, ID_MAP, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Why the child ended without a word. */
static int child_lost(struct child *child, struct error *err)
{
	int status;

	/* It has closed its end, so it is ending: give it the time to do so in its own way. */
	close_fd(&child->fd);
	while (waitpid(child->pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_sys(err, "cannot wait for the import");
	child->pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return error_set(err, EPROTO, "the import made a forbidden system call");
	if (WIFSIGNALED(status))
		return error_set(
			err, EPROTO, "the import was killed (signal %d)", WTERMSIG(status));
	return error_set(
		err, EPROTO, "the import ended without a result (status %d)", WEXITSTATUS(status));
}

/* 1 with a report, or the error. */
static int child_receive(struct child *child, struct import_report *ret, struct error *err)
{
	ssize_t n;

	do
		n = recv(child->fd, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return error_sys(err, "cannot hear from the import");
	if (n <= 0)
		return child_lost(child, err);
	if (n != sizeof(*ret))
		return error_set(err, EPROTO, "the import sent a message of the wrong size");
	return 1;
}

static int child_follow(struct child *child, const struct import_bounds *bounds,
	import_progress_fn *progress, void *data, struct import_result *ret, struct error *err)
{
	struct import_report report;
	int r;

	while ((r = child_receive(child, &report, err)) > 0) {
		if (report.type == IMPORT_FAILED)
			return import_report_failed(&report, err);
		if (report.type == IMPORT_DONE)
			return import_report_done(&report, bounds, ret, err);
		if (report.type != IMPORT_PROGRESS)
			return error_set(err, EPROTO, "the import sent an unknown message");
		if (progress)
			progress(report.read, report.entries, data);
	}
	return r;
}

static int child_begin(struct child *child, struct error *err)
{
	struct import_report report;
	int r = child_receive(child, &report, err);

	if (r < 0)
		return r;
	if (report.type == IMPORT_DONE)
		return error_set(err, EPROTO, "the import ended before it began");
	if (report.type != IMPORT_READY)
		return import_report_failed(&report, err);
	r = write_maps(child->pid, err);
	if (r < 0)
		return r;
	if (send(child->fd, "", 1, MSG_NOSIGNAL) != 1)
		return error_sys(err, "cannot begin the import");
	return 0;
}

int import_archive(int archive_fd, int layer_fd, const struct import_bounds *bounds,
	bool squash_ids, import_progress_fn *progress, void *data, struct import_result *ret,
	struct error *err)
{
	cleanup_child struct child child = { .fd = -1 };
	cleanup_close int child_fd = -1;
	int fds[2];
	int r;

	/* An archive need not name its root. */
	if (fchmod(layer_fd, 0755) < 0)
		return error_sys(err, "cannot open the layer to its users");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_sys(err, "cannot make a socket pair");
	child.fd = fds[0];
	child_fd = fds[1];
	child.pid = fork();
	if (child.pid < 0)
		return error_sys(err, "cannot fork");
	if (child.pid == 0)
		import_child(archive_fd, child_fd, layer_fd, bounds, squash_ids);
	close_fd(&child_fd); /* or its end would never be seen */

	r = child_begin(&child, err);
	if (r == 0)
		r = child_follow(&child, bounds, progress, data, ret, err);
	if (r < 0)
		return r;
	r = file_sync_system(layer_fd, err);
	return r < 0 ? error_wrap(err, "cannot make the layer durable") : 0;
}
