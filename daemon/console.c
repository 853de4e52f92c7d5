/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console.c - one pty per running VE, drained without ever waiting for anybody.
 *
 * The keeper holds a slave open beside the master: with none open, a level-triggered master wakes
 * us without end (191,000 times in 0.2 s), and the getty's vhangup would end the console.
 */
#include "daemon/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/parse.h"
#include "daemon/console_data.h"
#include "daemon/keeper_state.h"

#define READ_BYTES   16384
#define WINDOW_MS    100
#define WINDOW_BYTES (128 * 1024)
#define LAST_BYTES   (128 * 1024) /* of a guest that has ended; a pty holds 64 KiB and a page */

void console_update_events(struct console *console)
{
	uint32_t events = (console->muted ? 0 : EPOLLIN) | (console->input_full ? EPOLLOUT : 0);
	struct error err;

	if (console->source)
		(void)loop_change_io(console->source, events, &err); /* of a known descriptor */
}

/* Reads once; returns bytes, 0 when there is nothing (more). */
static size_t console_read(struct console *console)
{
	char *buffer = console->owner->buffer;
	ssize_t n = read(console->master_fd, buffer, READ_BYTES);

	if (n <= 0)
		return 0;
	console_ring_add(&console->ring, buffer, (size_t)n);
	console_log_add(&console->log, buffer, (size_t)n);
	console_tell(console, buffer, (size_t)n);
	return (size_t)n;
}

static void console_count(struct console *console, size_t n)
{
	int64_t window = (int64_t)(clock_monotonic_ms() / WINDOW_MS);
	struct error err;

	if (window != console->window) {
		console->window = window;
		console->bytes = 0;
	}
	console->bytes += n;
	if (console->bytes < WINDOW_BYTES)
		return;
	if (loop_set_timer(console->owner->timer, WINDOW_MS, &err) == 0)
		console->muted = true;
}

static int on_refill(struct loop *loop, void *data)
{
	struct consoles *consoles = data;
	struct console *console;

	TAILQ_FOREACH(console, &consoles->list, link)
	if (console->muted) {
		console->muted = false;
		console_update_events(console);
	}
	return 0;
}

static int on_master(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct console *console = data;

	if (events & EPOLLOUT && console->input_full) {
		console->input_full = false;
		console_listen(console, EPOLLIN);
	}
	if (events & ~(uint32_t)EPOLLOUT)
		console_count(console, console_read(console));
	console_update_events(console);
	return 0;
}

struct console *console_find(struct consoles *consoles, const char *name)
{
	struct console *console;

	TAILQ_FOREACH(console, &consoles->list, link)
	if (strcmp(console->name, name) == 0)
		break;
	return console;
}

struct console *console_new(struct consoles *consoles, const char *name)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console)
		return NULL;
	snprintf(console->name, sizeof(console->name), "%s", name);
	console->owner = consoles;
	console->master_fd = console->slave_fd = -1;
	console->log = (struct console_log){ .dir_fd = -1, .fd = -1 };
	TAILQ_INIT(&console->watchers);
	TAILQ_INSERT_TAIL(&consoles->list, console, link);
	return console;
}

static void close_pty(struct console *console)
{
	loop_remove(console->source);
	console->source = NULL;
	close_fd(&console->slave_fd);
	close_fd(&console->master_fd);
	console->muted = console->input_full = false;
}

static void console_free(struct console *console)
{
	struct watcher *watcher;

	while ((watcher = TAILQ_FIRST(&console->watchers)))
		watcher_free(watcher);
	close_pty(console);
	console_ring_done(&console->ring);
	console_log_done(&console->log);
	TAILQ_REMOVE(&console->owner->list, console, link);
	free(console);
}

/* Nobody looks and nothing runs: not worth any memory. */
void console_forget(struct console *console)
{
	if (console->master_fd < 0 && TAILQ_EMPTY(&console->watchers))
		console_free(console);
}

int consoles_new(struct loop *loop, int ve_fd, struct consoles **ret, struct error *err)
{
	struct consoles *consoles = calloc(1, sizeof(*consoles));
	int r;

	if (!consoles)
		return error_memory(err);
	consoles->loop = loop;
	consoles->ve_fd = ve_fd;
	TAILQ_INIT(&consoles->list);
	r = loop_add_timer(loop, WINDOW_MS, on_refill, consoles, &consoles->timer, err);
	if (r < 0) {
		free(consoles);
		return r;
	}
	*ret = consoles;
	return 0;
}

void consoles_free(struct consoles *consoles)
{
	struct console *console;

	if (!consoles)
		return;
	while ((console = TAILQ_FIRST(&consoles->list)))
		console_free(console);
	loop_remove(consoles->timer);
	free(consoles);
}

/* Watches a pty whose descriptors are the console's already. */
static int open_pty(struct console *console, struct error *err)
{
	struct consoles *consoles = console->owner;
	int flags = fcntl(console->master_fd, F_GETFL);
	int dir_fd;

	if (flags < 0 || fcntl(console->master_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_sys(err, "cannot set up the console of %s", console->name);
	if (console->slave_fd < 0)
		console->slave_fd =
			ioctl(console->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->slave_fd < 0)
		return error_sys(err, "cannot open the console of %s", console->name);
	if (console->log.dir_fd < 0) {
		dir_fd = openat(consoles->ve_fd, console->name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir_fd < 0)
			return error_sys(err, "cannot open the directory of %s", console->name);
		console_log_init(&console->log, dir_fd);
	}
	return loop_add_io(consoles->loop, console->master_fd, EPOLLIN, on_master, console,
		&console->source, err);
}

int consoles_start(struct consoles *consoles, const char *name, int master_fd, struct error *err)
{
	struct console *console = console_find(consoles, name);
	int r;

	if (!console)
		console = console_new(consoles, name);
	if (!console) {
		close_fd(&master_fd);
		return error_memory(err);
	}
	close_pty(console); /* of a VE that was given another one */
	console->master_fd = master_fd;
	r = open_pty(console, err);
	if (r < 0) {
		close_pty(console);
		console_log_done(&console->log);
		console_forget(console);
		return r;
	}
	console_listen(console, EPOLLIN);
	return 0;
}

void consoles_stop(struct consoles *consoles, const char *name, const char *why)
{
	struct console *console = console_find(consoles, name);
	char line[NOTICE_TEXT];
	size_t done = 0, n = 1;

	if (!console || console->master_fd < 0)
		return;
	while (n && done < LAST_BYTES) {
		n = console_read(console);
		done += n;
	}
	snprintf(line, sizeof(line), "\r\n[vessel: %s %s]\r\n", name, why);
	console_tell(console, line, strlen(line));
	close_pty(console);
	console_listen(console, EPOLLIN);
	console_ring_done(&console->ring);
	console_log_done(&console->log);
	console_forget(console);
}

void consoles_rename(struct consoles *consoles, const char *name, const char *new_name)
{
	struct console *console = console_find(consoles, name);

	if (console && console->master_fd < 0 && !console_find(consoles, new_name))
		snprintf(console->name, sizeof(console->name), "%s", new_name);
}

static void save_one(struct console *console, struct state_writer *writer)
{
	struct state_console to = {
		.master_fd = state_keep_fd(writer, console->master_fd),
		.slave_fd = state_keep_fd(writer, console->slave_fd),
	};
	struct watcher *watcher;
	struct iovec parts[2];
	int n = console_ring_parts(&console->ring, parts);

	memcpy(to.name, console->name, sizeof(to.name));
	state_write(writer, STATE_CONSOLE, &to, sizeof(to));
	for (int i = 0; i < n; i++)
		state_write(writer, STATE_RING, parts[i].iov_base, parts[i].iov_len);
	TAILQ_FOREACH(watcher, &console->watchers, link)
	{
		struct state_watcher fd = { .fd = state_keep_fd(writer, watcher->fd) };

		state_write(writer, STATE_WATCHER, &fd, sizeof(fd));
	}
}

void consoles_save(struct consoles *consoles, struct state_writer *writer)
{
	struct console *console;

	TAILQ_FOREACH(console, &consoles->list, link)
	save_one(console, writer);
}

int consoles_load_console(
	struct consoles *consoles, const struct state_console *from, struct error *err)
{
	struct console *console = console_new(consoles, from->name);

	if (!console)
		return error_memory(err);
	console->master_fd = from->master_fd;
	console->slave_fd = from->slave_fd;
	return console->master_fd < 0 ? 0 : open_pty(console, err);
}

void consoles_load_ring(struct consoles *consoles, const char *data, size_t n)
{
	struct console *console = TAILQ_LAST(&consoles->list, console_list);

	if (console)
		console_ring_add(&console->ring, data, n);
}

int consoles_load_watcher(struct consoles *consoles, int fd, struct error *err)
{
	struct console *console = TAILQ_LAST(&consoles->list, console_list);
	struct watcher *watcher;

	if (console)
		return watcher_add(console, fd, &watcher, err);
	close_fd(&fd);
	return 0;
}
