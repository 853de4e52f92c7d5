/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * recovery.h - a manager begins: what the keeper, the records and the kernel say becomes the table.
 */
#pragma once

#include <stdbool.h>

struct error;
struct manager;
struct message;
struct ve;

/* A job of an earlier manager runs: its VE is busy until it ends. */
void recovery_adopt_job(struct manager *manager, const struct message *message);

/* The keeper has told all it knows: settles every VE, then opens the sockets (manager_serve).
 * by_hand: no unit of the host brings VEs up. */
int recovery_run(struct manager *manager, bool by_hand, struct error *err);

/* Finds out what is true of one VE now. May remove it from the table. */
void recovery_settle(struct ve *ve);

/* Its create has lost its manager: until it is settled it is no VE, nor is its name free. */
bool recovery_doubts(const struct ve *ve);

/* The same, and what else the store holds: a job has ended, and nobody knows how far it came. The
 * VE (NULL: it is not in the table) may be gone afterwards, or have another name. */
void recovery_look(struct manager *manager, struct ve *ve);

/* adopt.c: an init that lives without a keeper: proved, and handed to the keeper. */
int adopt_init(struct ve *ve, struct error *err);

/* autostart.c: for a vesseld started by hand: once a boot, starts what is meant to run. */
void autostart_after_boot(struct manager *manager);

/* Not all that an earlier manager was to start has been told: goes on, by hand or not. */
void autostart_resume(struct manager *manager);
/* The manager ends: who listens is told so. */
void autostart_free(struct manager *manager);

/* manager.c: the table is ready. */
int manager_serve(struct manager *manager, struct error *err);
