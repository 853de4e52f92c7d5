/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_start.c - a VE's init, or a helper in its place, is launched and handed to the keeper.
 *
 * Kernel truth first: the record says "run" only after init has been executed, so its fsync delays
 * nobody inside; and before the answer, so that what was acknowledged starts again after a power
 * cut. A record that cannot be written ends the VE: an answer of failure means that it is as
 * before.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup/group.h"
#include "daemon/job_context.h"
#include "daemon/job_net.h"
#include "runtime/launch.h"

static int start_enter(void *data, struct error *err)
{
	struct job_context *context = data;

	/* Where the host's files are still in sight. */
	if (context->config.settings.dns_host)
		resolvers_of_host(&context->resolvers);
	return runtime_host_enter(
		context->job->host, &context->state_fd, &context->scratch_fd, err);
}

/* A helper has no console, no readiness and no log: its pidfd goes alone. */
static int registered(const struct launched *launched, void *data, struct error *err)
{
	const struct job_context *context = data;
	struct message message = job_message(context, JOB_REGISTER);
	bool helper = launched->console_fd < 0;
	int fds[] = { launched->pidfd, launched->console_fd, launched->notify_fd };
	int r;

	message.pid = launched->pid;
	message.stop_way = launched->stop_way;
	r = job_send(context, &message, fds, helper ? 1 : ARRAY_SIZE(fds), err);
	return r < 0 ? r : job_await_go(context, err);
}

static int network(int netns_fd, void *data, struct error *err)
{
	return job_net_up(data, netns_fd, err);
}

static void network_undo(void *data)
{
	job_net_undo(data);
}

/* A helper has no network: what it does is the host's work in a VE that is stopped. */
static int launch(struct job_context *context, char *const *argv, struct error *err)
{
	struct launched launched;
	struct launch work = {
		.host = context->job->host,
		.name = context->name,
		.config = &context->config,
		.state_fd = context->state_fd,
		.scratch_fd = context->scratch_fd,
		.resolvers = &context->resolvers,
		.network = argv ? NULL : network,
		.network_undo = network_undo,
		.argv = argv,
		.stdio_fds = { context->job->fds[0], context->job->fds[1], context->job->fds[2] },
		.registered = registered,
		.step = job_hold,
		.data = context,
	};
	int r = launch_run(&work, &launched, err);

	if (r < 0)
		return r;
	close_fd(&launched.pidfd);
	close_fd(&launched.console_fd);
	close_fd(&launched.notify_fd);
	return 0;
}

static int start_launch(void *data, struct error *err)
{
	return launch(data, NULL, err);
}

static int start_store(void *data, struct error *err)
{
	struct job_context *context = data;

	context->config.run = true;
	return job_store_config(context, true, err);
}

/* The keeper sees the end of an init that is killed here, as of any other. */
static void start_kill(void *data)
{
	const struct job_context *context = data;
	struct error ignored; /* what is left is reclaimed when the keeper tells of the end */

	(void)cgroup_kill(context->job->host->tree, context->name, &ignored);
}

static const struct step start_steps[] = {
	/* clang-format off */
	{ "enter",  start_enter,  NULL },
	{ "launch", start_launch, NULL }, /* undoes its own steps */
	{ "store",  start_store,  start_kill },
	/* clang-format on */
};

const struct job_operation job_start = {
	.name = "start",
	.verb = "start",
	.name_valid = name_valid,
	.config = JOB_CONFIG_MUST,
	.steps = start_steps,
	.n_steps = ARRAY_SIZE(start_steps),
	.inner = "launch",
	.stores = true,
};

static int helper_launch(void *data, struct error *err)
{
	struct job_context *context = data;
	cleanup_free const char **argv = NULL;
	size_t n;
	int r = job_spec_list(context, "argv", &argv, &n, err);

	if (r < 0)
		return r;
	if (n == 0)
		return error_set(err, EINVAL, "no program to run");
	return launch(context, (char *const *)argv, err);
}

static const struct step helper_steps[] = {
	/* clang-format off */
	{ "enter",  start_enter,   NULL },
	{ "launch", helper_launch, NULL },
	/* clang-format on */
};

const struct job_operation job_helper = {
	.name = "helper",
	.verb = "run a program in",
	.name_valid = name_valid,
	.config = JOB_CONFIG_MUST,
	.n_fds = 3,
	.steps = helper_steps,
	.n_steps = ARRAY_SIZE(helper_steps),
	.inner = "launch",
};
