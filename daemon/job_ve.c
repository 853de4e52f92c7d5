/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_ve.c - a VE that runs is changed, frozen and thawed; one that has ended is cleared away.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup/group.h"
#include "cgroup/limit.h"
#include "cgroup/usage.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "daemon/job_net.h"

static struct cgroup_tree *tree_of(const struct job_context *context)
{
	return context->job->host->tree;
}

/* The number that the kernel gave to this run's cgroup; 0: there is none. */
static uint64_t cgroup_number(const struct job_context *context)
{
	struct error ignored; /* absent */
	cleanup_close int fd = cgroup_open_file(
		tree_of(context), context->name, ".", O_PATH | O_DIRECTORY, &ignored);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void count_net(struct job_context *context)
{
	struct net_totals *totals = &context->config.net;
	struct job_net_counts counts;

	job_net_count(context, &counts);
	traffic_sum(&totals->traffic, &counts.traffic);
	for (int i = 0; i < FILTER_REASONS; i++)
		totals->dropped[i] += counts.dropped[i];
}

/* Adds what this run has used, unless a job that was killed has done so; that one had also seen
 * more of the end than whoever found the rest. */
static void count(struct job_context *context, const struct ve_config *disk)
{
	struct ve_config *config = &context->config;
	uint64_t number = cgroup_number(context);
	struct usage usage = { 0 };
	int64_t seen = 0;
	struct error ignored; /* counters that cannot be read keep nobody from clearing away */

	config->totals = disk->totals;
	config->net = disk->net;
	config->counted = disk->counted;
	if (number && number == disk->counted) {
		config->exit = disk->exit;
		return;
	}
	if (usage_read(tree_of(context), context->name, &usage, &ignored) == 0) {
		(void)json_int(json_find(context->spec, "pids_hits"), &seen); /* absent: 0 */
		if (usage.pids_hits < (uint64_t)seen)
			usage.pids_hits = (uint64_t)seen;
		usage_add(&config->totals, &usage);
	}
	if (number)
		count_net(context);
	config->counted = number;
}

/* The record on disk counts: whatever the manager remembers may be older. */
static int reclaim_usage(void *data, struct error *err)
{
	struct job_context *context = data;
	struct ve_config disk;
	struct error ignored; /* a VE whose record is damaged is cleared away all the same */

	if (!context->has_config)
		return 0;
	if (config_load(context->job->instance->state_fd, context->name, &disk, &ignored) < 0)
		return 0;
	count(context, &disk);
	config_done(&disk);
	return 0;
}

static int reclaim_kill(void *data, struct error *err)
{
	const struct job_context *context = data;

	return cgroup_kill(tree_of(context), context->name, err);
}

/* The link stays for as long as somebody holds its namespace; it can do nothing any more. */
static int reclaim_network(void *data, struct error *err)
{
	struct job_context *context = data;

	if (context->has_config)
		job_net_down(context);
	return 0;
}

static int reclaim_remove(void *data, struct error *err)
{
	const struct job_context *context = data;

	return cgroup_remove(tree_of(context), context->name, err);
}

/* What was used cannot be read, or not stored on a full disk: it is lost, which is better than a
 * cgroup that nobody owns. */
static void reclaim_give_up(void *data)
{
	struct error ignored = { 0 }; /* the first failure is the one to tell */

	(void)reclaim_remove(data, &ignored);
}

static int reclaim_store(void *data, struct error *err)
{
	struct job_context *context = data;
	int dir_fd, r;

	if (!context->has_config)
		return 0;
	dir_fd = job_open_ve(context, err);
	if (dir_fd < 0)
		return dir_fd;
	r = config_store(dir_fd, &context->config, err);
	close(dir_fd);
	return r;
}

static const struct step reclaim_steps[] = {
	/* clang-format off */
	{ "kill",    reclaim_kill,    NULL },
	{ "usage",   reclaim_usage,   reclaim_give_up },
	{ "network", reclaim_network, NULL },
	/* While the cgroup is there to say what was counted. */
	{ "store",   reclaim_store,   NULL },
	{ "remove",  reclaim_remove,  NULL },
	/* clang-format on */
};

const struct job_operation job_reclaim = {
	.name = "reclaim",
	.verb = "clear away what is left of",
	.name_valid = name_valid,
	.config = JOB_CONFIG_MAY,
	.steps = reclaim_steps,
	.n_steps = ARRAY_SIZE(reclaim_steps),
};

/* The limits among the rows to apply. One that was asked for and that this host cannot enforce is
 * refused; a default that it cannot enforce stays unset, as at the start, and none is what it has.
 */
static int live_limits(const struct job_context *context, unsigned int *ret, struct error *err)
{
	const struct settings *settings = &context->config.settings;
	int64_t rows = 0;
	unsigned int mask = 0;

	(void)json_int(json_find(context->spec, "live"), &rows); /* absent: none */
	for (size_t i = 0; i < settings_count; i++) {
		uint64_t bit = UINT64_C(1) << i;
		int limit = settings_table[i].limit;
		int r;

		if (!((uint64_t)rows & bit) || limit < 0)
			continue;
		r = limit_enforceable(
			tree_of(context), (enum limit_id)limit, &settings->limits, err);
		if (r == 0)
			mask |= 1U << limit;
		else if ((settings->asked & bit) && settings->limits.value[limit] != PARSE_NONE)
			return r;
	}
	*ret = mask;
	return 0;
}

static int set_limits(void *data, struct error *err)
{
	const struct job_context *context = data;
	unsigned int mask;
	bool alive = false;
	int r = live_limits(context, &mask, err);

	if (r < 0 || mask == 0)
		return r;
	r = cgroup_populated(tree_of(context), context->name, &alive, err);
	if (r < 0 || !alive)
		return r; /* it has ended meanwhile: its next start takes the record */
	return limit_write_all(
		tree_of(context), context->name, mask, &context->config.settings.limits, err);
}

/* The old values are on disk: the record is written last. */
static void set_limits_back(void *data)
{
	const struct job_context *context = data;
	struct ve_config disk;
	struct error ignored; /* the error that brought us here is the one to tell */
	unsigned int mask;

	if (live_limits(context, &mask, &ignored) < 0 || mask == 0)
		return;
	if (config_load(context->job->instance->state_fd, context->name, &disk, &ignored) < 0)
		return;
	(void)limit_write_all(
		tree_of(context), context->name, mask, &disk.settings.limits, &ignored);
	config_done(&disk);
}

static int set_probe(void *data, struct error *err)
{
	struct job_context *context = data;
	struct ve_config disk;
	int r;

	if (!job_spec_flag(context, "store"))
		return 0;
	r = config_load(context->job->instance->state_fd, context->name, &disk, err);
	if (r < 0)
		return r;
	r = job_net_probe(&context->config.settings, &disk.settings, err);
	config_done(&disk);
	return r;
}

/* Who has no link (or is no more) has sent no namespace. */
static bool net_is_live(const struct job_context *context)
{
	int64_t rows = 0;

	(void)json_int(json_find(context->spec, "live"), &rows); /* absent: none */
	return context->job->n_fds > 0 && context->job->fds[0] >= 0 && job_net_rows((uint64_t)rows);
}

static int set_network(void *data, struct error *err)
{
	struct job_context *context = data;
	struct ve_config disk;
	int r;

	if (!net_is_live(context))
		return 0;
	r = config_load(context->job->instance->state_fd, context->name, &disk, err);
	if (r < 0)
		return r;
	r = job_net_change(context, context->job->fds[0], &disk, err);
	config_done(&disk);
	return r;
}

static void set_network_back(void *data)
{
	struct job_context *context = data;
	struct ve_config disk;
	struct error ignored; /* the error that brought us here is the one to tell */

	if (!net_is_live(context))
		return;
	if (config_load(context->job->instance->state_fd, context->name, &disk, &ignored) < 0)
		return;
	job_net_change_back(context, context->job->fds[0], &disk);
	config_done(&disk);
}

static int set_store(void *data, struct error *err)
{
	struct job_context *context = data;

	return job_spec_flag(context, "store") ? job_store_config(context, false, err) : 0;
}

static const struct step set_steps[] = {
	/* clang-format off */
	{ "probe",   set_probe,   NULL },
	{ "limits",  set_limits,  set_limits_back },
	{ "network", set_network, set_network_back },
	{ "store",   set_store,   NULL },
	/* clang-format on */
};

const struct job_operation job_set = {
	.name = "set",
	.verb = "change",
	.name_valid = name_valid,
	.config = JOB_CONFIG_MUST,
	.steps = set_steps,
	.n_steps = ARRAY_SIZE(set_steps),
	.stores = true,
};

static int freeze(void *data, struct error *err)
{
	const struct job_context *context = data;

	return cgroup_freeze(tree_of(context), context->name, true, err);
}

static int thaw(void *data, struct error *err)
{
	const struct job_context *context = data;

	return cgroup_freeze(tree_of(context), context->name, false, err);
}

/* Half a freeze would be a VE that nobody knows to be frozen. */
static void freeze_back(void *data)
{
	struct error ignored; /* the freeze's own error is the one to tell */

	(void)thaw(data, &ignored);
}

static const struct step freeze_steps[] = { { "freeze", freeze, freeze_back } };

const struct job_operation job_freeze = {
	.name = "freeze",
	.verb = "pause",
	.name_valid = name_valid,
	.steps = freeze_steps,
	.n_steps = ARRAY_SIZE(freeze_steps),
};

static const struct step thaw_steps[] = { { "thaw", thaw, NULL } };

const struct job_operation job_thaw = {
	.name = "thaw",
	.verb = "resume",
	.name_valid = name_valid,
	.steps = thaw_steps,
	.n_steps = ARRAY_SIZE(thaw_steps),
};
