/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * recovery.h - a manager begins: what the keeper, the records and the kernel say becomes the table.
 */
#pragma once

struct error;
struct manager;
struct message;
struct ve;

/* A job of an earlier manager runs: its VE is busy until it ends. */
void recovery_adopt_job(struct manager *manager, const struct message *message);

/* The keeper has told all it knows: settles every VE, then opens the sockets (manager_serve). */
int recovery_run(struct manager *manager, struct error *err);

/* Finds out what is true of one VE now. May remove it from the table. */
void recovery_settle(struct ve *ve);

/* adopt.c: an init that lives without a keeper: proved, and handed to the keeper. */
int adopt_init(struct ve *ve, struct error *err);

/* autostart.c: at the first manager after a boot, starts what is meant to run. */
void autostart_run(struct manager *manager);

/* manager.c: the table is ready. */
int manager_serve(struct manager *manager, struct error *err);
