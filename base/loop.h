/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loop.h - one epoll loop: descriptors, timers, and signals by signalfd.
 *
 * A source is owned by the loop until it is removed; removing one inside any handler is safe, its
 * memory is freed after the round. Handlers return at once. A handler's negative return value ends
 * loop_run() with that value.
 */
#pragma once

#include <stdint.h>

struct error;
struct loop;
struct loop_source;

typedef int loop_io_fn(struct loop *loop, int fd, uint32_t events, void *data);
typedef int loop_timer_fn(struct loop *loop, void *data);
typedef int loop_signal_fn(struct loop *loop, int signal, int64_t sender_pid, void *data);

int loop_new(struct loop **ret, struct error *err);
void loop_free(struct loop *loop);

/* Watches fd (not owned) for EPOLLIN/EPOLLOUT... level-triggered. Remove the source before closing
 * fd: a copy in another process would keep it in the epoll set. `ret` may be NULL. */
int loop_add_io(struct loop *loop, int fd, uint32_t events, loop_io_fn *fn, void *data,
	struct loop_source **ret, struct error *err);
int loop_change_io(struct loop_source *source, uint32_t events, struct error *err);

/* Calls fn once after `milliseconds` (monotonic); re-armed by loop_set_timer, which also moves a
 * timer that has not fired yet. */
int loop_add_timer(struct loop *loop, uint64_t milliseconds, loop_timer_fn *fn, void *data,
	struct loop_source **ret, struct error *err);
int loop_set_timer(struct loop_source *source, uint64_t milliseconds, struct error *err);

/* Blocks the signal in this process and delivers it here. */
int loop_add_signal(
	struct loop *loop, int signal, loop_signal_fn *fn, void *data, struct error *err);

/* NULL is allowed. */
void loop_remove(struct loop_source *source);

/* Runs until loop_quit() (returns its status) or a handler fails. */
int loop_run(struct loop *loop, struct error *err);
void loop_quit(struct loop *loop, int status);
