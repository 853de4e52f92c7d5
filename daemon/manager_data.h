/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * manager_data.h - what the parts of the manager share: who is who.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "daemon/instance.h"

struct cgroup_tree;
struct event_hub;
struct job_list;
struct loop;
struct loop_source;
struct mailbox;
struct message;
struct network;
struct operation;
struct operation_list;
struct outcomes;
struct server;
struct shutdown;
struct ve_table;

struct manager {
	struct instance *instance; /* borrowed */
	struct loop *loop;
	struct cgroup_tree *tree;
	struct mailbox *mailbox; /* to the keeper */
	struct job_list *jobs;   /* what the keeper runs for us, or shall */
	struct operation_list *operations;
	struct ve_table *ves;
	struct server *server; /* NULL until the table is ready */
	struct event_hub *events;
	struct network *network;    /* what VEs' links have on the host */
	struct shutdown *shutdown;  /* NULL: VEs may start */
	struct outcomes *autostart; /* what it has not told yet; NULL */
	bool serving;

	/* op_template.c: imports, and who removes layers and must be alone with them. */
	unsigned int imports;
	struct operation *layer_remover;
	bool collecting, collect_again;
	struct loop_source *collect_timer;
};

/* incoming.c: what the keeper says. Takes the descriptors. 0, or a failure that ends the manager.
 */
int manager_incoming(
	struct manager *manager, const struct message *message, int *fds, size_t n_fds);
