/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_table.c - every VE of this instance, sorted by name.
 *
 * Hundreds of VEs, looked up by name and walked in order: an array of pointers does both.
 */
#include "ve_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/names.h"
#include "daemon/manager_data.h"

int ve_table_new(struct ve_table **ret, struct error *err)
{
	struct ve_table *table = calloc(1, sizeof(*table));

	if (!table)
		return error_memory(err);
	*ret = table;
	return 0;
}

static void ve_free(struct ve *ve)
{
	if (ve->has_config)
		config_done(&ve->config);
	loop_remove(ve->up_timer);
	close_fd(&ve->pidfd);
	close_fd(&ve->netns_fd);
	free(ve->problem);
	ve_set_ran(ve, NULL);
	free(ve);
}

void ve_table_free(struct ve_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n; i++)
		ve_free(table->ve[i]);
	free(table->ve);
	free(table);
}

/* The place where the name is, or would be. */
static size_t place(const struct ve_table *table, const char *name)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(table->ve[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ve *ve_table_find(const struct ve_table *table, const char *name)
{
	size_t at = place(table, name);

	return at < table->n && strcmp(table->ve[at]->name, name) == 0 ? table->ve[at] : NULL;
}

bool ve_table_taken(const struct ve_table *table, const char *name)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->ve[i]->reserved, name) == 0)
			return true;
	return ve_table_find(table, name) != NULL;
}

static void insert(struct ve_table *table, struct ve *ve)
{
	size_t at = place(table, ve->name);

	memmove(&table->ve[at + 1], &table->ve[at], (table->n - at) * sizeof(struct ve *));
	table->ve[at] = ve;
	table->n++;
}

static void take_out(struct ve_table *table, const struct ve *ve)
{
	size_t at = place(table, ve->name);

	while (table->ve[at] != ve) /* the name may be there twice: sorted, so next to it */
		at++;
	table->n--;
	memmove(&table->ve[at], &table->ve[at + 1], (table->n - at) * sizeof(struct ve *));
}

int ve_table_add(struct manager *manager, const char *name, struct ve **ret, struct error *err)
{
	struct ve_table *table = manager->ves;
	struct ve *ve = calloc(1, sizeof(*ve));
	struct ve **larger = reallocarray(table->ve, table->n + 1, sizeof(struct ve *));

	if (larger)
		table->ve = larger;
	if (!ve || !larger) {
		free(ve);
		return error_memory(err);
	}
	ve->manager = manager;
	ve->pidfd = ve->netns_fd = -1;
	ve->state = VE_STOPPED;
	TAILQ_INIT(&ve->queue);
	TAILQ_INIT(&ve->waiters);
	snprintf(ve->name, sizeof(ve->name), "%s", name);
	insert(table, ve);
	*ret = ve;
	return 0;
}

void ve_table_remove(struct ve_table *table, struct ve *ve)
{
	take_out(table, ve);
	ve_free(ve);
}

void ve_table_rename(struct ve_table *table, struct ve *ve, const char *name)
{
	take_out(table, ve);
	snprintf(ve->name, sizeof(ve->name), "%s", name);
	insert(table, ve);
}

bool ve_alive(const struct ve *ve)
{
	return ve->pidfd >= 0;
}

void ve_break(struct ve *ve, const char *problem)
{
	free(ve->problem);
	ve->problem = strdup(problem); /* NULL shows as no problem, but the state tells */
	ve_move(ve, EVENT_BREAK);
}

void ve_set_config(struct ve *ve, struct ve_config *config)
{
	if (ve->has_config)
		config_done(&ve->config);
	ve->config = *config;
	ve->has_config = true;
	*config = (struct ve_config){ 0 };
}

void ve_load(struct ve *ve)
{
	struct ve_config config;
	struct error err = { 0 };

	if (config_load(ve->manager->instance->state_fd, ve->name, &config, &err) < 0) {
		log_line(LOG_LEVEL_WARNING, "%s: %s", ve->name, err.text);
		ve_break(ve, err.text);
		return;
	}
	ve_set_config(ve, &config);
	free(ve->problem);
	ve->problem = NULL;
	if (ve->state == VE_BROKEN)
		ve_move(ve, EVENT_MEND);
}

/* A first id that two records claim would make one VE the master of the other's processes. */
static void check_ids(struct ve_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		for (size_t j = 0; j < i; j++) {
			struct ve *a = table->ve[j], *b = table->ve[i];
			char problem[NAME_LENGTH + 32];

			if (!a->has_config || !b->has_config || b->state == VE_BROKEN ||
				a->config.first_id != b->config.first_id)
				continue;
			snprintf(problem, sizeof(problem), "its ids are those of %s", a->name);
			log_line(LOG_LEVEL_WARNING, "%s: %s", b->name, problem);
			ve_break(b, problem);
		}
}

/* A create that was cut short is no VE: collecting removes it. One that is still under way comes
 * back with its job. */
static int load_one(struct manager *manager, int ve_fd, const char *name, struct error *err)
{
	cleanup_free char *path = NULL;
	struct stat st;
	struct ve *ve;
	int r;

	if (ve_table_taken(manager->ves, name)) /* a rename may have moved it already */
		return 0;
	if (asprintf(&path, "%s/op.json", name) < 0) {
		path = NULL;
		return error_memory(err);
	}
	if (fstatat(ve_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = ve_table_add(manager, name, &ve, err);
	if (r == 0)
		ve_load(ve);
	return r;
}

int ve_table_load(struct manager *manager, struct error *err)
{
	int state_fd = manager->instance->state_fd;
	cleanup_names struct names entries = { 0 };
	cleanup_close int fd = -1;
	int r = file_make_dir(state_fd, "ve", 0700, err);

	if (r == 0)
		fd = r = file_open_dir(state_fd, "ve", err);
	if (r >= 0)
		r = names_of_dir(state_fd, "ve", &entries, err);
	for (size_t i = 0; r == 0 && i < entries.n; i++)
		if (name_valid(entries.list[i]))
			r = load_one(manager, fd, entries.list[i], err);
	if (r == 0)
		check_ids(manager->ves);
	return r;
}
