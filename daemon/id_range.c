/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * id_range.c - 65,536 host ids for a new VE, that nobody else has.
 *
 * Which are taken is derived each time: from VEs (broken ones too), from what lies in the trash
 * with its ids still on disk, from users, sub-ids and processes of the host. Given round-robin, so
 * that the ids of a VE that has gone rest as long as possible.
 */
#include "id_range.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/names.h"
#include "daemon/id_blocks.h"
#include "daemon/manager_data.h"
#include "daemon/ve_table.h"

/* A record that cannot be read as a whole may still say this. */
static void take_record(struct id_blocks *blocks, const char *directory, const char *entry)
{
	static const char key[] = "\"first_id\"";
	cleanup_free char *path = NULL;
	cleanup_free char *text = NULL;
	struct error ignored = { 0 };
	unsigned long long id;
	const char *at;

	if (asprintf(&path, "%s/%s/config.json", directory, entry) < 0) {
		path = NULL;
		return;
	}
	if (file_read(AT_FDCWD, path, JSON_TEXT_MAX, &text, &ignored) < 0)
		return;
	at = strstr(text, key);
	if (at && sscanf(at + sizeof(key) - 1, " : %llu", &id) == 1)
		id_blocks_take(blocks, id, VE_IDS);
}

static int take_directory(
	struct manager *manager, struct id_blocks *blocks, const char *name, struct error *err)
{
	cleanup_names struct names entries = { 0 };
	cleanup_free char *path = NULL;
	int r = names_of_dir(manager->instance->state_fd, name, &entries, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (asprintf(&path, "%s/%s", manager->instance->state_dir, name) < 0) {
		path = NULL;
		return error_memory(err);
	}
	for (size_t i = 0; i < entries.n; i++) {
		const char *entry = entries.list[i];
		const struct ve *ve = ve_table_find(manager->ves, entry);

		if (entry[0] != '.' && !(ve && ve->has_config))
			take_record(blocks, path, entry);
	}
	return 0;
}

/* Checked when they are given: P10. VEs of ours are taken already. */
static int take_host(struct id_blocks *blocks, struct error *err)
{
	cleanup_close int etc_fd = file_open_dir(AT_FDCWD, "/etc", err);
	cleanup_close int proc_fd = etc_fd < 0 ? etc_fd : file_open_dir(AT_FDCWD, "/proc", err);

	if (proc_fd < 0)
		return proc_fd;
	id_blocks_take_users(blocks, etc_fd);
	return id_blocks_take_processes(blocks, proc_fd, err);
}

static int take_all(struct manager *manager, struct id_blocks *blocks, struct error *err)
{
	const struct ve_table *table = manager->ves;
	int r;

	for (size_t i = 0; i < table->n; i++)
		if (table->ve[i]->has_config)
			id_blocks_take(blocks, table->ve[i]->config.first_id, VE_IDS);
	r = take_host(blocks, err);
	if (r == 0)
		r = take_directory(manager, blocks, "trash", err);
	return r < 0 ? r : take_directory(manager, blocks, "ve", err);
}

int id_range_new(struct manager *manager, uid_t *ret, struct error *err)
{
	static uint32_t last; /* block given last by this manager: a hint for round-robin only */
	struct id_blocks blocks = {
		.first = manager->instance->first_id,
		.n = manager->instance->id_blocks,
	};
	cleanup_free bool *taken = calloc(blocks.n ? blocks.n : 1, sizeof(*taken));
	int r;

	if (!taken)
		return error_memory(err);
	blocks.taken = taken;
	r = take_all(manager, &blocks, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < blocks.n; i++) {
		uint32_t block = (last + i) % blocks.n;

		if (taken[block])
			continue;
		last = block + 1;
		*ret = (uid_t)(blocks.first + (uint64_t)block * VE_IDS);
		return 0;
	}
	return error_refuse(err, ERROR_STATE,
		"all %u ranges of ids are taken (see \"ids\" in vessel.json(5))", blocks.n);
}
