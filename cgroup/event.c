/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * event.c - what a VE's v2 cgroup does as a whole: lives, freezes, dies.
 *
 * All of it happens in v2 on every host (group.h): its cgroup.events is one file to poll for both
 * questions, and v1 has neither cgroup.kill nor a freezer that a kill gets through.
 */
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/control.h"
#include "cgroup/group.h"
#include "cgroup/hierarchy.h"

#define FREEZE_TIMEOUT_MS 10000

static int open_v2(struct cgroup_tree *tree, const char *name, struct error *err)
{
	return cgroup_hierarchy_open_ve(tree, &tree->hierarchies[0], name, err);
}

int cgroup_open_file(
	struct cgroup_tree *tree, const char *name, const char *file, int flags, struct error *err)
{
	cleanup_close int ve_fd = open_v2(tree, name, err);
	int fd;

	if (ve_fd < 0)
		return ve_fd;
	fd = openat(ve_fd, file, flags | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, "cannot open %s of VE %s", file, name) : fd;
}

/* A flag of cgroup.events; absent VE is "no". */
static int read_event(
	struct cgroup_tree *tree, const char *name, const char *key, bool *ret, struct error *err)
{
	cleanup_close int ve_fd = open_v2(tree, name, err);
	uint64_t value = 0;
	int r = ve_fd;

	if (ve_fd >= 0)
		r = control_read(ve_fd, "cgroup.events", key, &value);
	if (r < 0 && r != -ENOENT && r != -ENODEV) /* ENODEV: removed after we opened it */
		return ve_fd < 0 ? r : error_set(err, -r, "cannot read events of VE %s", name);
	*ret = value == 1;
	return 0;
}

int cgroup_populated(struct cgroup_tree *tree, const char *name, bool *ret, struct error *err)
{
	return read_event(tree, name, "populated", ret, err);
}

int cgroup_frozen(struct cgroup_tree *tree, const char *name, bool *ret, struct error *err)
{
	return read_event(tree, name, "frozen", ret, err);
}

/* The kernel wakes poll(POLLPRI) for a change since the descriptor was last read. */
static int read_events_fd(int fd, const char *key, uint64_t *ret)
{
	char text[256]; /* two lines of a word and a digit */
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return control_parse_keyed(text, key, ret);
}

int cgroup_event_wait(
	struct cgroup_tree *tree, const char *name, const char *key, uint64_t value, int timeout_ms)
{
	struct error ignored;
	cleanup_close int fd = cgroup_open_file(tree, name, "cgroup.events", O_RDONLY, &ignored);
	int64_t deadline = (int64_t)clock_monotonic_ms() + timeout_ms;

	while (fd >= 0) {
		struct pollfd pollfd = { .fd = fd, .events = POLLPRI };
		int64_t left = deadline - (int64_t)clock_monotonic_ms();
		uint64_t now = 0;
		int r = read_events_fd(fd, key, &now);

		if (r < 0 || now == value)
			return r == -ENODEV ? -ENOENT : r;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&pollfd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
	return fd;
}

int cgroup_freeze(struct cgroup_tree *tree, const char *name, bool frozen, struct error *err)
{
	cleanup_close int ve_fd = open_v2(tree, name, err);
	struct error ignored;
	int r = ve_fd;

	if (r >= 0)
		r = file_write_control(ve_fd, "cgroup.freeze", frozen ? "1" : "0", err);
	if (r < 0)
		return r;
	r = cgroup_event_wait(tree, name, "frozen", frozen, FREEZE_TIMEOUT_MS);
	if (r == 0)
		return 0;
	/* Half frozen is no state to leave a VE in. */
	if (frozen)
		(void)file_write_control(ve_fd, "cgroup.freeze", "0", &ignored);
	return error_set(err, -r, "a process of VE %s could not be %s within %d s", name,
		frozen ? "frozen" : "thawed", FREEZE_TIMEOUT_MS / 1000);
}

int cgroup_kill(struct cgroup_tree *tree, const char *name, struct error *err)
{
	cleanup_close int ve_fd = open_v2(tree, name, err);

	if (ve_fd < 0)
		return ve_fd == -ENOENT ? 0 : ve_fd;
	return file_write_control(ve_fd, "cgroup.kill", "1", err);
}
