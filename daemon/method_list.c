/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method_list.c - List: VEs by name, glob, or the host's process that is in one.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cgroup/group.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"
#include "daemon/network_count.h"
#include "daemon/recovery.h"
#include "daemon/ve_json.h"
#include "daemon/ve_table.h"

#define CGROUP_FILE_MAX 65536

static bool is_glob(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

static bool is_there(const struct ve *ve)
{
	return ve && !recovery_doubts(ve);
}

static bool matches(const struct json *names, const char *name)
{
	if (!names)
		return true;
	for (size_t i = 0; i < json_count(names); i++) {
		const char *word = json_string(json_at(names, i));

		if (is_glob(word) ? fnmatch(word, name, 0) == 0 : strcmp(word, name) == 0)
			return true;
	}
	return false;
}

static int check_names(const struct manager *manager, const struct json *names, struct error *err)
{
	for (size_t i = 0; i < json_count(names); i++) {
		const char *word = json_string(json_at(names, i));

		if (!is_glob(word) && !is_there(ve_table_find(manager->ves, word)))
			return error_refuse(
				err, ERROR_NOT_FOUND, "no VE %.80s (see vessel list)", word);
	}
	return 0;
}

/* The VE that a process of the host is in, or "". */
static int find_by_pid(
	struct manager *manager, int64_t pid, char ret[NAME_LENGTH + 1], struct error *err)
{
	cleanup_free char *text = NULL;
	cleanup_free char *name = NULL;
	char path[48]; /* "/proc/", a 64-bit number, "/cgroup" */
	int r;

	ret[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%jd/cgroup", (intmax_t)pid);
	if (file_read(AT_FDCWD, path, CGROUP_FILE_MAX, &text, err) < 0)
		return error_refuse(
			err, ERROR_NOT_FOUND, "no process %jd on this host", (intmax_t)pid);
	r = cgroup_find_name(manager->tree, text, &name, err);
	if (r == 0 && name)
		snprintf(ret, NAME_LENGTH + 1, "%s", name);
	return r;
}

/* With `more` one reply a VE, the last of them the last; else one for all. */
static void send_list(struct call *call, const struct json *names, const char *only)
{
	cleanup_counts struct network_counts counts = { 0 };
	struct json *reply = json_new_object();
	struct json *list = json_set_array(reply, "ves");

	network_count(call->manager, &counts);
	for (size_t i = 0; i < call->manager->ves->n; i++) {
		struct ve *ve = call->manager->ves->ve[i];

		if (!is_there(ve))
			continue;
		if (only ? strcmp(only, ve->name) != 0 : !matches(names, ve->name))
			continue;
		if (call->request.more && json_count(list) > 0) {
			call_progress(call, reply);
			reply = json_new_object();
			list = json_set_array(reply, "ves");
		}
		json_append(list, ve_to_json(ve, &counts));
	}
	call_reply(call, reply);
}

void method_list(struct call *call)
{
	const struct json *names = call_find(call, "names");
	int64_t pid = call_number(call, "pid", -1);
	char only[NAME_LENGTH + 1];
	struct error err = { 0 };
	int r = check_names(call->manager, names, &err);

	if (r == 0 && pid >= 0)
		r = find_by_pid(call->manager, pid, only, &err);
	if (r < 0)
		call_fail(call, &err);
	else
		send_list(call, names, pid >= 0 ? only : NULL);
}
