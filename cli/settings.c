/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * settings.c - the settings of a VE as options of create and set.
 */
#include "settings.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/options.h"

/* clang-format off */
const struct setting_row setting_rows[] = {
	{ "cpus",          "CPUS",              "CPU time, e.g. 1.5; from 0.05", false },
	{ "cpu-weight",    "N",                 "share of contended CPU, 100 is ordinary", false },
	{ "memory",        "SIZE",              "RAM, e.g. 512M", false },
	{ "swap",          "SIZE",              "swap on top of memory, e.g. 1G", false },
	{ "pids",          "N",                 "processes and threads", false },
	{ "ptys",          "N",                 "pseudo terminals, of the host's kernel.pty.max", false },
	{ "init",          "PATH",              "program run as the VE's init", false },
	{ "hostname",      "NAME",              "host name; none: the VE's name", false },
	{ "autostart",     "no|yes|last",       "started with the host; last: if it ran before", false },
	{ "protect",       "yes|no",            "refuse to destroy it", false },
	{ "disabled",      "yes|no",            "refuse to start it", false },
	{ "description",   "TEXT",              "a line about the VE", false },
	{ "label",         "K=V,...",           "labels; +K=V adds, -K removes", true },
	{ "stop-timeout",  "SECONDS",           "how long stop waits before it forces", false },
	{ "profile",       "default|nesting",   "nesting: for containers inside the VE", false },
	{ "net",           "routed|none",       "how it is connected", false },
	{ "ip",            "ADDR,...",          "addresses; auto: of the instance's ranges", true },
	{ "dns",           "ADDR,...",          "name servers; host: those of the host", true },
	{ "search",        "DOMAIN,...",        "domains that short names are looked up in", true },
	{ "publish",       "[HOSTADDR:]PORT:PORT[/udp],...", "ports of the host that lead to its own", true },
	{ "nat",           "yes|no",            "private addresses leave the host as the host's", false },
	{ "isolate",       "yes|no",            "neither to nor from other VEs", false },
	{ "connections",   "N",                 "connections at once", false },
	{ "rate-in",       "RATE",              "bits a second to the VE, e.g. 100M", false },
	{ "rate-out",      "RATE",              "bits a second from the VE, e.g. 100M", false },
};
/* clang-format on */
const size_t setting_rows_count = ARRAY_SIZE(setting_rows);

const struct setting_row *setting_row_find(const char *name, size_t length)
{
	for (size_t i = 0; i < setting_rows_count; i++)
		if (strlen(setting_rows[i].name) == length &&
			memcmp(setting_rows[i].name, name, length) == 0)
			return &setting_rows[i];
	return NULL;
}

/* All values given for a list, joined as one. */
static void set_joined(struct json *object, const char *name, const char *value)
{
	const char *before = json_find_string(object, name);
	cleanup_text struct text joined;

	text_init(&joined);
	if (before && strcmp(value, "none") != 0 && strcmp(value, "default") != 0)
		text_format(&joined, "%s,", before);
	text_add(&joined, value);
	json_set_string(object, name, joined.data);
}

void settings_collect(const struct options *options, struct json *object)
{
	for (size_t i = 0; i < options->n_uses; i++) {
		const struct option_use *use = &options->uses[i];
		const struct setting_row *row;

		if (!use->setting)
			continue;
		row = setting_row_find(use->name, strlen(use->name));
		if (row && row->list)
			set_joined(object, use->name, use->value);
		else
			json_set_string(object, use->name, use->value);
	}
}
