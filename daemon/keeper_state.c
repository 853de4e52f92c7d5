/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_state.c - records written one after the other, and read back.
 */
#include "daemon/keeper_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct record {
	uint32_t type, size;
};

void state_begin(struct state_writer *writer)
{
	static const uint32_t version = STATE_VERSION;

	text_init(&writer->text);
	text_add_bytes(&writer->text, &version, sizeof(version));
}

void state_write(struct state_writer *writer, enum state_type type, const void *data, size_t n)
{
	struct record record = { .type = type, .size = (uint32_t)n };

	text_add_bytes(&writer->text, &record, sizeof(record));
	text_add_bytes(&writer->text, data, n);
}

int state_keep_fd(struct state_writer *writer, int fd)
{
	int *more;

	if (fd < 0)
		return -1;
	more = reallocarray(writer->fds, writer->n_fds + 1, sizeof(*more));
	if (!more) {
		writer->text.failed = true;
		return -1;
	}
	writer->fds = more;
	writer->fds[writer->n_fds++] = fd;
	if (fcntl(fd, F_SETFD, 0) < 0)
		writer->text.failed = true;
	return fd;
}

int state_finish(struct state_writer *writer, struct error *err)
{
	cleanup_close int fd = memfd_create("vesseld-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (writer->text.failed)
		return error_memory(err);
	if (fd < 0)
		return error_sys(err, "cannot create a memfd");
	r = file_write_all(fd, writer->text.data, writer->text.length, err);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0 || fcntl(fd, F_SETFD, 0) < 0)
		return error_sys(err, "cannot seal a memfd");
	return take_fd(&fd);
}

void state_abandon(struct state_writer *writer)
{
	for (size_t i = 0; i < writer->n_fds; i++)
		(void)fcntl(writer->fds[i], F_SETFD, FD_CLOEXEC); /* as it was */
	text_done(&writer->text);
	free(writer->fds);
}

/* Before versions were written the first word was the type of the first record; the records are the
 * same. */
static int read_version(const char **at, const char *end, struct error *err)
{
	uint32_t version = 0;

	if ((size_t)(end - *at) >= sizeof(version))
		memcpy(&version, *at, sizeof(version));
	if (version == STATE_KEEPER)
		return 0;
	if (version != STATE_VERSION)
		return error_set(err, EPROTO, "the state of the last keeper has version %u, not %d",
			version, STATE_VERSION);
	*at += sizeof(version);
	return 0;
}

static int read_records(
	const char *at, const char *end, struct keeper *keeper, state_fn *fn, struct error *err)
{
	while (at < end) {
		struct record record;
		int r;

		if ((size_t)(end - at) < sizeof(record))
			return error_set(err, EPROTO, "the state of the last keeper is cut off");
		memcpy(&record, at, sizeof(record));
		at += sizeof(record);
		if ((size_t)(end - at) < record.size)
			return error_set(err, EPROTO, "the state of the last keeper is cut off");
		r = fn(keeper, (enum state_type)record.type, at, record.size, err);
		if (r < 0)
			return r;
		at += record.size;
	}
	return 0;
}

int state_read(int fd, struct keeper *keeper, state_fn *fn, struct error *err)
{
	struct stat st;
	const char *at;
	char *map;
	int r;

	if (fstat(fd, &st) < 0)
		return error_sys(err, "cannot read the state of the last keeper");
	if (st.st_size == 0)
		return error_set(err, EPROTO, "the state of the last keeper is empty");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return error_sys(err, "cannot read the state of the last keeper");
	at = map;
	r = read_version(&at, map + st.st_size, err);
	if (r == 0)
		r = read_records(at, map + st.st_size, keeper, fn, err);
	munmap(map, (size_t)st.st_size);
	return r;
}

void state_copy(void *to, size_t size, const void *bytes, size_t n)
{
	memset(to, 0, size);
	memcpy(to, bytes, n < size ? n : size);
}
