/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * shutdown.h - all VEs go down, in the reverse order of their start, and stay meant to run.
 */
#pragma once

struct error;
struct manager;
struct operation;

/* While it goes on (manager->shutdown is set), nothing starts, and what ends keeps its wish. */
struct shutdown;

/* An earlier manager was at it: goes on. */
void shutdown_resume(struct manager *manager);
/* Something has ended or begun: looks who is next, soon. */
void shutdown_look(struct manager *manager);
/* For operation_shutdown: its VE has stopped, or cannot be stopped. */
void shutdown_told(struct operation *op, const struct error *err);
/* The manager ends: who listens is told so. */
void shutdown_free(struct manager *manager);
