/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mailbox.h - the manager's end of its socket to the keeper: messages go out in order, and wait
 * here while the keeper is busy. What comes in goes to manager_incoming().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct error;
struct mailbox;
struct manager;
struct message;

/* Takes keeper_fd, also on failure. */
int mailbox_new(struct manager *manager, int keeper_fd, struct mailbox **ret, struct error *err);
void mailbox_free(struct mailbox *mailbox);

/* Descriptors are borrowed. */
int mailbox_send(struct mailbox *mailbox, const struct message *message, const int *fds,
	size_t n_fds, struct error *err);

/* A message that has only a type, an id and a name. */
int mailbox_tell(struct mailbox *mailbox, unsigned int type, uint64_t id, const char *name,
	struct error *err);
