/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_link.c - one manager at a time; the newest wins.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/socket.h"
#include "daemon/console.h"
#include "daemon/keeper.h"
#include "daemon/protocol.h"

typedef void manager_fn(
	struct keeper *keeper, const struct message *message, int *fds, size_t n_fds);

static void hang_up(struct keeper *keeper)
{
	loop_remove(keeper->manager_source);
	keeper->manager_source = NULL;
	close_fd(&keeper->manager_fd);
}

static ssize_t send_message(struct keeper *keeper, struct message *message, uint32_t type, int fd)
{
	message->version = PROTOCOL_VERSION;
	message->type = type;
	return socket_send(keeper->manager_fd, message, sizeof(*message), &fd,
		type == KEEPER_VE && fd >= 0 ? 1 : 0);
}

/* 0 when all is told. */
static ssize_t send_untold(struct keeper *keeper)
{
	struct message synced = { .status = keeper->by_hand };
	enum message_type type = KEEPER_SYNCED;
	struct fact *fact;

	while ((fact = table_next(&keeper->table, &type))) {
		ssize_t n = send_message(keeper, &fact->message, type, fact->fd);

		if (n < 0)
			return n;
		table_told(&keeper->table, fact, type);
	}
	if (!keeper->synced) {
		ssize_t n = send_message(keeper, &synced, KEEPER_SYNCED, -1);

		if (n < 0)
			return n;
		keeper->synced = true;
	}
	return 0;
}

void keeper_tell(struct keeper *keeper)
{
	struct error err;
	ssize_t r;

	if (keeper->manager_fd < 0)
		return;
	r = send_untold(keeper);
	if (r < 0 && r != -EAGAIN) {
		hang_up(keeper);
		return;
	}
	if (keeper->waiting != (r == -EAGAIN) &&
		loop_change_io(
			keeper->manager_source, EPOLLIN | (r == -EAGAIN ? EPOLLOUT : 0), &err) == 0)
		keeper->waiting = r == -EAGAIN;
}

static void do_job(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	keeper_start_job(keeper, message, fds, n_fds);
}

static void do_cancel(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	struct keeper_job *job = table_find_job(&keeper->table, message->id);

	if (job && job->pid)
		(void)kill(job->pid, SIGKILL); /* our child, not reaped yet */
}

static void do_watch(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	struct error err;

	if (message->name[0] &&
		consoles_watch(keeper->consoles, message->name, take_fd(fds), &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: console: %s", message->name, err.text);
}

/* By pid and uuid too where they are given: a VE may have ended twice meanwhile. */
static bool same_end(const struct message *known, const struct message *asked)
{
	return known->ended && strcmp(known->name, asked->name) == 0 &&
	       (!asked->pid || known->pid == asked->pid) &&
	       (!asked->uuid[0] || strcmp(known->uuid, asked->uuid) == 0);
}

static void do_forget_ve(
	struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	struct keeper_ve *next;

	for (struct keeper_ve *ve = TAILQ_FIRST(&keeper->table.ves); ve; ve = next) {
		next = TAILQ_NEXT(ve, link);
		if (same_end(&ve->fact.message, message))
			table_remove_ve(&keeper->table, ve);
	}
}

static void do_forget_job(
	struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	struct keeper_job *job = table_find_job(&keeper->table, message->id);

	if (job && !job->pid)
		table_remove_job(&keeper->table, job);
}

static void do_adopt(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	struct error err;

	if (keeper_register(keeper, 0, message, fds, 1, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: cannot adopt: %s", message->name, err.text);
}

static void do_rename(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	if (message->name[0] && message->new_name[0])
		consoles_rename(keeper->consoles, message->name, message->new_name);
}

static void do_quit(struct keeper *keeper, const struct message *message, int *fds, size_t n_fds)
{
	keeper_quit(keeper);
}

/* clang-format off */
static const struct {
	enum message_type type;
	size_t min_fds;
	manager_fn *fn;
} rows[] = {
	{ MANAGER_JOB,        1, do_job },
	{ MANAGER_CANCEL,     0, do_cancel },
	{ MANAGER_WATCH,      1, do_watch },
	{ MANAGER_FORGET_VE,  0, do_forget_ve },
	{ MANAGER_FORGET_JOB, 0, do_forget_job },
	{ MANAGER_ADOPT,      1, do_adopt },
	{ MANAGER_RENAME,     0, do_rename },
	{ MANAGER_QUIT,       0, do_quit },
};
/* clang-format on */

static bool dispatch(
	struct keeper *keeper, const struct message *message, ssize_t size, int *fds, size_t n_fds)
{
	if (!message_check(message, (size_t)size))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == message->type && n_fds >= rows[i].min_fds) {
			rows[i].fn(keeper, message, fds, n_fds);
			return true;
		}
	return false;
}

static int on_manager(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct keeper *keeper = data;
	int fds[SOCKET_FDS_MAX];
	struct message message;
	size_t n_fds = 0;
	ssize_t n = socket_receive(fd, &message, sizeof(message), fds, &n_fds);
	bool good;

	if (n == -EAGAIN || n == -EINTR) {
		keeper_tell(keeper); /* there is room again */
		return 0;
	}
	if (n <= 0) {
		hang_up(keeper);
		return 0;
	}
	good = dispatch(keeper, &message, n, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		close_fd(&fds[i]);
	if (!good) {
		log_line(LOG_LEVEL_ERROR, "the manager sent what is no message of version %d",
			PROTOCOL_VERSION);
		hang_up(keeper);
	}
	keeper_tell(keeper);
	return 0;
}

int keeper_attach_manager(struct keeper *keeper, struct error *err)
{
	keeper->waiting = false;
	return loop_add_io(keeper->loop, keeper->manager_fd, EPOLLIN, on_manager, keeper,
		&keeper->manager_source, err);
}

static int on_connect(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct keeper *keeper = data;
	int manager_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct error err;

	if (manager_fd < 0)
		return 0; /* gone again */
	hang_up(keeper);
	keeper->manager_fd = manager_fd;
	keeper->synced = false;
	if (keeper_attach_manager(keeper, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "cannot hear the manager: %s", err.text);
		hang_up(keeper);
		return 0;
	}
	table_tell_all(&keeper->table);
	keeper_tell(keeper);
	return 0;
}

int keeper_listen(struct keeper *keeper, struct error *err)
{
	if (keeper->listen_fd < 0)
		keeper->listen_fd = socket_listen(keeper->instance->run_fd, KEEPER_SOCKET,
			SOCK_SEQPACKET, 0600, (gid_t)-1, err);
	if (keeper->listen_fd < 0)
		return keeper->listen_fd;
	return loop_add_io(keeper->loop, keeper->listen_fd, EPOLLIN, on_connect, keeper,
		&keeper->listen_source, err);
}
