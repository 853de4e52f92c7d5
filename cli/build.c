/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * build.c - a template made by the caller and imported while it is made.
 *
 * The import must never take half an archive for a whole one, and a tar that was cut between two
 * entries looks whole. So the archive goes over a socket in whose other direction one byte lies
 * unread: closing our end then gives the reader ECONNRESET after the last data (unix(7); the kernel
 * does so when the closing end has not read all), which fails the import. That is what happens
 * whenever mmdebstrap fails, the caller dies, or both are killed. Only when the archive is complete
 * the byte is taken back, and closing becomes a plain end of file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/busybox.h"
#include "cli/client.h"

/* $1 is the suite, $2 the packages, the rest options of mmdebstrap. The host's own sources of this
 * suite are used where it has them, mmdebstrap's defaults otherwise; apt's proxy in both cases.
 * `init` is the package that every suite satisfies with one of its inits. */
static const char build_script[] =
	"suite=$1 include=$2\n"
	"shift 2\n"
	"command -v mmdebstrap >/dev/null || exit 127\n"
	"proxy=\n"
	"eval \"$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null)\"\n"
	"[ -z \"$proxy\" ] || [ -n \"$http_proxy\" ] || export http_proxy=\"$proxy\"\n"
	"sources=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI) $(COMPONENT)' \\\n"
	"	'Created-By: Packages' 2>/dev/null |\n"
	"	while read -r release uri component; do\n"
	"		case $release in\n"
	"		\"$suite\" | \"$suite-updates\" | \"$suite-security\")\n"
	"			echo \"deb $uri $release $component\" ;;\n"
	"		esac\n"
	"	done)\n"
	"set -- \"$@\" --variant=apt --format=tar --include=\"$include\" -- \"$suite\" -\n"
	"[ -z \"$sources\" ] || set -- \"$@\" -\n"
	"exec mmdebstrap \"$@\" <<END\n$sources\nEND\n";

#define INCLUDE_ALWAYS  "init"
#define INCLUDE_DEFAULT "dbus,udev,libpam-systemd"
#define STATUS_MISSING  127

struct build {
	struct vessel *vessel;
	int archive_fd; /* our end of the socket */
	pid_t pid;      /* of what writes it; 0: nobody */
	int pid_fd;
	vessel_reply_fn *reply;
	void *data;
	struct vessel_error *err;
};

static int spawn_mmdebstrap(
	struct build *build, const char *suite, const char *include, struct vessel_error *err)
{
	const char *quiet = isatty(STDERR_FILENO) ? NULL : "--quiet";
	const char *const argv[] = { "sh", "-c", build_script, "vessel", suite, include, quiet,
		NULL };
	posix_spawn_file_actions_t actions;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, build->archive_fd, STDOUT_FILENO);
	r = posix_spawn(&build->pid, "/bin/sh", &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r == 0)
		build->pid_fd = pidfd_open(build->pid, 0);
	if (r == 0 && build->pid_fd >= 0)
		return 0;
	errno = r ? r : errno;
	return -(int)client_sys(err, "cannot run mmdebstrap");
}

/* The stream is whole: from here on closing it is a plain end. */
static void stream_finish(struct build *build)
{
	char byte;

	(void)recv(build->archive_fd, &byte, 1, MSG_DONTWAIT); /* ours, there since stream_open() */
	close_fd(&build->archive_fd);
}

/* Returns the end that the daemon reads. */
static int stream_open(struct build *build, struct vessel_error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -(int)client_sys(err, "cannot make a socket");
	build->archive_fd = pair[0];
	if (send(pair[1], "", 1, MSG_NOSIGNAL) == 1)
		return pair[1];
	client_sys(err, "cannot write to a socket");
	(void)close(pair[1]); /* nothing is in it */
	return -1;
}

static char *make_parameters(const char *name, int replace)
{
	cleanup_json struct json *object = json_new_object();
	char *text = NULL;

	json_set_string(object, "name", name);
	json_set_int(object, "archive", 0);
	json_set_bool(object, "replace", replace);
	return object && json_print(object, false, &text) == 0 ? text : NULL;
}

static enum vessel_result import_begin(struct build *build, const char *name, int replace)
{
	cleanup_free char *parameters = make_parameters(name, replace);
	cleanup_close int read_fd = -1;

	if (!parameters)
		return client_fail(build->err, VESSEL_FAILED, "out of memory");
	read_fd = stream_open(build, build->err);
	if (read_fd < 0)
		return build->err->result;
	return vessel_send(build->vessel, "TemplateImport", parameters, &read_fd, 1, 1, build->err);
}

static enum vessel_result import_end(struct build *build)
{
	enum vessel_result result = VESSEL_OK;
	int done = 0;

	while (result == VESSEL_OK && !done)
		result =
			vessel_receive(build->vessel, build->reply, build->data, &done, build->err);
	return result;
}

/* All children of the script hold the stream too, so it breaks when the last of them has gone. */
static int reap(struct build *build)
{
	int status = 0;

	if (build->pid == 0)
		return 0;
	while (waitpid(build->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	build->pid = 0;
	close_fd(&build->pid_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The daemon's refusal is the answer; what mmdebstrap says about its lost output is not. */
static enum vessel_result give_up(struct build *build, enum vessel_result result)
{
	close_fd(&build->archive_fd);
	if (build->pid > 0)
		(void)kill(build->pid, SIGTERM); /* not reaped yet: the number is still its own */
	(void)reap(build);
	return result;
}

static enum vessel_result build_failed(struct build *build, const char *name, int status)
{
	struct vessel_error ignored = { 0 };
	struct build wait_build = *build;

	close_fd(&build->archive_fd);
	wait_build.reply = NULL;
	wait_build.err = &ignored;
	(void)import_end(&wait_build); /* it fails, and has cleaned up when it says so */
	if (status == STATUS_MISSING)
		return client_fail(build->err, VESSEL_UNSUPPORTED,
			"cannot build template %s: this host has no mmdebstrap "
			"(apt install mmdebstrap)",
			name);
	return client_fail(build->err, VESSEL_FAILED,
		"cannot build template %s: mmdebstrap failed with status %d", name, status);
}

/* Waits for the builder, and meanwhile for a refusal. */
static enum vessel_result watch_builder(struct build *build, const char *name)
{
	struct pollfd fds[2] = {
		{ .fd = build->pid_fd, .events = POLLIN },
		{ .fd = vessel_fd(build->vessel), .events = POLLIN },
	};
	enum vessel_result result;
	int done = 0;
	int status;

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[0].revents)
			break;
		result =
			vessel_receive(build->vessel, build->reply, build->data, &done, build->err);
		if (result != VESSEL_OK || done)
			return give_up(build, result);
	}
	status = reap(build);
	if (status != 0)
		return build_failed(build, name, status);
	stream_finish(build);
	return import_end(build);
}

static enum vessel_result build_debian(
	struct build *build, const char *name, const char *suite, const char *include, int replace)
{
	cleanup_text struct text packages;
	enum vessel_result result;

	text_init(&packages);
	text_format(&packages, INCLUDE_ALWAYS ",%s", include ? include : INCLUDE_DEFAULT);
	result = import_begin(build, name, replace);
	if (result != VESSEL_OK)
		return give_up(build, result);
	if (spawn_mmdebstrap(build, suite, packages.data, build->err) < 0)
		return give_up(build, build->err->result);
	return watch_builder(build, name);
}

static enum vessel_result build_busybox(struct build *build, const char *name, int replace)
{
	cleanup_text struct text archive;
	struct error inner = { 0 };
	enum vessel_result result;
	size_t sent = 0;

	text_init(&archive);
	if (busybox_build(&archive, &inner) < 0) {
		error_wrap(&inner, "cannot build template %s", name);
		return client_error(build->err, &inner);
	}
	result = import_begin(build, name, replace);
	while (result == VESSEL_OK && sent < archive.length) {
		ssize_t n = send(build->archive_fd, archive.data + sent, archive.length - sent,
			MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* nobody reads any more: the answer says why */
		sent += (size_t)n;
	}
	if (result != VESSEL_OK || sent < archive.length)
		close_fd(&build->archive_fd);
	else
		stream_finish(build);
	return result == VESSEL_OK ? import_end(build) : result;
}

enum vessel_result vessel_template_build(struct vessel *vessel, const char *name, const char *suite,
	const char *include, int replace, vessel_reply_fn *reply, void *data,
	struct vessel_error *err)
{
	struct build build = {
		.vessel = vessel,
		.archive_fd = -1,
		.pid_fd = -1,
		.reply = reply,
		.data = data,
		.err = err,
	};

	return suite ? build_debian(&build, name, suite, include, replace)
		     : build_busybox(&build, name, replace);
}
