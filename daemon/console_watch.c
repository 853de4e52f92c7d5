/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_watch.c - the clients of a console: scrollback, then what the guest writes, and their
 * keys.
 *
 * The socket's own buffer is all the patience there is: nothing is queued here, so a client that
 * does not read costs the keeper nothing and is dropped when its socket is full.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/loop.h"
#include "daemon/console.h"
#include "daemon/console_data.h"

#define WATCHERS_MAX   16
#define WATCHER_BUFFER (256 * 1024)
#define INPUT_BYTES    1024

void watcher_free(struct watcher *watcher)
{
	TAILQ_REMOVE(&watcher->console->watchers, watcher, link);
	watcher->console->n_watchers--;
	loop_remove(watcher->source);
	close_fd(&watcher->fd);
	free(watcher);
}

/* Room for one line more than what filled it up, so that the client learns why. */
static void watcher_drop(struct watcher *watcher)
{
	static const char line[] = "\r\n[vessel: too slow for this console, disconnected]\r\n";
	int size = WATCHER_BUFFER + WATCHER_BUFFER / 4;

	(void)setsockopt(watcher->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)send(watcher->fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	watcher_free(watcher);
}

static bool watcher_send(struct watcher *watcher, const char *data, size_t n)
{
	ssize_t sent = send(watcher->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0 && (size_t)sent == n)
		return true;
	watcher_drop(watcher);
	return false;
}

void console_tell(struct console *console, const char *data, size_t n)
{
	struct watcher *next;

	for (struct watcher *watcher = TAILQ_FIRST(&console->watchers); watcher; watcher = next) {
		next = TAILQ_NEXT(watcher, link);
		(void)watcher_send(watcher, data, n);
	}
}

void console_listen(struct console *console, uint32_t events)
{
	struct watcher *watcher;
	struct error err;

	TAILQ_FOREACH(watcher, &console->watchers, link)
	(void)loop_change_io(watcher->source, events, &err);
}

/* Typed for a stopped VE: thrown away, or a client that types would never be seen to hang up. What
 * the guest does not take stays in the socket (so a paste holds up the client, not us). */
static int on_watcher(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct watcher *watcher = data;
	struct console *console = watcher->console;
	char buffer[INPUT_BYTES];
	ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_PEEK);
	ssize_t taken = n;

	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !(events & (EPOLLHUP | EPOLLERR)))
		return 0;
	if (n <= 0) {
		watcher_free(watcher);
		console_forget(console);
		return 0;
	}
	if (console->master_fd >= 0)
		taken = write(console->master_fd, buffer, (size_t)n);
	if (taken > 0)
		(void)recv(fd, buffer, (size_t)taken, MSG_DONTWAIT);
	if (taken < n && events & (EPOLLHUP | EPOLLERR)) {
		watcher_free(watcher); /* nobody is left to be held up */
	} else if (taken < n) {
		console->input_full = true;
		console_listen(console, 0);
		console_update_events(console);
	}
	return 0;
}

int watcher_add(struct console *console, int fd, struct watcher **ret, struct error *err)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r;

	if (!watcher) {
		close_fd(&fd);
		return error_memory(err);
	}
	*watcher = (struct watcher){ .console = console, .fd = fd };
	TAILQ_INSERT_TAIL(&console->watchers, watcher, link);
	console->n_watchers++;
	r = loop_add_io(console->owner->loop, fd, console->input_full ? 0 : EPOLLIN, on_watcher,
		watcher, &watcher->source, err);
	if (r < 0)
		watcher_free(watcher);
	else
		*ret = watcher;
	return r;
}

/* What was written before the watcher came: from the ring, or of a stopped VE from the log. */
static void send_scrollback(struct watcher *watcher)
{
	struct console *console = watcher->console;
	struct consoles *consoles = console->owner;
	cleanup_close int dir_fd = -1;
	char line[NOTICE_TEXT];
	struct iovec parts[2];
	size_t n;

	if (console->master_fd >= 0) {
		int count = console_ring_parts(&console->ring, parts);

		for (int i = 0; i < count; i++)
			if (!watcher_send(watcher, parts[i].iov_base, parts[i].iov_len))
				return;
		return;
	}
	dir_fd = openat(
		consoles->ve_fd, console->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	n = dir_fd < 0 ? 0 : console_log_tail(dir_fd, consoles->buffer, sizeof(consoles->buffer));
	if (n && !watcher_send(watcher, consoles->buffer, n))
		return;
	snprintf(line, sizeof(line), "\r\n[vessel: %s is not running]\r\n", console->name);
	(void)watcher_send(watcher, line, strlen(line));
}

static int check_watcher(const struct console *console, int fd, struct error *err)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (console->n_watchers >= WATCHERS_MAX)
		return error_refuse(err, ERROR_STATE, "%d clients watch the console of %s already",
			WATCHERS_MAX, console->name);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return error_refuse(
			err, ERROR_USAGE, "a client of a console must give a stream socket");
	return 0;
}

/* The manager has answered the client's call already: the reason goes where it looks. */
static void turn_away(int *fd, const struct error *err)
{
	char line[sizeof(err->text) + 16];

	snprintf(line, sizeof(line), "[vessel: %s]\r\n", err->text);
	(void)send(*fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL); /* or it is gone */
	close_fd(fd);
}

int consoles_watch(struct consoles *consoles, const char *name, int fd, struct error *err)
{
	struct console *console = console_find(consoles, name);
	struct watcher *watcher = NULL;
	int size = WATCHER_BUFFER;
	int r;

	if (!console)
		console = console_new(consoles, name);
	if (!console) {
		close_fd(&fd);
		return error_memory(err);
	}
	r = check_watcher(console, fd, err);
	if (r < 0)
		turn_away(&fd, err);
	else
		r = watcher_add(console, fd, &watcher, err);
	if (r == 0) {
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		send_scrollback(watcher);
	}
	console_forget(console);
	return r;
}
