/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_data.h - what console.c and console_watch.c share, and nobody else sees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/parse.h"
#include "daemon/console_log.h"
#include "daemon/console_ring.h"

struct error;
struct loop;
struct loop_source;

#define NOTICE_TEXT 160 /* a name of 63 and two short phrases */

struct watcher {
	TAILQ_ENTRY(watcher) link;
	struct console *console;
	int fd;
	struct loop_source *source;
};

struct console {
	TAILQ_ENTRY(console) link;
	struct consoles *owner;
	char name[NAME_LENGTH + 1];
	int master_fd, slave_fd; /* -1 while the VE is stopped */
	struct loop_source *source;
	struct console_ring ring;
	struct console_log log;
	TAILQ_HEAD(, watcher) watchers;
	size_t n_watchers;
	bool muted;      /* wrote too much in this window */
	bool input_full; /* the guest does not read */
	int64_t window;  /* number of the tenth of a second that `bytes` are of */
	size_t bytes;
};

struct consoles {
	struct loop *loop;
	int ve_fd;
	struct loop_source *timer; /* one for all muted ones */
	TAILQ_HEAD(console_list, console) list;
	char buffer[CONSOLE_RING_SIZE];
};

/* console.c */
struct console *console_find(struct consoles *consoles, const char *name);
struct console *console_new(struct consoles *consoles, const char *name);
void console_forget(struct console *console); /* frees it if nobody looks and nothing runs */
void console_update_events(struct console *console);

/* console_watch.c */
int watcher_add(struct console *console, int fd, struct watcher **ret, struct error *err);
void watcher_free(struct watcher *watcher);
void console_tell(struct console *console, const char *data, size_t n);
void console_listen(struct console *console, uint32_t events); /* to what watchers type */
