/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance_ids.c - two instances on one host never give the same ids (property P10) or addresses to
 * their VEs.
 *
 * Each running keeper holds a lock on a file of its own in /run/vessel-ids, which names its ids,
 * in a second line its ranges of addresses, and in a third the network namespace (its inode) that
 * these are for. A file that nobody holds is a left-over and does
 * not count; looking and registering happen under a lock on the directory.
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
#include "base/text.h"
#include "daemon/instance.h"
#include "netns/plan.h"

#define IDS_DIR    "/run/vessel-ids"
#define IDS_BYTES  2048 /* two 32-bit numbers, and INSTANCE_RANGES times PREFIX_TEXT */
#define ID_BLOCK   65536U
#define OTHERS_MAX 256 /* ranges: more than a host has addresses for */

static uid_t last_id(const struct instance *instance)
{
	return instance->first_id + instance->id_blocks * ID_BLOCK - 1;
}

struct registered {
	uid_t first, last;
	uint64_t netns; /* 0: not told */
	struct prefix ranges[INSTANCE_RANGES];
	size_t n_ranges;
};

/* A damaged file counts as all ids. */
static void parse_registered(char *text, struct registered *ret)
{
	char *rest = text;
	char *ids = strsep(&rest, "\n");
	char *ranges = strsep(&rest, "\n");
	char *netns = strsep(&rest, "\n");
	char *dash = ids ? strchr(ids, '-') : NULL;
	struct error ignored = { 0 };
	int n;

	*ret = (struct registered){ .last = UINT32_MAX };
	if (!dash)
		return;
	*dash = 0;
	if (parse_id(ids, &ret->first) < 0 || parse_id(dash + 1, &ret->last) < 0) {
		ret->first = 0;
		ret->last = UINT32_MAX;
	}
	n = ranges && *ranges ? plan_parse(ranges, ret->ranges, INSTANCE_RANGES, &ignored) : 0;
	ret->n_ranges = n > 0 ? (size_t)n : 0;
	if (netns)
		(void)parse_count(netns, &ret->netns);
}

/* True if a running instance holds this file. */
static bool read_registered(int dir_fd, const char *name, struct registered *ret)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[IDS_BYTES] = "";

	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	parse_registered(text, ret);
	return true;
}

static int check_ids(const struct instance *instance, const struct registered *other,
	const char *name, struct error *err)
{
	if (other->first > last_id(instance) || other->last < instance->first_id)
		return 0;
	return error_refuse(err, ERROR_STATE,
		"the ids %u-%u overlap with %u-%u of the running instance %s: give "
		"one of them other --ids",
		instance->first_id, last_id(instance), other->first, other->last, name);
}

/* The host's, but for a vesseld that was started in another one. */
static uint64_t own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static int check_ranges(const struct instance *instance, const struct registered *other,
	const char *name, struct error *err)
{
	char own[PREFIX_TEXT], text[PREFIX_TEXT];

	if (other->netns && other->netns != own_netns())
		return 0;
	for (size_t i = 0; i < instance->n_ranges; i++)
		for (size_t j = 0; j < other->n_ranges; j++)
			if (prefix_overlap(&instance->ranges[i], &other->ranges[j]))
				return error_refuse(err, ERROR_STATE,
					"the addresses %s overlap with %s of the running instance "
					"%s: give one of them other --addresses",
					prefix_format(&instance->ranges[i], own),
					prefix_format(&other->ranges[j], text), name);
	return 0;
}

struct others {
	struct prefix ranges[OTHERS_MAX];
	size_t n;
};

typedef int other_fn(const struct instance *instance, const struct registered *other,
	const char *name, struct error *err);

/* Asks fn of each other running instance, and gathers their ranges if `ret` is given. */
static int each_other(const struct instance *instance, int dir_fd, const char *own, other_fn *fn,
	struct others *ret, struct error *err)
{
	cleanup_names struct names others = { 0 };

	if (names_of_dir(dir_fd, ".", &others, err) < 0)
		return error_wrap(err, "cannot list %s", IDS_DIR);
	for (size_t i = 0; i < others.n; i++) {
		const char *other = others.list[i];
		struct registered registered;
		int r;

		if (other[0] == '.' || strcmp(other, own) == 0 ||
			!read_registered(dir_fd, other, &registered))
			continue;
		r = fn(instance, &registered, other, err);
		if (r < 0)
			return r;
		for (size_t k = 0; ret && k < registered.n_ranges && ret->n < OTHERS_MAX; k++)
			ret->ranges[ret->n++] = registered.ranges[k];
	}
	return 0;
}

static int check_others(struct instance *instance, int dir_fd, const char *own, struct error *err)
{
	struct others others = { .n = 0 };
	int r = each_other(instance, dir_fd, own, check_ids, &others, err);

	if (r == 0)
		r = instance_find_ranges(instance, others.ranges, others.n, err);
	return r < 0 ? r : each_other(instance, dir_fd, own, check_ranges, NULL, err);
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

static void add_registered(struct text *text, const struct instance *instance)
{
	char range[PREFIX_TEXT];

	text_format(text, "%u-%u\n", instance->first_id, last_id(instance));
	for (size_t i = 0; i < instance->n_ranges; i++)
		text_format(
			text, "%s%s", i > 0 ? "," : "", prefix_format(&instance->ranges[i], range));
	text_format(text, "\n%ju\n", (uintmax_t)own_netns());
}

static int write_registered(int fd, const struct instance *instance, struct error *err)
{
	cleanup_text struct text text;

	text_init(&text);
	add_registered(&text, instance);
	if (text.failed)
		return error_memory(err);
	if (ftruncate(fd, 0) < 0)
		return error_sys(err, "cannot write to %s", IDS_DIR);
	return file_write_all(fd, text.data, text.length, err);
}

/* The file, checked against the others and written, but not locked. */
static int open_registered(
	struct instance *instance, int dir_fd, const char *own, struct error *err)
{
	int r = check_others(instance, dir_fd, own, err);
	int fd;

	if (r < 0)
		return r;
	fd = openat(dir_fd, own, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? error_sys(err, "cannot open %s/%s", IDS_DIR, own) : fd;
}

int instance_lock_ids(struct instance *instance, struct error *err)
{
	cleanup_close int dir_fd = open_locked(err);
	cleanup_close int fd = -1;
	cleanup_free char *own = own_name(instance);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (!own)
		return error_memory(err);
	fd = open_registered(instance, dir_fd, own, err);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_refuse(err, ERROR_STATE,
			"another vesseld of the name %s runs on this host: use --instance", own);
	r = write_registered(fd, instance, err);
	return r < 0 ? r : take_fd(&fd);
}

static bool is_registered(const struct instance *instance, int dir_fd, const char *own)
{
	cleanup_text struct text text;
	cleanup_free char *there = NULL;
	struct error ignored = { 0 }; /* absent: no */

	text_init(&text);
	add_registered(&text, instance);
	return !text.failed && file_read(dir_fd, own, IDS_BYTES, &there, &ignored) >= 0 &&
	       strcmp(text.data, there) == 0;
}

/* What was good when the keeper began is not asked again: a route that the host has got since must
 * not leave VEs that run without a manager. */
int instance_register(struct instance *instance, struct error *err)
{
	cleanup_close int dir_fd = open_locked(err);
	cleanup_close int fd = -1;
	cleanup_free char *own = own_name(instance);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (!own)
		return error_memory(err);
	r = instance_load_ranges(instance, err);
	if (r < 0)
		return r;
	if (r > 0 && is_registered(instance, dir_fd, own))
		return 0;
	fd = open_registered(instance, dir_fd, own, err);
	return fd < 0 ? fd : write_registered(fd, instance, err);
}
