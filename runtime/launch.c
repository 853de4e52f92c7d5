/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * launch.c - the job's side of a launch: a table of steps, walked forward, and backward from the
 * step that failed. Only three of them leave something behind that does not die with the job.
 */
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/inside.h"
#include "base/parse.h"
#include "cgroup/group.h"
#include "runtime/channel.h"
#include "runtime/guest.h"
#include "runtime/identity.h"
#include "runtime/privilege.h"
#include "runtime/process.h"
#include "runtime/stop_way.h"
#include "runtime/ve_net.h"
#include "template/overlay.h"
#include "template/template.h"

#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

struct start {
	const struct launch *launch;
	struct launched launched;
	struct cgroup_join cgroup;
	int channel_fd, guest_channel_fd;
	int overlay_fd;
};

static const char *start_hostname(const struct start *start)
{
	const char *hostname = start->launch->config->settings.hostname;

	return hostname ? hostname : start->launch->name;
}

static int step_cgroup(void *data, struct error *err)
{
	struct start *start = data;
	const struct launch *launch = start->launch;

	return cgroup_create(launch->host->tree, launch->name, launch->config->first_id, err);
}

/* Not cgroup_kill: what lives there is not ours if the step before failed on it. */
static void undo_cgroup(void *data)
{
	struct start *start = data;
	struct error ignored = { 0 };

	(void)cgroup_remove(start->launch->host->tree, start->launch->name, &ignored);
}

static bool limit_asked(const struct settings *settings, int id)
{
	for (size_t i = 0; i < settings_count; i++)
		if (settings_table[i].limit == id)
			return settings->asked & (UINT64_C(1) << i);
	return false;
}

/* A default that this host cannot enforce stays unset; what was asked for is refused. */
static int step_limits(void *data, struct error *err)
{
	struct start *start = data;
	const struct launch *launch = start->launch;
	const struct settings *settings = &launch->config->settings;
	unsigned int mask = 0;

	for (int id = 0; id < LIMITS; id++) {
		struct error reason = { 0 };

		if (limit_enforceable(
			    launch->host->tree, (enum limit_id)id, &settings->limits, &reason) == 0)
			mask |= 1U << id;
		else if (limit_asked(settings, id) && settings->limits.value[id] != PARSE_NONE) {
			*err = reason;
			return -err->code;
		}
	}
	return limit_write_all(launch->host->tree, launch->name, mask, &settings->limits, err);
}

static int step_sockets(void *data, struct error *err)
{
	struct start *start = data;
	int fds[2];
	int r = channel_open(fds, err);

	if (r < 0)
		return r;
	start->channel_fd = fds[0];
	start->guest_channel_fd = fds[1];
	if (start->launch->argv)
		return 0;
	start->launched.notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (start->launched.notify_fd < 0)
		return error_sys(err, "cannot create the notify socket");
	return 0;
}

static struct guest start_guest(const struct start *start)
{
	const struct launch *launch = start->launch;

	return (struct guest){
		.channel_fd = start->guest_channel_fd,
		.job_channel_fd = start->channel_fd,
		.cgroup = &start->cgroup,
		.config = launch->config,
		.hostname = start_hostname(start),
		.seccomp = launch->host->seccomp,
		.argv = launch->argv,
		.stdio_fds = { launch->stdio_fds[0], launch->stdio_fds[1], launch->stdio_fds[2] },
		.notify_fd = start->launched.notify_fd,
	};
}

/* The user namespace is created as the VE's own id: the kernel charges inotify instances and the
 * like to the creator, so VEs made by one id would share one allowance (FACTS). */
static int step_clone(void *data, struct error *err)
{
	struct start *start = data;
	const struct launch *launch = start->launch;
	const uid_t base = launch->config->first_id;
	struct error reason = { 0 };
	int r = privilege_set_ceiling(launch->host->proc_fd, err);

	if (r == 0)
		r = cgroup_open_init(launch->host->tree, launch->name, &start->cgroup, err);
	if (r == 0)
		r = privilege_set_creator(base, base, err);
	if (r < 0)
		return r;
	start->launched.pid =
		process_clone(NAMESPACES, start->cgroup.v2_fd, &start->launched.pidfd, err);
	if (start->launched.pid == 0) {
		struct guest guest = start_guest(start);

		guest_run(&guest);
	}
	close_fd(&start->guest_channel_fd);
	cgroup_join_done(&start->cgroup);
	r = privilege_set_creator(0, 0, &reason);
	if (start->launched.pid < 0)
		return start->launched.pid;
	if (r < 0)
		*err = reason;
	return r;
}

static void undo_clone(void *data)
{
	struct start *start = data;
	process_end(start->launched.pidfd);
	close_fd(&start->launched.pidfd);
}

static int write_map(const struct start *start, const char *file, struct error *err)
{
	char name[32]; /* a pid and "/uid_map" */
	char map[48];  /* three numbers of at most 10 digits */

	snprintf(name, sizeof(name), "%d/%s", (int)start->launched.pid, file);
	snprintf(map, sizeof(map), "0 %u %d\n", (unsigned int)start->launch->config->first_id,
		VE_IDS);
	return file_write_control(start->launch->host->proc_fd, name, map, err);
}

static int tell(const struct start *start, enum channel_kind kind, int fd, struct error *err)
{
	struct channel_message message = { .kind = kind };
	int r = channel_send(start->channel_fd, &message, fd);

	/* A child that gave up has said why before. */
	if (r == -EPIPE || r == -ECONNRESET)
		return channel_expect(start->channel_fd, CHANNEL_READY, &message, NULL, err);
	return r < 0 ? error_set(err, -r, "cannot talk to the process being set up") : 0;
}

static int step_map(void *data, struct error *err)
{
	struct start *start = data;
	int r = write_map(start, "uid_map", err);

	if (r == 0)
		r = write_map(start, "gid_map", err);
	return r < 0 ? r : tell(start, CHANNEL_MAPPED, -1, err);
}

static int step_network(void *data, struct error *err)
{
	const struct start *start = data;
	const struct launch *launch = start->launch;
	char name[32]; /* a pid and "/ns/net" */
	cleanup_close int netns_fd = -1;

	if (!launch->network)
		return 0;
	snprintf(name, sizeof(name), "%d/ns/net", (int)start->launched.pid);
	netns_fd = openat(launch->host->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (netns_fd < 0)
		return error_sys(err, "cannot open the VE's network namespace");
	return launch->network(netns_fd, launch->data, err);
}

static void undo_network(void *data)
{
	const struct launch *launch = ((struct start *)data)->launch;

	if (launch->network)
		launch->network_undo(launch->data);
}

static void close_layers(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close_fd(&fds[i]);
}

static int open_layers(const struct launch *launch, int *fds, size_t *ret_n, struct error *err)
{
	const struct ve_config *config = launch->config;

	if (config->n_layers == 0 || config->n_layers > TEMPLATE_LAYERS_MAX)
		return error_set(err, EINVAL, "a VE has 1 to %d layers, not %zu",
			TEMPLATE_LAYERS_MAX, config->n_layers);
	for (size_t i = 0; i < config->n_layers; i++) {
		fds[i] = layer_open(launch->state_fd, config->layers[i], err);
		if (fds[i] < 0) {
			int r = fds[i];

			close_layers(fds, i);
			return r;
		}
	}
	*ret_n = config->n_layers;
	return 0;
}

static int open_disk(const struct launch *launch, struct error *err)
{
	char name[NAME_LENGTH + sizeof("ve//disk")];

	snprintf(name, sizeof(name), "ve/%s/disk", launch->name);
	return file_open_dir(launch->state_fd, name, err);
}

static int mount_root(struct start *start, const int *layer_fds, size_t n_layers, struct error *err)
{
	const struct launch *launch = start->launch;
	char name[32]; /* a pid and "/ns/user" */
	cleanup_close int disk_fd = open_disk(launch, err);
	cleanup_close int userns_fd = -1;
	struct overlay overlay;

	if (disk_fd < 0)
		return disk_fd;
	snprintf(name, sizeof(name), "%d/ns/user", (int)start->launched.pid);
	userns_fd = openat(launch->host->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (userns_fd < 0)
		return error_sys(err, "cannot open the VE's user namespace");
	overlay = (struct overlay){
		.layer_fds = layer_fds,
		.n_layers = n_layers,
		.disk_fd = disk_fd,
		.userns_fd = userns_fd,
		.base = launch->config->first_id,
		.scratch_fd = launch->scratch_fd,
		.options = launch->config->overlay ? launch->config->overlay : OVERLAY_OPTIONS,
	};
	start->overlay_fd = overlay_mount(&overlay, err);
	return start->overlay_fd < 0 ? start->overlay_fd : 0;
}

static int step_overlay(void *data, struct error *err)
{
	struct start *start = data;
	int layer_fds[TEMPLATE_LAYERS_MAX];
	size_t n_layers = 0;
	int r = open_layers(start->launch, layer_fds, &n_layers, err);

	if (r < 0)
		return r;
	r = mount_root(start, layer_fds, n_layers, err);
	close_layers(layer_fds, n_layers);
	return r;
}

static struct identity start_identity(const struct start *start)
{
	const struct ve_config *config = start->launch->config;
	const struct settings *settings = &config->settings;
	bool has_link = ve_net_wanted(settings);

	return (struct identity){
		.hostname = start_hostname(start),
		.uuid = config->uuid,
		.ips = has_link ? settings->ips : NULL,
		.n_ips = has_link ? settings->n_ips : 0,
	};
}

/* Whether what the VE has of a file, if anything, is its template's: nobody in it has written it.
 */
static bool is_of_template(const struct launch *launch, const char *path)
{
	struct error reason = { 0 };
	cleanup_close int disk_fd = open_disk(launch, &reason);
	cleanup_close int upper_fd = disk_fd < 0 ? -1 : file_open_dir(disk_fd, "upper", &reason);
	cleanup_close int fd = -1;

	if (upper_fd < 0)
		return false;
	fd = inside_open(upper_fd, path, O_PATH | O_NOFOLLOW, 0, &reason);
	return fd == -ENOENT;
}

static bool setting_asked(const struct settings *settings, const char *name)
{
	return settings->asked & (UINT64_C(1) << setting_index(setting_find(name)));
}

/* The text for the guest's resolv.conf; NULL: none. */
static char *start_resolv(const struct launch *launch, bool asked)
{
	const struct settings *settings = &launch->config->settings;
	const struct resolvers *resolvers = launch->resolvers;

	if (!asked && !ve_net_wanted(settings))
		return NULL; /* nobody could be asked */
	if (settings->n_dns > 0)
		return resolver_text(
			settings->dns, settings->n_dns, settings->search, settings->n_search);
	if (!settings->dns_host || !resolvers || resolvers->n == 0)
		return NULL;
	return resolver_text(resolvers->ips, resolvers->n, settings->search, settings->n_search);
}

/* Looks and writes with the VE's ids: new files are its root's, and nothing that its root may not
 * do is done for it. */
static int step_identity(void *data, struct error *err)
{
	struct start *start = data;
	const struct launch *launch = start->launch;
	const struct ve_config *config = launch->config;
	const struct identity identity = start_identity(start);
	bool asked = setting_asked(&config->settings, "dns") ||
		     setting_asked(&config->settings, "search");
	cleanup_free char *resolv = start_resolv(launch, asked);
	bool replace = asked || (resolv && is_of_template(launch, RESOLVER_PATH));
	struct error reason = { 0 };
	int r = privilege_set_file_ids(config->first_id, config->first_id, err);

	if (r == 0 && !launch->argv)
		r = stop_way_find(start->overlay_fd, config->settings.init, launch->host->proc_fd,
			&start->launched.stop_way, err);
	if (r == 0)
		r = identity_write(start->overlay_fd, &identity, err);
	if (r == 0 && resolv)
		resolver_write(start->overlay_fd, resolv, replace);
	if (privilege_set_file_ids(0, 0, &reason) < 0 && r == 0) {
		*err = reason;
		r = -err->code;
	}
	return r;
}

static int step_guest(void *data, struct error *err)
{
	struct start *start = data;
	struct channel_message message;
	int r = tell(start, CHANNEL_ROOT, start->overlay_fd, err);

	close_fd(&start->overlay_fd);
	if (r < 0)
		return r;
	return channel_expect(
		start->channel_fd, CHANNEL_READY, &message, &start->launched.console_fd, err);
}

static int step_register(void *data, struct error *err)
{
	struct start *start = data;
	return start->launch->registered(&start->launched, start->launch->data, err);
}

/* End of file is the exec's doing: the channel is close-on-exec. */
static int step_go(void *data, struct error *err)
{
	struct start *start = data;
	struct channel_message message;
	int fd = -1;
	int r = tell(start, CHANNEL_GO, -1, err);

	if (r < 0)
		return r;
	r = channel_receive(start->channel_fd, &message, &fd);
	close_fd(&fd);
	if (r < 0)
		return error_set(err, -r, "cannot talk to the process being set up");
	if (r == 0)
		return 0;
	*err = message.error;
	return err->code ? -err->code : error_set(err, EPROTO, "an error without a code");
}

const struct step launch_steps[] = {
	/* clang-format off */
	{ "cgroup",   step_cgroup,   undo_cgroup },
	{ "limits",   step_limits,   NULL },
	{ "sockets",  step_sockets,  NULL },
	{ "clone",    step_clone,    undo_clone },
	{ "map",      step_map,      NULL },
	{ "network",  step_network,  undo_network },
	{ "overlay",  step_overlay,  NULL },
	{ "identity", step_identity, NULL },
	{ "guest",    step_guest,    NULL },
	{ "register", step_register, NULL },
	{ "go",       step_go,       NULL },
	/* clang-format on */
};
const size_t launch_steps_count = ARRAY_SIZE(launch_steps);

static void before_step(const char *name, void *data)
{
	const struct launch *launch = ((struct start *)data)->launch;

	if (launch->step)
		launch->step(name, launch->data);
}

int launch_run(const struct launch *launch, struct launched *ret, struct error *err)
{
	struct start start = {
		.launch = launch,
		.launched = { .pidfd = -1, .console_fd = -1, .notify_fd = -1 },
		.cgroup = { .v2_fd = -1 },
		.channel_fd = -1,
		.guest_channel_fd = -1,
		.overlay_fd = -1,
	};
	int r;

	if (!name_valid(launch->name))
		return error_set(err, EINVAL, "not a name of a VE");
	r = step_walk(launch_steps, launch_steps_count, before_step, &start, err);
	cgroup_join_done(&start.cgroup);
	close_fd(&start.channel_fd);
	close_fd(&start.guest_channel_fd);
	close_fd(&start.overlay_fd);
	if (r < 0) {
		close_fd(&start.launched.pidfd);
		close_fd(&start.launched.console_fd);
		close_fd(&start.launched.notify_fd);
		return r;
	}
	*ret = start.launched;
	return 0;
}
