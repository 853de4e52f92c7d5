/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_fake.c - the lower rooms as a job sees them, without a kernel: each call is written down.
 */
#include "job_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/error.h"
#include "cgroup/group.h"
#include "cgroup/limit.h"
#include "cgroup/usage.h"
#include "daemon/job_net.h"
#include "runtime/join.h"
#include "runtime/launch.h"
#include "template/template.h"

struct fake *fake;

const struct import_bounds import_default_bounds = { 1, 2, 3 };
const struct step launch_steps[] = { { .name = "cgroup" }, { .name = "clone" } };
const size_t launch_steps_count = ARRAY_SIZE(launch_steps);

__attribute__((format(printf, 3, 4))) static int tell(
	const char *call, struct error *err, const char *fmt, ...)
{
	size_t length = strlen(fake->told);
	va_list args;

	va_start(args, fmt);
	vsnprintf(fake->told + length, sizeof(fake->told) - length, fmt, args);
	va_end(args);
	length = strlen(fake->told);
	snprintf(fake->told + length, sizeof(fake->told) - length, "; ");
	return strcmp(fake->fails, call) == 0 ? error_set(err, fake->code, "%s failed", call) : 0;
}

static int some_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int runtime_host_enter(
	const struct runtime_host *host, int *ret_state_fd, int *ret_scratch_fd, struct error *err)
{
	*ret_state_fd = *ret_scratch_fd = -1;
	return tell("enter", err, "enter");
}

int launch_run(const struct launch *launch, struct launched *ret, struct error *err)
{
	struct launched launched = {
		.pid = 4711,
		.pidfd = some_fd(),
		.console_fd = fake->has_console ? some_fd() : -1,
		.notify_fd = fake->has_console ? some_fd() : -1,
		.stop_way = STOP_SYSTEMD,
	};
	int r;

	for (size_t i = 0; i < launch_steps_count; i++)
		launch->step(launch_steps[i].name, launch->data);
	r = launch->network ? launch->network(-1, launch->data, err) : 0;
	if (r < 0)
		launch->network_undo(launch->data);
	if (r == 0)
		r = tell("launch", err, "launch %s", launch->argv ? launch->argv[0] : "init");
	if (r == 0)
		r = launch->registered(&launched, launch->data, err);
	if (r == 0)
		*ret = launched;
	return r;
}

int join_run(const struct join *join, struct joined *ret, bool *ret_exec, struct error *err)
{
	int r;

	*ret_exec = fake->exec_failed;
	*ret = (struct joined){
		.pid = 4712, .pidfd = some_fd(), .terminal_fd = -1, .channel_fd = -1
	};
	if (join->terminal)
		ret->terminal_fd = some_fd();
	r = tell("join", err, "join %s as %s", join->argv ? join->argv[0] : "shell",
		join->user ? join->user : "root");
	return r < 0 ? r : join->registered(ret, join->data, err);
}

int join_replace_console(const struct runtime_host *host, const char *name, int init_pidfd,
	int *ret_master_fd, struct error *err)
{
	*ret_master_fd = some_fd();
	return tell("console", err, "console");
}

int cgroup_kill(struct cgroup_tree *tree, const char *name, struct error *err)
{
	return tell("kill", err, "kill");
}

int cgroup_open_file(
	struct cgroup_tree *tree, const char *name, const char *file, int flags, struct error *err)
{
	return fake->cgroup[0] ? open(fake->cgroup, flags | O_CLOEXEC)
			       : error_set(err, ENOENT, "no");
}

int cgroup_remove(struct cgroup_tree *tree, const char *name, struct error *err)
{
	return tell("remove", err, "remove");
}

int cgroup_freeze(struct cgroup_tree *tree, const char *name, bool frozen, struct error *err)
{
	return tell(frozen ? "freeze" : "thaw", err, "%s", frozen ? "freeze" : "thaw");
}

int cgroup_populated(struct cgroup_tree *tree, const char *name, bool *ret, struct error *err)
{
	*ret = fake->alive;
	return 0;
}

int limit_enforceable(struct cgroup_tree *tree, enum limit_id id, const struct limit_values *values,
	struct error *err)
{
	if ((int)id != fake->unsupported)
		return 0;
	return error_refuse(err, ERROR_UNSUPPORTED, "this host cannot");
}

int limit_write_all(struct cgroup_tree *tree, const char *name, unsigned int mask,
	const struct limit_values *values, struct error *err)
{
	return tell(
		"limits", err, "limits %x %ju", mask, (uintmax_t)values->value[LIMIT_MEMORY] >> 20);
}

int usage_read(struct cgroup_tree *tree, const char *name, struct usage *ret, struct error *err)
{
	*ret = (struct usage){ .cpu_total_us = 5 };
	return tell("usage", err, "usage");
}

void usage_add(struct usage *sum, const struct usage *add)
{
	sum->cpu_total_us += add->cpu_total_us;
	sum->pids_hits += add->pids_hits;
}

int job_net_up(struct job_context *context, int netns_fd, struct error *err)
{
	return tell("up", err, "up");
}

void job_net_undo(struct job_context *context)
{
	struct error ignored;

	(void)tell("undo", &ignored, "undo");
}

void job_net_down(struct job_context *context)
{
	struct error ignored;

	(void)tell("down", &ignored, "down");
}

void job_net_count(struct job_context *context, struct job_net_counts *ret)
{
	*ret = (struct job_net_counts){ .traffic.in.bytes = 100, .dropped[FILTER_SPOOFED] = 1 };
}

int job_net_probe(const struct settings *settings, const struct settings *before, struct error *err)
{
	return 0;
}

bool job_net_rows(uint64_t rows)
{
	return rows & 1 << 20;
}

int job_net_change(
	struct job_context *context, int netns_fd, const struct ve_config *from, struct error *err)
{
	return tell("change", err, "change");
}

void job_net_change_back(struct job_context *context, int netns_fd, const struct ve_config *from)
{
	struct error ignored;

	(void)tell("back", &ignored, "back");
}

int layer_open(int state_fd, const char *digest, struct error *err)
{
	return error_set(err, ENOENT, "no layer");
}

int layer_collect(int state_fd, const char *const *used_digests, size_t n_used, struct error *err)
{
	return tell("layers", err, "layers %zu", n_used);
}

int template_remove(int state_fd, const char *name, const char *const *used_digests, size_t n_used,
	struct error *err)
{
	return tell("template", err, "template-remove %s %zu", name, n_used);
}

int template_import(int state_fd, const char *name, int archive_fd, const char *expected_digest,
	bool replace, bool squash_ids, const struct import_bounds *bounds,
	import_progress_fn *progress, void *data, struct template *ret, struct error *err)
{
	static char digest[] = "sha256:feed";
	static char *layers[] = { digest };

	progress(10, 1, data);
	progress(20, 2, data); /* too soon to be told */
	ret->layers = layers;
	ret->n_layers = 1;
	return tell("import", err, "import %s %d%d %ju %ju", name, replace, squash_ids,
		(uintmax_t)bounds->bytes, (uintmax_t)bounds->ratio);
}

void template_done(struct template *t)
{
}
