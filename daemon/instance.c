/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance.c - one vesseld's own directories, opened once and used by descriptor from then on.
 */
#include "daemon/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#define FILE_MAX_BYTES 65536
#define CGROUP_FILE    "cgroup"

void instance_done(struct instance *instance)
{
	free(instance->name);
	free(instance->state_dir);
	free(instance->run_dir);
	free(instance->cgroup);
	free(instance->hold);
	close_fd(&instance->state_fd);
	close_fd(&instance->run_fd);
	*instance = (struct instance){ .state_fd = -1, .run_fd = -1 };
}

static int file_path(const struct instance *instance, char **ret)
{
	return asprintf(ret, SYSCONFDIR "/vessel%s%s/vessel.json", instance->name[0] ? "-" : "",
		instance->name);
}

/* Turns the words into values anew. Those of the command line have been good already. */
static int apply_file(
	const struct instance_words *words, struct instance *instance, struct error *err)
{
	cleanup_free char *path = NULL;
	int r;

	if (file_path(instance, &path) < 0)
		return error_memory(err);
	instance_done(instance);
	r = instance_apply(words, instance, err);
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

/* Adds vessel.json of this instance to the words; no file is no error. */
static int read_file(const struct instance *instance, struct instance_words *words,
	struct json **ret_file, struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_free char *text = NULL;
	ssize_t length;
	int r;

	if (file_path(instance, &path) < 0)
		return error_memory(err);
	length = file_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, err);
	if (length == -ENOENT)
		return 0;
	if (length < 0)
		return (int)length;
	r = instance_parse_file(text, (size_t)length, words, ret_file, err);
	if (r < 0)
		return error_wrap(err, "%s", path);
	return 0;
}

static int open_dir(const char *path, mode_t mode, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;
	int r = file_make_dir(AT_FDCWD, path, mode, err);

	if (r < 0)
		return r;
	fd = file_open_dir(AT_FDCWD, path, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(err, "cannot read the mode of %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 0777 & ~mode))
		return error_refuse(err, ERROR_DENIED,
			"%s is open to others: make it root's own, mode %04o", path,
			(unsigned int)mode);
	return take_fd(&fd);
}

static int open_dirs(struct instance *instance, struct error *err)
{
	static const char *const dirs[] = { "ve", "template", "layer", "plan", "trash" };
	int r;

	instance->state_fd = open_dir(instance->state_dir, 0700, err);
	if (instance->state_fd < 0)
		return instance->state_fd;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		r = file_make_dir(instance->state_fd, dirs[i], 0700, err);
		if (r < 0)
			return r;
	}
	/* Records below are synced with their own directory only. Made now or before a power cut.
	 */
	r = file_sync_dir(instance->state_fd, err);
	if (r < 0)
		return r;
	/* Not secret: the mode of each socket says who may use it. systemd makes it 0755. */
	instance->run_fd = open_dir(instance->run_dir, 0755, err);
	return instance->run_fd < 0 ? instance->run_fd : 0;
}

/* The path in use is reused: VEs that outlived a daemon are below it. */
static int find_cgroup(struct instance *instance, struct error *err)
{
	cleanup_free char *text = NULL;
	ssize_t length;
	int n;

	if (instance->cgroup)
		return 0;
	length = file_read(instance->run_fd, CGROUP_FILE, FILE_MAX_BYTES, &text, err);
	if (length < 0 && length != -ENOENT)
		return (int)length;
	if (length > 1 && text[0] == '/' && text[length - 1] == '\n') {
		text[length - 1] = 0;
		instance->cgroup = take_ptr(&text);
		return 0;
	}
	n = asprintf(
		&instance->cgroup, "/vessel%s%s", instance->name[0] ? "-" : "", instance->name);
	if (n < 0) {
		instance->cgroup = NULL;
		return error_memory(err);
	}
	return 0;
}

int instance_open(
	int argc, char **argv, struct instance *ret, enum vesseld_role *ret_role, struct error *err)
{
	struct instance instance = { .state_fd = -1, .run_fd = -1 };
	cleanup_json struct json *file = NULL;
	struct instance_words words;
	enum vesseld_role role;
	int r = instance_parse_arguments(argc, argv, &words, &role, err);

	if (r < 0)
		return r;
	/* Twice: the name of the instance says which file to read. */
	r = instance_apply(&words, &instance, err);
	if (r == 0 && (role <= ROLE_MANAGER || role == ROLE_CHECK))
		r = read_file(&instance, &words, &file, err);
	if (r == 0)
		r = apply_file(&words, &instance, err);
	if (r == 0 && role <= ROLE_MANAGER && geteuid() != 0)
		r = error_refuse(err, ERROR_DENIED, "vesseld must be started by root");
	if (r == 0 && role <= ROLE_MANAGER)
		r = open_dirs(&instance, err);
	if (r == 0 && role <= ROLE_MANAGER)
		r = find_cgroup(&instance, err);
	if (r < 0) {
		instance_done(&instance);
		return r;
	}
	*ret = instance;
	*ret_role = role;
	return 0;
}
