/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * channel.h - what a job and the child that becomes a VE's process say to each other.
 *
 * A close-on-exec socket pair: end of file at the job's end means that the program was executed, at
 * the child's end that the job is gone and the child must not go on.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum channel_kind {
	CHANNEL_ERROR,    /* from the child: it gave up, and why */
	CHANNEL_MAPPED,   /* to the child: the id maps are written */
	CHANNEL_ROOT,     /* to the child: with the overlay */
	CHANNEL_READY,    /* from the child: set up and waiting; with the console's master */
	CHANNEL_GO,       /* to the child */
	CHANNEL_PROCESS,  /* from a joining child: pid, with the pidfd of the process inside */
	CHANNEL_TERMINAL, /* from the process inside: with the pty's master */
};

struct channel_message {
	enum channel_kind kind;
	bool exec; /* with an error: it was the execution itself that failed */
	pid_t pid;
	struct error error;
};

int channel_open(int ret_fds[2], struct error *err);

/* From now on a receive waits no longer than that, and then says -ETIMEDOUT. */
int channel_limit(int channel_fd, unsigned int seconds, struct error *err);

/* fd, unless -1, goes along (borrowed). 0 or -errno. */
int channel_send(int channel_fd, const struct channel_message *message, int fd);

/* 1, 0 at end of file, or -errno; *ret_fd is the caller's, -1 if none came. */
int channel_receive(int channel_fd, struct channel_message *message, int *ret_fd);

/* Waits for one kind of message; end of file is -ECONNRESET "the other side is gone", no answer in
 * time -ETIMEDOUT, an error that arrives instead becomes this one's. *ret_fd as above; NULL: none
 * is expected. */
int channel_expect(int channel_fd, enum channel_kind kind, struct channel_message *ret, int *ret_fd,
	struct error *err);
