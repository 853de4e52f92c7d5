/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_store.c - VEs in the state directory: made, renamed, thrown away.
 *
 *   ve/.new-web1   being made; a crash leaves nothing else
 *   ve/web1        one rename, and it is whole
 *   trash/web1-…   one rename, and it is gone; a later job deletes it
 *
 * A create holds ve/ locked (shared), so that collecting never takes its .new- for a left-over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "cgroup/group.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "daemon/job_net.h"
#include "template/template.h"

#define NEW_NAME   (sizeof(".new-") + NAME_LENGTH) /* with its NUL */
#define TRASH_NAME (NEW_NAME + 1 + UUID_TEXT)
#define OPERATION  "op.json"

static const char create_record[] = "{\"format\":1,\"operation\":\"create\"}\n";

int job_open_dir(const struct job_context *context, const char *name, struct error *err)
{
	int state_fd = context->job->instance->state_fd;
	int r = file_make_dir(state_fd, name, 0700, err);

	return r < 0 ? r : file_open_dir(state_fd, name, err);
}

int job_open_ve(const struct job_context *context, struct error *err)
{
	cleanup_close int ve_fd = job_open_dir(context, "ve", err);
	int fd;

	if (ve_fd < 0)
		return ve_fd;
	fd = file_open_dir(ve_fd, context->name, err);
	return fd == -ENOENT ? error_refuse(err, ERROR_NOT_FOUND, "no VE %s", context->name) : fd;
}

int job_lock(struct job_context *context, int how, struct error *err)
{
	cleanup_close int fd = job_open_dir(context, "ve", err);

	if (fd < 0)
		return fd;
	if (flock(fd, how) < 0)
		return error_sys(err, "cannot lock the directory of VEs");
	context->lock_fd = take_fd(&fd);
	return 0;
}

void job_unlock(struct job_context *context)
{
	close_fd(&context->lock_fd);
}

int job_trash(const struct job_context *context, const char *entry, struct error *err)
{
	cleanup_close int ve_fd = job_open_dir(context, "ve", err);
	cleanup_close int trash_fd = ve_fd < 0 ? -1 : job_open_dir(context, "trash", err);
	char once[UUID_TEXT], target[TRASH_NAME];
	int r;

	if (ve_fd < 0)
		return ve_fd;
	if (trash_fd < 0)
		return trash_fd;
	r = uuid_new(once, err);
	if (r < 0)
		return r;
	snprintf(target, sizeof(target), "%s-%s", entry, once);
	return file_rename(ve_fd, entry, trash_fd, target, err);
}

int job_store_config(struct job_context *context, bool new_run, struct error *err)
{
	cleanup_close int dir_fd = job_open_ve(context, err);
	struct ve_config *config = &context->config;
	struct ve_config disk;
	struct error ignored; /* a record that cannot be read has no totals either */

	if (dir_fd < 0)
		return dir_fd;
	if (config_load(context->job->instance->state_fd, context->name, &disk, &ignored) == 0) {
		config->totals = disk.totals;
		config->net = disk.net;
		config->counted = new_run ? 0 : disk.counted;
		config_done(&disk);
	}
	return config_store(dir_fd, config, err);
}

static const char *new_name(const struct job_context *context, char buffer[NEW_NAME])
{
	snprintf(buffer, NEW_NAME, ".new-%s", context->name);
	return buffer;
}

static int open_new(const struct job_context *context, struct error *err)
{
	char name[NEW_NAME];

	return file_open_dir(context->lock_fd, new_name(context, name), err);
}

/* A create of this name that was cut short may not have been collected yet; that nobody works on it
 * the manager knows, or it had not sent us. */
static int create_lock(void *data, struct error *err)
{
	struct job_context *context = data;
	struct stat st;
	int r = job_lock(context, LOCK_SH, err);

	if (r < 0)
		return r;
	if (fstatat(context->lock_fd, context->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (job_half_made(context, context->name))
		return job_trash(context, context->name, err);
	return error_refuse(err, ERROR_STATE, "it exists");
}

static void create_unlock(void *data)
{
	job_unlock(data);
}

static int create_make(void *data, struct error *err)
{
	struct job_context *context = data;
	char name[NEW_NAME];
	int r = file_remove_tree(context->lock_fd, new_name(context, name), err);

	return r < 0 ? r : file_make_dir(context->lock_fd, name, 0700, err);
}

static void create_unmake(void *data)
{
	struct job_context *context = data;
	char name[NEW_NAME];
	struct error ignored; /* what cannot be removed now is collected later */

	(void)file_remove_tree(context->lock_fd, new_name(context, name), &ignored);
}

/* The upper's root is what the VE sees as its `/`: owner, mode and times are the template's. */
static int copy_root(int layer_fd, int upper_fd, struct error *err)
{
	struct timespec times[2];
	struct stat st;

	if (fstat(layer_fd, &st) < 0)
		return error_sys(err, "cannot look at the template's root directory");
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (fchown(upper_fd, st.st_uid, st.st_gid) < 0 ||
		fchmod(upper_fd, st.st_mode & 07777) < 0 || futimens(upper_fd, times) < 0)
		return error_sys(err, "cannot give disk/upper the owner, mode and times of the "
				      "template's root");
	return 0;
}

static int make_upper(const struct job_context *context, int disk_fd, struct error *err)
{
	const struct ve_config *config = &context->config;
	cleanup_close int upper_fd = -1;
	cleanup_close int layer_fd = -1;
	int r = file_make_dir(disk_fd, "upper", 0755, err);

	if (r < 0)
		return r;
	upper_fd = file_open_dir(disk_fd, "upper", err);
	if (upper_fd < 0)
		return upper_fd;
	if (config->n_layers > 0) {
		layer_fd = layer_open(context->job->instance->state_fd, config->layers[0], err);
		r = layer_fd < 0 ? layer_fd : copy_root(layer_fd, upper_fd, err);
	}
	return r < 0 ? r : file_sync_dir(upper_fd, err);
}

static int make_work(int disk_fd, struct error *err)
{
	cleanup_close int work_fd = -1;
	int r = file_make_dir(disk_fd, "work", 0700, err);

	if (r < 0)
		return r;
	work_fd = file_open_dir(disk_fd, "work", err);
	return work_fd < 0 ? work_fd : file_sync_dir(work_fd, err);
}

static int create_disk(void *data, struct error *err)
{
	const struct job_context *context = data;
	cleanup_close int new_fd = open_new(context, err);
	cleanup_close int disk_fd = -1;
	int r;

	if (new_fd < 0)
		return new_fd;
	r = file_make_dir(new_fd, "disk", 0700, err);
	if (r < 0)
		return r;
	disk_fd = file_open_dir(new_fd, "disk", err);
	if (disk_fd < 0)
		return disk_fd;
	r = make_work(disk_fd, err);
	if (r == 0)
		r = make_upper(context, disk_fd, err);
	return r < 0 ? r : file_sync_dir(disk_fd, err);
}

/* op.json first: a record without it is a VE that is whole. file_replace() also makes the
 * directory's own entries durable. */
static int create_store(void *data, struct error *err)
{
	const struct job_context *context = data;
	cleanup_close int new_fd = open_new(context, err);
	int r = 0;

	if (new_fd < 0)
		return new_fd;
	if (job_spec_flag(context, "keep_op"))
		r = file_replace(new_fd, OPERATION, create_record, sizeof(create_record) - 1, err);
	return r < 0 ? r : config_store(new_fd, &context->config, err);
}

static int create_rename(void *data, struct error *err)
{
	struct job_context *context = data;
	char name[NEW_NAME];
	int r = file_rename(
		context->lock_fd, new_name(context, name), context->lock_fd, context->name, err);

	return r == -EEXIST ? error_refuse(err, ERROR_STATE, "it exists") : r;
}

static int create_probe(void *data, struct error *err)
{
	const struct job_context *context = data;

	return job_net_probe(&context->config.settings, NULL, err);
}

static const struct step create_steps[] = {
	/* clang-format off */
	{ "probe",  create_probe,  NULL },
	{ "lock",   create_lock,   create_unlock },
	{ "make",   create_make,   create_unmake },
	{ "disk",   create_disk,   NULL },
	{ "store",  create_store,  NULL },
	{ "rename", create_rename, NULL },
	/* clang-format on */
};

const struct job_operation job_create = {
	.name = "create",
	.verb = "create",
	.name_valid = name_valid,
	.config = JOB_CONFIG_MUST,
	.steps = create_steps,
	.n_steps = ARRAY_SIZE(create_steps),
	.stores = true,
};

static int commit_remove(void *data, struct error *err)
{
	cleanup_close int dir_fd = job_open_ve(data, err);

	if (dir_fd < 0)
		return dir_fd;
	if (unlinkat(dir_fd, OPERATION, 0) < 0 && errno != ENOENT)
		return error_sys(err, "cannot remove %s", OPERATION);
	return file_sync_dir(dir_fd, err);
}

static const struct step commit_steps[] = { { "remove", commit_remove, NULL } };

const struct job_operation job_commit = {
	.name = "commit",
	.verb = "finish creating",
	.name_valid = name_valid,
	.steps = commit_steps,
	.n_steps = ARRAY_SIZE(commit_steps),
	.stores = true,
};

static int rename_rename(void *data, struct error *err)
{
	const struct job_context *context = data;
	const char *name = json_find_string(context->spec, "new_name");
	cleanup_close int ve_fd = job_open_dir(context, "ve", err);
	int r;

	if (!name || !name_valid(name))
		return error_refuse(err, ERROR_USAGE, "bad new name '%s'", name ? name : "");
	if (ve_fd < 0)
		return ve_fd;
	r = file_rename(ve_fd, context->name, ve_fd, name, err);
	if (r == -EEXIST)
		return error_refuse(err, ERROR_STATE, "%s exists", name);
	return r == -ENOENT ? error_refuse(err, ERROR_NOT_FOUND, "no VE %s", context->name) : r;
}

static const struct step rename_steps[] = { { "rename", rename_rename, NULL } };

const struct job_operation job_rename = {
	.name = "rename",
	.verb = "rename",
	.name_valid = name_valid,
	.steps = rename_steps,
	.n_steps = ARRAY_SIZE(rename_steps),
	.stores = true,
};

static int destroy_rename(void *data, struct error *err)
{
	const struct job_context *context = data;
	int r = job_trash(context, context->name, err);

	return r == -ENOENT ? error_refuse(err, ERROR_NOT_FOUND, "no VE %s", context->name) : r;
}

static int destroy_kill(void *data, struct error *err)
{
	const struct job_context *context = data;

	return cgroup_kill(context->job->host->tree, context->name, err);
}

/* Of a VE that ran; the manager knows its record, which is gone from the disk. */
static int destroy_network(void *data, struct error *err)
{
	struct job_context *context = data;

	if (context->has_config)
		job_net_down(context);
	return 0;
}

/* The VE is gone already: of cgroups that stay, the next manager finds no owner. */
static int destroy_remove(void *data, struct error *err)
{
	const struct job_context *context = data;
	struct error left = { 0 };

	if (cgroup_remove(context->job->host->tree, context->name, &left) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: %s", context->name, left.text);
	return 0;
}

/* The rename is all there is to it: nothing before it changes the record, so that a VE which is not
 * destroyed after all is still meant to run. */
static const struct step destroy_steps[] = {
	/* clang-format off */
	{ "kill",    destroy_kill,    NULL },
	{ "rename",  destroy_rename,  NULL },
	{ "network", destroy_network, NULL },
	{ "remove",  destroy_remove,  NULL },
	/* clang-format on */
};

const struct job_operation job_destroy = {
	.name = "destroy",
	.verb = "destroy",
	.name_valid = name_valid,
	.config = JOB_CONFIG_MAY,
	.steps = destroy_steps,
	.n_steps = ARRAY_SIZE(destroy_steps),
	.stores = true,
};
