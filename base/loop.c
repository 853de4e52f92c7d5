/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loop.c - one epoll loop: descriptors, timers, and signals by signalfd.
 *
 *   round: epoll_wait -> handlers of descriptors -> handlers of due timers -> free what was removed
 *
 * A removed source leaves the lists at once and its memory after the round, so an event that
 * epoll_wait() had already returned for it finds the mark. Timers are a list and the timeout of
 * epoll_wait(): a timerfd each would cost a descriptor for every VE.
 */
#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

#define EVENTS_MAX 64 /* of one round; the rest come in the next */

struct loop_source {
	struct loop *loop;
	LIST_ENTRY(loop_source) link;
	bool removed;
	void *data;

	int fd; /* -1: a timer */
	loop_io_fn *io_fn;

	loop_timer_fn *timer_fn;
	bool armed;
	uint64_t deadline; /* monotonic milliseconds */
	uint64_t round;    /* in which it was armed */
};

LIST_HEAD(source_list, loop_source);

struct loop {
	int epoll_fd;
	int signal_fd;
	sigset_t signals;
	struct handler {
		loop_signal_fn *fn;
		void *data;
	} handlers[_NSIG];
	struct source_list ios, timers, removed;
	uint64_t round;
	bool quit;
	int status;
};

int loop_new(struct loop **ret, struct error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return error_memory(err);
	loop->signal_fd = -1;
	sigemptyset(&loop->signals);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop); /* keeps errno since glibc 2.33 */
		return error_sys(err, "cannot create an epoll descriptor");
	}
	*ret = loop;
	return 0;
}

static void free_list(struct source_list *list)
{
	struct loop_source *source;

	while ((source = LIST_FIRST(list))) {
		LIST_REMOVE(source, link);
		free(source);
	}
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	free_list(&loop->ios);
	free_list(&loop->timers);
	free_list(&loop->removed);
	close_fd(&loop->signal_fd);
	close_fd(&loop->epoll_fd);
	free(loop);
}

int loop_add_io(struct loop *loop, int fd, uint32_t events, loop_io_fn *fn, void *data,
	struct loop_source **ret, struct error *err)
{
	struct loop_source *source = malloc(sizeof(*source));
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (!source)
		return error_memory(err);
	*source = (struct loop_source){ .loop = loop, .fd = fd, .io_fn = fn, .data = data };
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(source);
		return error_sys(err, "cannot watch a descriptor");
	}
	LIST_INSERT_HEAD(&loop->ios, source, link);
	if (ret)
		*ret = source;
	return 0;
}

int loop_change_io(struct loop_source *source, uint32_t events, struct error *err)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return error_sys(err, "cannot watch a descriptor");
	return 0;
}

int loop_add_timer(struct loop *loop, uint64_t milliseconds, loop_timer_fn *fn, void *data,
	struct loop_source **ret, struct error *err)
{
	struct loop_source *source = malloc(sizeof(*source));

	if (!source)
		return error_memory(err);
	*source = (struct loop_source){ .loop = loop, .fd = -1, .timer_fn = fn, .data = data };
	LIST_INSERT_HEAD(&loop->timers, source, link);
	if (ret)
		*ret = source;
	return loop_set_timer(source, milliseconds, err);
}

int loop_set_timer(struct loop_source *source, uint64_t milliseconds, struct error *err)
{
	/* One more: the clock was rounded down, and a timer must not fire early. */
	uint64_t wait =
		milliseconds > 0 && milliseconds < UINT64_MAX ? milliseconds + 1 : milliseconds;

	if (__builtin_add_overflow(clock_monotonic_ms(), wait, &source->deadline))
		source->deadline = UINT64_MAX;
	source->round = source->loop->round;
	source->armed = true;
	return 0;
}

void loop_remove(struct loop_source *source)
{
	if (!source || source->removed)
		return;
	if (source->fd >= 0) /* the descriptor may be closed by now: no error */
		(void)epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	LIST_REMOVE(source, link);
	source->removed = true;
	LIST_INSERT_HEAD(&source->loop->removed, source, link);
}

/* One signal a call: the descriptor stays readable while there are more. */
static int on_signal(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct signalfd_siginfo info;
	const struct handler *handler;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	handler = &loop->handlers[info.ssi_signo];
	return handler->fn(loop, (int)info.ssi_signo, info.ssi_pid, handler->data);
}

static int watch_signals(struct loop *loop, struct error *err)
{
	cleanup_close int fd = signalfd(-1, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	int r;

	if (fd < 0)
		return error_sys(err, "cannot create a signal descriptor");
	r = loop_add_io(loop, fd, EPOLLIN, on_signal, NULL, NULL, err);
	if (r == 0)
		loop->signal_fd = take_fd(&fd);
	return r;
}

int loop_add_signal(
	struct loop *loop, int signal, loop_signal_fn *fn, void *data, struct error *err)
{
	if (signal < 1 || (size_t)signal >= ARRAY_SIZE(loop->handlers))
		return error_set(err, EINVAL, "there is no signal %d", signal);
	sigaddset(&loop->signals, signal);
	if (sigprocmask(SIG_BLOCK, &loop->signals, NULL) < 0)
		return error_sys(err, "cannot block signal %d", signal);
	loop->handlers[signal] = (struct handler){ fn, data };
	if (loop->signal_fd < 0)
		return watch_signals(loop, err);
	if (signalfd(loop->signal_fd, &loop->signals, 0) < 0)
		return error_sys(err, "cannot watch signal %d", signal);
	return 0;
}

/* The armed timer that is due first, NULL if none is armed. `old`: armed before this round. */
static struct loop_source *first_timer(const struct loop *loop, bool old)
{
	struct loop_source *first = NULL;

	for (struct loop_source *t = LIST_FIRST(&loop->timers); t; t = LIST_NEXT(t, link))
		if (t->armed && !(old && t->round == loop->round) &&
			(!first || t->deadline < first->deadline))
			first = t;
	return first;
}

static int wait_milliseconds(const struct loop *loop)
{
	const struct loop_source *timer = first_timer(loop, false);
	uint64_t now = clock_monotonic_ms(), left;

	if (!timer)
		return -1;
	left = timer->deadline > now ? timer->deadline - now : 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

/* A timer that its handler arms again waits for the next round, or 0 ms would never end. */
static int run_timers(struct loop *loop)
{
	uint64_t now = clock_monotonic_ms();
	int r = 0;

	while (r >= 0 && !loop->quit) {
		struct loop_source *timer = first_timer(loop, true);

		if (!timer || timer->deadline > now)
			break;
		timer->armed = false;
		r = timer->timer_fn(loop, timer->data);
	}
	return r;
}

static int run_ios(struct loop *loop, const struct epoll_event *events, int n)
{
	int r = 0;

	for (int i = 0; i < n && r >= 0 && !loop->quit; i++) {
		struct loop_source *source = events[i].data.ptr;

		if (!source->removed)
			r = source->io_fn(loop, source->fd, events[i].events, source->data);
	}
	return r;
}

static int run_round(struct loop *loop, struct error *err)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, wait_milliseconds(loop));
	int r;

	if (n < 0 && errno != EINTR)
		return error_sys(err, "cannot wait for events");
	loop->round++;
	r = run_ios(loop, events, n);
	if (r >= 0)
		r = run_timers(loop);
	free_list(&loop->removed);
	if (r < 0 && err->code == 0) /* the handler may have filled the same error */
		error_set(err, -r, "an event handler failed");
	return r;
}

int loop_run(struct loop *loop, struct error *err)
{
	int r = 0;

	while (r >= 0 && !loop->quit)
		r = run_round(loop, err);
	loop->quit = false;
	return r < 0 ? r : loop->status;
}

void loop_quit(struct loop *loop, int status)
{
	loop->quit = true;
	loop->status = status;
}
