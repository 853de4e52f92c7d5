/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console.h - the consoles of all VEs: what guests write goes to ring, log and watchers.
 *
 *   guest --> pty --> keeper --> ring (64 KiB), console.log, every watcher's socket
 *   guest <-- pty <-- keeper <-- every watcher's socket
 *
 * A watcher is never waited for: one whose socket is full is dropped. It stays attached while its
 * VE is stopped, and sees the next start. A guest that floods is held up, not the keeper: each may
 * write 128 KiB in a tenth of a second.
 */
#pragma once

#include <stddef.h>

struct consoles;
struct error;
struct loop;
struct state_reader;
struct state_writer;

/* ve_fd, the directory of all VEs' directories, is borrowed. */
int consoles_new(struct loop *loop, int ve_fd, struct consoles **ret, struct error *err);
void consoles_free(struct consoles *consoles);

/* Takes master_fd, a pty of a VE that starts or that was given a new one. */
int consoles_start(struct consoles *consoles, const char *name, int master_fd, struct error *err);

/* Reads what is still to be read, tells the watchers why, closes pty and log. */
void consoles_stop(struct consoles *consoles, const char *name, const char *why);

/* Takes fd, a client's stream socket. */
int consoles_watch(struct consoles *consoles, const char *name, int fd, struct error *err);

/* The watchers of a stopped VE go with its new name. */
void consoles_rename(struct consoles *consoles, const char *name, const char *new_name);

/* For the keeper's next life (keeper_state.h). */
struct state_console;
void consoles_save(struct consoles *consoles, struct state_writer *writer);
int consoles_load_console(
	struct consoles *consoles, const struct state_console *from, struct error *err);
void consoles_load_ring(struct consoles *consoles, const char *data, size_t n);
int consoles_load_watcher(struct consoles *consoles, int fd, struct error *err);
