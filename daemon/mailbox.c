/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mailbox.c - the manager's end of its socket to the keeper.
 *
 * A keeper that hangs up is the end of this manager: it may have been replaced by a newer one.
 */
#include "mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/socket.h"
#include "daemon/manager_data.h"
#include "daemon/protocol.h"

#define READS_A_ROUND 64

struct letter {
	TAILQ_ENTRY(letter) link;
	struct message message;
	int fds[SOCKET_FDS_MAX];
	size_t n_fds;
};

struct mailbox {
	struct manager *manager;
	int fd;
	struct loop_source *source;
	TAILQ_HEAD(, letter) waiting;
};

static void letter_free(struct letter *letter)
{
	while (letter->n_fds > 0)
		close_fd(&letter->fds[--letter->n_fds]);
	free(letter);
}

static int receive_one(struct mailbox *mailbox)
{
	struct message message;
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n = socket_receive(mailbox->fd, &message, sizeof(message), fds, &n_fds);

	if (n == -EAGAIN)
		return 0;
	if (n <= 0) {
		log_line(LOG_LEVEL_INFO, "the keeper has hung up");
		loop_quit(mailbox->manager->loop, 0);
		return 0;
	}
	if (n != sizeof(message) || message.version != PROTOCOL_VERSION) {
		while (n_fds > 0)
			close_fd(&fds[--n_fds]);
		log_line(LOG_LEVEL_ERROR, "the keeper speaks another version; restart it");
		return -EPROTO;
	}
	/* Fixed fields of our own keeper; end them all the same. */
	message.name[NAME_LENGTH] = message.new_name[NAME_LENGTH] = '\0';
	message.uuid[sizeof(message.uuid) - 1] = message.text[sizeof(message.text) - 1] = '\0';
	message.error.text[ERROR_TEXT - 1] = '\0';
	n = manager_incoming(mailbox->manager, &message, fds, n_fds);
	return n < 0 ? (int)n : 1;
}

static void flush(struct mailbox *mailbox)
{
	struct letter *letter;
	struct error err = { 0 };

	while ((letter = TAILQ_FIRST(&mailbox->waiting))) {
		ssize_t n = socket_send(mailbox->fd, &letter->message, sizeof(letter->message),
			letter->fds, letter->n_fds);

		if (n == -EAGAIN)
			break;
		TAILQ_REMOVE(&mailbox->waiting, letter, link); /* if it failed, the end follows */
		letter_free(letter);
	}
	(void)loop_change_io(mailbox->source,
		TAILQ_EMPTY(&mailbox->waiting) ? EPOLLIN : EPOLLIN | EPOLLOUT, &err);
}

static int on_io(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct mailbox *mailbox = data;
	int r = 1;

	for (int i = 0; r > 0 && i < READS_A_ROUND; i++)
		r = receive_one(mailbox);
	if (events & EPOLLOUT)
		flush(mailbox);
	return r < 0 ? r : 0;
}

int mailbox_new(struct manager *manager, int keeper_fd, struct mailbox **ret, struct error *err)
{
	cleanup_close int fd = keeper_fd;
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	int r;

	if (!mailbox)
		return error_memory(err);
	*mailbox = (struct mailbox){ .manager = manager, .fd = fd };
	TAILQ_INIT(&mailbox->waiting);
	r = loop_add_io(manager->loop, fd, EPOLLIN, on_io, mailbox, &mailbox->source, err);
	if (r < 0) {
		free(mailbox);
		return r;
	}
	(void)take_fd(&fd);
	*ret = mailbox;
	return 0;
}

void mailbox_free(struct mailbox *mailbox)
{
	struct letter *letter;

	if (!mailbox)
		return;
	while ((letter = TAILQ_FIRST(&mailbox->waiting))) {
		TAILQ_REMOVE(&mailbox->waiting, letter, link);
		letter_free(letter);
	}
	loop_remove(mailbox->source);
	close_fd(&mailbox->fd);
	free(mailbox);
}

int mailbox_send(struct mailbox *mailbox, const struct message *message, const int *fds,
	size_t n_fds, struct error *err)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	if (!letter)
		return error_memory(err);
	letter->message = *message;
	letter->message.version = PROTOCOL_VERSION;
	for (size_t i = 0; i < n_fds && i < SOCKET_FDS_MAX; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0) {
			letter_free(letter);
			return error_sys(err, "cannot hand a descriptor to the keeper");
		}
		letter->fds[letter->n_fds++] = fd;
	}
	TAILQ_INSERT_TAIL(&mailbox->waiting, letter, link);
	flush(mailbox);
	return 0;
}

int mailbox_tell(struct mailbox *mailbox, unsigned int type, uint64_t id, const char *name,
	struct error *err)
{
	struct message message = { .type = type, .id = id };

	if (name)
		snprintf(message.name, sizeof(message.name), "%s", name);
	return mailbox_send(mailbox, &message, NULL, 0, err);
}
