/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inside_run.c - one of the guest's own tools, run in a running VE for an operation.
 *
 * The manager is its own client here: it sends an exec job and reads the status socket.
 */
#include "inside_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/socket.h"
#include "daemon/job_list.h"
#include "daemon/manager_data.h"
#include "daemon/operation.h"
#include "daemon/ve_table.h"

#define STATUS_MAX     1024
#define STATUS_SIGNAL  128
#define STATUS_FAILURE 125

struct inside {
	struct operation *op;
	struct loop_source *source;
	int fd;
};

void inside_free(struct inside *inside)
{
	if (!inside)
		return;
	loop_remove(inside->source);
	close_fd(&inside->fd);
	free(inside);
}

/* "exited N", "signaled N", "failed STATUS TEXT"; -1 for what is not an end. */
static int end_of(const char *text)
{
	int n = STATUS_FAILURE;

	if (sscanf(text, "exited %d", &n) == 1 || sscanf(text, "failed %d", &n) == 1)
		return n;
	if (sscanf(text, "signaled %d", &n) == 1)
		return STATUS_SIGNAL + n;
	return -1;
}

static int on_status(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct inside *inside = data;
	struct operation *op = inside->op;
	char text[STATUS_MAX + 1];
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n = socket_receive(fd, text, STATUS_MAX, fds, &n_fds);
	int status = STATUS_FAILURE;

	if (n == -EAGAIN)
		return 0;
	while (n_fds > 0)
		close_fd(&fds[--n_fds]);
	if (n > 0) {
		text[n] = '\0';
		status = end_of(text);
		if (status < 0)
			return 0;
	}
	op->inside = NULL;
	inside_free(inside);
	operation_inside_ended(op, status);
	return 0;
}

int inside_input(const char *text, struct error *err)
{
	cleanup_close int writing_fd = -1;
	cleanup_close int reading_fd = -1;
	int pair[2];
	int r;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_sys(err, "cannot make a pipe");
	reading_fd = pair[0];
	writing_fd = pair[1];
	if (fcntl(writing_fd, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(err, "cannot make a pipe");
	r = text ? file_write_all(writing_fd, text, strlen(text), err) : 0;
	return r < 0 ? r : take_fd(&reading_fd);
}

static struct json *spec_of(const char *const *argv)
{
	struct json *spec = json_new_object();
	struct json *list = json_set_array(spec, "argv");

	for (size_t i = 0; argv[i]; i++)
		json_append_string(list, argv[i]);
	json_set_string(spec, "cwd", "/");
	return spec;
}

static int send_job(struct operation *op, const char *const *argv, int status_fd, int input_fd,
	struct error *err)
{
	cleanup_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[] = { op->ve->pidfd, status_fd, input_fd, null_fd, null_fd };
	struct job_order order = {
		.operation = "exec",
		.name = op->ve->name,
		.fds = fds,
		.n_fds = ARRAY_SIZE(fds),
		.session = true,
	};

	if (null_fd < 0)
		return error_sys(err, "cannot open /dev/null");
	order.spec = spec_of(argv);
	json_set(order.spec, "config", config_to_json(&op->ve->config));
	return job_list_run(op->manager->jobs, &order, NULL, err);
}

int inside_run(struct operation *op, const char *const *argv, const char *input, struct error *err)
{
	cleanup_close int input_fd = inside_input(input, err);
	cleanup_close int status_fd = -1;
	struct inside *inside;
	int pair[2];
	int r;

	if (input_fd < 0)
		return input_fd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return error_sys(err, "cannot make a socket pair");
	status_fd = pair[1];
	inside = calloc(1, sizeof(*inside));
	if (!inside) {
		close(pair[0]);
		return error_memory(err);
	}
	*inside = (struct inside){ .op = op, .fd = pair[0] };
	r = loop_add_io(
		op->manager->loop, inside->fd, EPOLLIN, on_status, inside, &inside->source, err);
	if (r == 0)
		r = send_job(op, argv, status_fd, input_fd, err);
	if (r < 0) {
		inside_free(inside);
		return r;
	}
	inside_free(op->inside);
	op->inside = inside;
	return 0;
}
