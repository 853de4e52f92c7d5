/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * guest.c - the child's side of a launch.
 *
 * Until the exec this process is the host's code in the VE's namespaces. It is not dumpable, no
 * other process is there to look at it, and it waits at two points for the job: for the id maps and
 * for the overlay. It ends when the job does.
 */
#include "runtime/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "netns/loopback.h"
#include "runtime/channel.h"
#include "runtime/guest_mount.h"
#include "runtime/mount.h"
#include "runtime/privilege.h"
#include "runtime/process.h"
#include "runtime/pty.h"
#include "runtime/seccomp.h"

#define NO_DOMAIN  "(none)" /* as the kernel begins */
#define GUEST_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What the child has opened on its way; the exec closes it all. */
struct guest_state {
	const struct guest *guest;
	struct guest_mounts mounts;
	int root_fd;
	int console_fd, slave_fd;
};

static int expect(const struct guest *guest, enum channel_kind kind, int *ret_fd, struct error *err)
{
	struct channel_message message;

	return channel_expect(guest->channel_fd, kind, &message, ret_fd, err);
}

/* Before the overlay is there. The cgroup namespace comes after the process stands in its place in
 * every hierarchy, or its root would be the host's (FACTS). */
static int set_up_process(struct guest_state *state, struct error *err)
{
	const struct guest *guest = state->guest;
	int r = expect(guest, CHANNEL_MAPPED, NULL, err);

	if (r == 0)
		r = process_become_root(err);
	if (r < 0)
		return r;
	r = cgroup_join_v1(guest->cgroup);
	if (r < 0)
		return error_set(err, -r, "cannot enter the VE's v1 cgroups");
	if (unshare(CLONE_NEWCGROUP) < 0)
		return error_sys(err, "cannot create a cgroup namespace");
	/* A new UTS namespace begins as a copy: the host's NIS domain is nobody's business either.
	 */
	if (sethostname(guest->hostname, strlen(guest->hostname)) < 0 ||
		setdomainname(NO_DOMAIN, strlen(NO_DOMAIN)) < 0)
		return error_sys(err, "cannot set the host name");
	return loopback_up(err);
}

static int attach_root(struct guest_state *state, struct error *err)
{
	cleanup_close int scratch_fd = -1;
	int r = expect(state->guest, CHANNEL_ROOT, &state->root_fd, err);

	if (r < 0)
		return r;
	scratch_fd = file_open_dir(AT_FDCWD, "/scratch", err);
	if (scratch_fd < 0)
		return scratch_fd;
	return mount_attach(state->root_fd, scratch_fd, "/scratch", err);
}

static int write_text(int dir_fd, const char *name, const char *text, struct error *err)
{
	cleanup_close int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return error_sys(err, "cannot make /run/host/%s", name);
	return file_write_all(fd, text, strlen(text), err);
}

/* Bound by a relative name, so that no path of the VE is walked. The socket was made in the host's
 * network namespace: held by the keeper, it does not keep the VE's alive. */
static int bind_notify(int host_fd, int notify_fd, struct error *err)
{
	static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "notify" };

	if (fchdir(host_fd) < 0)
		return error_sys(err, "cannot enter /run/host");
	if (bind(notify_fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, "cannot bind /run/host/notify");
	return 0;
}

static int make_run_host(struct guest_state *state, struct error *err)
{
	const struct guest *guest = state->guest;
	char uuid[UUID_TEXT + 1];
	cleanup_close int host_fd = -1;
	int r;

	if (mkdirat(state->mounts.fds[MOUNT_RUN], "host", 0755) < 0)
		return error_sys(err, "cannot make /run/host");
	host_fd = file_open_dir(state->mounts.fds[MOUNT_RUN], "host", err);
	if (host_fd < 0)
		return host_fd;
	snprintf(uuid, sizeof(uuid), "%s\n", guest->config->uuid);
	r = write_text(host_fd, "container-manager", "vessel\n", err);
	if (r == 0)
		r = write_text(host_fd, "container-uuid", uuid, err);
	if (r == 0 && guest->notify_fd >= 0)
		r = bind_notify(host_fd, guest->notify_fd, err);
	return r;
}

static int make_console(struct guest_state *state, struct error *err)
{
	cleanup_close int target_fd = -1;
	int r;

	if (state->guest->argv)
		return 0;
	r = pty_open(state->mounts.fds[MOUNT_PTS], &state->console_fd, &state->slave_fd, err);
	if (r < 0)
		return r;
	target_fd = openat(state->mounts.fds[MOUNT_DEV], "console",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target_fd < 0)
		return error_sys(err, "cannot make /dev/console");
	return pty_place(state->slave_fd, target_fd, err);
}

/* All that can be made without the VE's root. */
static int prepare_mounts(struct guest_state *state, struct error *err)
{
	int r = guest_mount_prepare(&state->mounts, err);

	/* ping for every group of the VE; a guest's own wider range the kernel refuses. Through the
	 * procfs just made, not through a path (P06). */
	if (r == 0)
		r = file_write_control(state->mounts.fds[MOUNT_PROC],
			"sys/net/ipv4/ping_group_range", "0 65535", err);
	return r < 0 ? r : make_run_host(state, err);
}

static int set_up_root(struct guest_state *state, struct error *err)
{
	int r = guest_mount_attach(state->root_fd, &state->mounts, err);

	if (r == 0)
		r = make_console(state, err);
	return r < 0 ? r : mount_become_root(state->root_fd, err);
}

/* Tells the job, hands the console over, and waits for its word. */
static int report_and_wait(struct guest_state *state, struct error *err)
{
	struct channel_message message = { .kind = CHANNEL_READY };
	int r = channel_send(state->guest->channel_fd, &message, state->console_fd);

	if (r < 0)
		return error_set(err, -r, "cannot talk to the job");
	close_fd(&state->console_fd);
	return expect(state->guest, CHANNEL_GO, NULL, err);
}

/* The console is init's stdio but not its controlling terminal, as the kernel does it: the shell
 * that init starts there could not take it, and would have no job control. */
static int take_stdio(struct guest_state *state, struct error *err)
{
	const int console_fds[3] = { state->slave_fd, state->slave_fd, state->slave_fd };

	if (setsid() < 0)
		return error_sys(err, "cannot start a session");
	return process_set_stdio(state->guest->argv ? state->guest->stdio_fds : console_fds, err);
}

static int execute(const struct guest *guest, struct error *err)
{
	char uuid[UUID_TEXT + sizeof("container_uuid=")];
	char *init_argv[] = { guest->config->settings.init, NULL };
	char *const *argv = guest->argv ? guest->argv : init_argv;
	/* Without a console there is no TERM, and nobody to notify: the last two stay out. */
	const char *env[] = { "container=vessel", uuid, GUEST_PATH, "HOME=/root",
		guest->argv ? NULL : "TERM=linux", "NOTIFY_SOCKET=/run/host/notify", NULL };

	snprintf(uuid, sizeof(uuid), "container_uuid=%s", guest->config->uuid);
	return process_exec(argv[0], argv, (char *const *)env, err);
}

static int become_init(struct guest_state *state, struct error *err)
{
	const struct guest *guest = state->guest;
	int r = report_and_wait(state, err);

	if (r == 0)
		r = take_stdio(state, err);
	if (r == 0)
		r = privilege_drop(err);
	if (r == 0)
		r = process_reset(err);
	if (r < 0)
		return r;
	r = seccomp_program_load(guest->seccomp);
	if (r < 0)
		return error_set(err, -r, "cannot load the system call filter");
	return execute(guest, err);
}

_Noreturn void guest_run(const struct guest *guest)
{
	static int (*const steps[])(struct guest_state *, struct error *) = {
		set_up_process,
		prepare_mounts,
		attach_root,
		set_up_root,
		become_init,
	};
	struct channel_message message = { .kind = CHANNEL_ERROR };
	struct guest_state state = {
		.guest = guest,
		.mounts = { .profile = (enum profile)guest->config->settings.profile,
			.ptys = guest->config->settings.ptys },
		.root_fd = -1,
		.console_fd = -1,
		.slave_fd = -1,
	};
	int r = 0;

	(void)close(guest->job_channel_fd); /* or its end of file would never come */
	umask(022);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
		r = steps[i](&state, &message.error);
	(void)channel_send(guest->channel_fd, &message, -1); /* the job may be gone */
	_exit(1);
}
