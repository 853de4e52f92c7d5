/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * id_blocks.c - who on this host has ids: its files and its processes say so.
 *
 * Not the name service: it may block, and it would load the host's libraries into the manager.
 */
#include "daemon/id_blocks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/parse.h"
#include "runtime/config.h"

#define USERS_MAX  (1 << 20)
#define STATUS_MAX (1 << 20) /* a process may have 65,536 groups */
#define WORD_MAX   24        /* a 64-bit number, with room to see that it is none */

void id_blocks_take(struct id_blocks *blocks, uint64_t first, uint64_t count)
{
	uint64_t end = blocks->first + (uint64_t)blocks->n * VE_IDS;

	if (count == 0 || first >= end || first + count <= blocks->first)
		return;
	for (uint64_t id = first - first % VE_IDS; id < first + count && id < end; id += VE_IDS)
		if (id >= blocks->first)
			blocks->taken[(id - blocks->first) / VE_IDS] = true;
}

/* Lines of "name:...", the fields by number; `count` 0 means that one id is meant. */
static void take_file(
	struct id_blocks *blocks, int etc_fd, const char *name, int id_field, int count_field)
{
	struct error ignored = { 0 }; /* a host without the file has no such users */
	cleanup_free char *text = NULL;
	char *rest;

	if (file_read(etc_fd, name, USERS_MAX, &text, &ignored) < 0)
		return;
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		uint64_t id = 0, count = 1;
		bool found = false;
		char *field;

		for (int i = 0; (field = strsep(&line, ":")); i++) {
			if (i == id_field)
				found = parse_count(field, &id) == 0;
			else if (i == count_field && parse_count(field, &count) < 0)
				found = false;
		}
		if (found)
			id_blocks_take(blocks, id, count);
	}
}

void id_blocks_take_users(struct id_blocks *blocks, int etc_fd)
{
	take_file(blocks, etc_fd, "passwd", 2, -1);
	take_file(blocks, etc_fd, "group", 2, -1);
	take_file(blocks, etc_fd, "subuid", 1, 2);
	take_file(blocks, etc_fd, "subgid", 1, 2);
}

/* The numbers behind a word such as "\nUid:". */
static void take_line(struct id_blocks *blocks, const char *status, const char *key)
{
	const char *at = strstr(status, key);

	for (at = at ? at + strlen(key) : ""; *at && *at != '\n';) {
		size_t length = strcspn(at, " \t\n");
		char word[WORD_MAX];
		uint64_t id;

		if (length > 0 && length < sizeof(word)) {
			memcpy(word, at, length);
			word[length] = '\0';
			if (parse_count(word, &id) == 0)
				id_blocks_take(blocks, id, 1);
		}
		at += length;
		at += strspn(at, " \t");
	}
}

/* In a block that is taken, by a VE of ours nearly always. */
static bool is_taken(const struct id_blocks *blocks, uint64_t id)
{
	return id >= blocks->first && (id - blocks->first) / VE_IDS < blocks->n &&
	       blocks->taken[(id - blocks->first) / VE_IDS];
}

static void take_process(struct id_blocks *blocks, int proc_fd, const char *pid)
{
	static const char *const keys[] = { "\nUid:", "\nGid:", "\nGroups:" };
	cleanup_free char *status = NULL;
	cleanup_free char *path = NULL;
	struct error ignored = { 0 }; /* it has ended */
	struct stat st;

	/* A VE's processes are told by their owner, which is far cheaper than their status. */
	if (fstatat(proc_fd, pid, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_taken(blocks, st.st_uid))
		return;
	if (asprintf(&path, "%s/status", pid) < 0) {
		path = NULL;
		return;
	}
	if (file_read(proc_fd, path, STATUS_MAX, &status, &ignored) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		take_line(blocks, status, keys[i]);
}

int id_blocks_take_processes(struct id_blocks *blocks, int proc_fd, struct error *err)
{
	cleanup_names struct names names = { 0 };
	int r = names_of_dir(proc_fd, ".", &names, err);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (names.list[i][0] >= '1' && names.list[i][0] <= '9')
			take_process(blocks, proc_fd, names.list[i]);
	return r;
}
