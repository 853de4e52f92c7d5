/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_hint.c - what the next manager cannot ask the kernel: run/ve/NAME.
 *
 * A hint, never the truth: whoever reads it proves it (recovery.c). It may vanish with a reboot,
 * and so does what it speaks of.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "daemon/manager_data.h"
#include "daemon/ve_table.h"

#define HINT_DIR  "ve"
#define HINT_PATH (sizeof(HINT_DIR "/") + NAME_LENGTH)
#define HINT_MAX  65536 /* lists of name servers and domains among it */

#define PROC_FILE_MAX 65536

static void hint_path(const char *name, char path[HINT_PATH])
{
	snprintf(path, HINT_PATH, HINT_DIR "/%s", name);
}

char *process_read(pid_t pid, const char *file)
{
	struct error ignored = { 0 };
	char path[40]; /* "/proc/", a pid and a short name */
	char *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return file_read(AT_FDCWD, path, PROC_FILE_MAX, &text, &ignored) < 0 ? NULL : text;
}

/* Field 22 of /proc/PID/stat; the name in field 2 may hold anything but ends at the last ')'. */
uint64_t process_start_time(pid_t pid)
{
	cleanup_free char *text = process_read(pid, "stat");
	unsigned long long start = 0;
	const char *at = text ? strrchr(text, ')') : NULL;

	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %llu", &start) == 1 ? start : 0;
}

/* What cannot change while it runs: show compares it with the record. */
static void put_ran(const struct ve *ve, struct json *object)
{
	for (size_t i = 0; ve->ran && i < settings_count; i++)
		if (!settings_table[i].live)
			setting_to_json(
				ve->ran, &settings_table[i], object, settings_table[i].name);
}

static void take_ran(struct ve *ve, const struct json *object)
{
	struct settings ran;
	struct error ignored = { 0 };

	if (json_count(object) == 0 || settings_init(&ran, &ignored) < 0)
		return;
	if (settings_from_json(&ran, object, &ignored) == 0)
		ve_set_ran(ve, &ran);
	settings_done(&ran);
}

void ve_hint_store(const struct ve *ve)
{
	cleanup_json struct json *hint = json_new_object();
	cleanup_free char *text = NULL;
	cleanup_close int dir_fd = -1;
	struct error ignored = { 0 };
	int run_fd = ve->manager->instance->run_fd;

	json_set_string(hint, "uuid", ve->has_config ? ve->config.uuid : "");
	json_set_int(hint, "pid", ve->ended ? ve->end_pid : ve->pid);
	json_set_int(hint, "start", (int64_t)process_start_time(ve->pid));
	json_set_int(hint, "stop_way", ve->stop_way);
	json_set_int(hint, "started", ve->started);
	json_set_int(hint, "ready", ve->ready);
	json_set_int(hint, "started_us", (int64_t)ve->span.started);
	json_set_int(hint, "ready_us", (int64_t)ve->span.ready);
	put_ran(ve, json_set_object(hint, "ran"));
	json_set_int(hint, "changing", (int64_t)ve->changing);
	json_set_bool(hint, "restarting", ve->restarting);
	json_set_bool(hint, "helper", ve->helper);
	if (json_print(hint, false, &text) < 0 ||
		file_make_dir(run_fd, HINT_DIR, 0700, &ignored) < 0)
		return;
	dir_fd = file_open_dir(run_fd, HINT_DIR, &ignored);
	if (dir_fd >= 0)
		(void)file_replace(dir_fd, ve->name, text, strlen(text), &ignored);
}

void ve_hint_remove(const struct manager *manager, const char *name)
{
	char path[HINT_PATH];

	hint_path(name, path);
	(void)unlinkat(manager->instance->run_fd, path, 0); /* absent is fine */
}

void ve_hint_changing(struct ve *ve, uint64_t rows)
{
	if (ve->changing == rows)
		return;
	ve->changing = rows;
	if (ve_alive(ve))
		ve_hint_store(ve);
}

/* It outlives the run: the start that is due comes after the end. */
void ve_hint_set_restarting(struct ve *ve, bool restarting)
{
	if (ve->restarting == restarting)
		return;
	ve->restarting = restarting;
	if (restarting || ve_alive(ve) || ve->ended)
		ve_hint_store(ve);
	else
		ve_hint_remove(ve->manager, ve->name);
}

static int64_t number(const struct json *hint, const char *key)
{
	int64_t n = 0;

	return json_int(json_find(hint, key), &n) ? n : 0;
}

/* NULL: there is none, or it is of another VE that had this name. */
static struct json *read_hint(const struct ve *ve)
{
	cleanup_json struct json *hint = NULL;
	cleanup_free char *text = NULL;
	struct error ignored = { 0 };
	char path[HINT_PATH];
	const char *uuid;
	ssize_t n;

	hint_path(ve->name, path);
	n = file_read(ve->manager->instance->run_fd, path, HINT_MAX, &text, &ignored);
	if (n < 0 || json_parse(text, (size_t)n, &hint, &ignored) < 0)
		return NULL;
	uuid = json_find_string(hint, "uuid");
	if (!uuid || (ve->has_config && strcmp(uuid, ve->config.uuid) != 0))
		return NULL;
	return take_ptr(&hint);
}

bool ve_hint_restarting(const struct ve *ve)
{
	cleanup_json struct json *hint = read_hint(ve);
	bool restarting = false;

	(void)json_bool(json_find(hint, "restarting"), &restarting); /* absent: no */
	return restarting;
}

bool ve_hint_load(struct ve *ve, pid_t *ret_pid, uint64_t *ret_start)
{
	cleanup_json struct json *hint = read_hint(ve);

	if (!hint)
		return false;
	*ret_pid = (pid_t)number(hint, "pid");
	*ret_start = (uint64_t)number(hint, "start");
	ve->stop_way = (uint64_t)number(hint, "stop_way") < STOP_WAYS
			       ? (enum stop_way)number(hint, "stop_way")
			       : STOP_PROGRAM;
	ve->started = number(hint, "started");
	ve->ready = number(hint, "ready");
	ve->span.started = (uint64_t)number(hint, "started_us");
	ve->span.ready = (uint64_t)number(hint, "ready_us");
	take_ran(ve, json_find(hint, "ran"));
	ve->changing = (uint64_t)number(hint, "changing");
	(void)json_bool(json_find(hint, "restarting"), &ve->restarting);
	(void)json_bool(json_find(hint, "helper"), &ve->helper);
	return true;
}
