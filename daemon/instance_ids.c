/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance_ids.c - two instances on one host never give the same ids to their VEs (property P10).
 *
 * Each running keeper holds a lock on a file of its own in /run/vessel-ids, which names its range.
 * A file that nobody holds is a left-over and does not count; looking and registering happen under
 * a lock on the directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/parse.h"
#include "daemon/instance.h"

#define IDS_DIR   "/run/vessel-ids"
#define IDS_BYTES 64 /* two 32-bit numbers and a dash */
#define ID_BLOCK  65536U

static uid_t last_id(const struct instance *instance)
{
	return instance->first_id + instance->id_blocks * ID_BLOCK - 1;
}

/* True if a running instance holds this file; a damaged one counts as all ids. */
static bool read_range(int dir_fd, const char *name, uid_t *ret_first, uid_t *ret_last)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[IDS_BYTES] = "";
	char *dash;

	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0)
		return false;
	*ret_first = 0;
	*ret_last = UINT32_MAX;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return true;
	text[strcspn(text, "\n")] = 0;
	dash = strchr(text, '-');
	if (!dash)
		return true;
	*dash = 0;
	if (parse_id(text, ret_first) < 0 || parse_id(dash + 1, ret_last) < 0) {
		*ret_first = 0;
		*ret_last = UINT32_MAX;
	}
	return true;
}

static int check_others(
	const struct instance *instance, int dir_fd, const char *own, struct error *err)
{
	cleanup_names struct names others = { 0 };

	if (names_of_dir(dir_fd, ".", &others, err) < 0)
		return error_wrap(err, "cannot list %s", IDS_DIR);
	for (size_t i = 0; i < others.n; i++) {
		const char *other = others.list[i];
		uid_t first, last;

		if (other[0] == '.' || strcmp(other, own) == 0 ||
			!read_range(dir_fd, other, &first, &last))
			continue;
		if (first <= last_id(instance) && last >= instance->first_id)
			return error_refuse(err, ERROR_STATE,
				"the ids %u-%u overlap with %u-%u of the running instance %s: give "
				"one of them other --ids",
				instance->first_id, last_id(instance), first, last, other);
	}
	return 0;
}

static char *own_name(const struct instance *instance)
{
	char *name;

	return asprintf(&name, "vessel%s%s", instance->name[0] ? "-" : "", instance->name) < 0
		       ? NULL
		       : name;
}

/* The directory, locked; made again if the last instance took it away while we waited. */
static int open_locked(struct error *err)
{
	for (;;) {
		cleanup_close int fd = -1;
		struct stat st;
		int r = file_make_dir(AT_FDCWD, IDS_DIR, 0755, err);

		if (r < 0)
			return r;
		fd = file_open_dir(AT_FDCWD, IDS_DIR, err);
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
			return error_sys(err, "cannot lock %s", IDS_DIR);
		if (st.st_nlink > 0)
			return take_fd(&fd);
	}
}

void instance_remove_ids(const struct instance *instance)
{
	struct error ignored; /* a file that nobody holds does not count */
	cleanup_close int dir_fd = open_locked(&ignored);
	cleanup_free char *own = own_name(instance);

	if (dir_fd < 0 || !own)
		return;
	(void)unlinkat(dir_fd, own, 0); /* absent is fine */
	(void)rmdir(IDS_DIR);           /* not while others are registered */
}

int instance_lock_ids(const struct instance *instance, struct error *err)
{
	cleanup_close int dir_fd = open_locked(err);
	cleanup_close int fd = -1;
	cleanup_free char *own = own_name(instance);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (!own)
		return error_memory(err);
	r = check_others(instance, dir_fd, own, err);
	if (r < 0)
		return r;
	fd = openat(dir_fd, own, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_sys(err, "cannot open %s/%s", IDS_DIR, own);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_refuse(err, ERROR_STATE,
			"another vesseld of the name %s runs on this host: use --instance", own);
	if (ftruncate(fd, 0) < 0 ||
		dprintf(fd, "%u-%u\n", instance->first_id, last_id(instance)) < 0)
		return error_sys(err, "cannot write %s/%s", IDS_DIR, own);
	return take_fd(&fd);
}
