/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * show.c - all that is known about a VE, for people: one line a fact, and the limits and the
 * network as tables.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/format.h"
#include "cli/select.h"

static int cmd_show(struct cli *cli);

/* clang-format off */
static const struct option_row show_options[] = {
	{ 0, "json", NULL, "as a JSON array" },
};
const struct command command_show = { "show", "VE...", "show all about VEs: limits, network, use, settings",
	show_options, ARRAY_SIZE(show_options), COMMAND_VES | COMMAND_READS, 1, WORDS_ANY, cmd_show };

/* In this order; what is empty is left out. */
static const char *const facts[] = {
	"state", "problem", "busy", "pending", "description", "label", "uuid", "template", "plan",
	"created", "started", "ready", "exit", "init", "pid", "hostname", "first-id", "cgroup",
	"autostart", "protect", "disabled", "stop-timeout", "profile", "ptys", "net", "addresses",
	"host-interface", "mac", "dns", "search", "publish", "nat", "isolate", "connections",
	"rate-in", "rate-out",
};
static const char *const limits[] = { "cpus", "cpu-weight", "memory", "swap", "pids" };
/* clang-format on */

#define LIMIT_COLUMNS 7

static void print_facts(const struct json *record)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const struct field *field = field_find(&ve_fields, facts[i], strlen(facts[i]));
		cleanup_text struct text text;

		text_init(&text);
		field_format(field, record, &text);
		if (text.length == 0)
			continue;
		for (char *c = text.data; *c; c++)
			if ((unsigned char)*c < ' ')
				*c = '?';
		printf("  %-14s %s\n", field->name, text.data);
	}
}

/* A default that this host cannot enforce stays unset and is shown so. */
static const char *limit_note(const struct json *limit)
{
	bool enforced = true;

	(void)json_bool(json_find(limit, "enforced"), &enforced); /* absent: it is */
	return enforced ? "" : "not enforced by this host";
}

static void add_limit(struct table *table, const struct json *record, const char *name)
{
	static const char *const keys[] = { "limit", "used", "peak", "total" };
	const struct field *field = field_find(&ve_fields, name, strlen(name));
	const struct json *limit = field_value(field, record);
	char hits[24]; /* a 64-bit number */
	int64_t n = 0;

	if (json_type(limit) != JSON_OBJECT)
		return;
	table_add(table, name);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		cleanup_text struct text text;

		text_init(&text);
		field_format_limit(field, limit, keys[i], &text);
		if (field->type == FIELD_CPUS && strcmp(keys[i], "total") == 0 &&
			text.data[0] != '-')
			text_add(&text, "s");
		table_add(table, text.data);
	}
	(void)json_int(json_find(limit, "hits"), &n); /* absent: never */
	snprintf(hits, sizeof(hits), "%" PRId64, n);
	table_add(table, hits);
	table_add(table, limit_note(limit));
}

static void print_limits(const struct json *record)
{
	static const char *const header[LIMIT_COLUMNS] = { "  ", "LIMIT", "USED", "PEAK", "TOTAL",
		"HITS", "NOTE" };
	struct table table;

	if (json_count(json_find(record, "limits")) == 0)
		return;
	table_init(&table, LIMIT_COLUMNS);
	for (size_t i = 0; i < LIMIT_COLUMNS; i++)
		table_add(&table, header[i]);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		add_limit(&table, record, limits[i]);
	putchar('\n');
	table_print(&table, stdout);
	table_done(&table);
}

static void add_count(struct table *table, const struct json *object, const char *key)
{
	cleanup_text struct text text;

	text_init(&text);
	value_format(json_find(object, key), &text);
	table_add(table, text.data);
}

/* What went one way through an interface; what was refused of it, which is known of one way only.
 */
static void add_flow(struct table *table, const struct json *interface, const char *way,
	const char *name, const struct json *drops, bool refused)
{
	const struct json *flow = json_find(interface, way);
	char buffer[FORMAT_HUMAN];
	double bytes = 0;

	(void)json_real(json_find(flow, "bytes"), &bytes); /* absent: none yet */
	table_add(table, name);
	table_add(table, format_human(bytes, buffer));
	add_count(table, flow, "packets");
	add_count(table, flow, "dropped");
	for (size_t i = 0; i < json_count(drops); i++)
		add_count(table, refused ? drops : NULL, json_key_at(drops, i));
}

static void add_header(struct table *table, const char *name)
{
	cleanup_text struct text text;

	text_init(&text);
	text_add(&text, name);
	for (char *c = text.data; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
	table_add(table, text.data);
}

/* Counted over all lives of the VE; the reasons for what was refused are the daemon's words. */
static void print_network(const struct json *record)
{
	static const char *const header[] = { "  ", "bytes", "packets", "dropped" };
	const struct json *interface = json_at(json_find(record, "net"), 0);
	const struct json *drops = json_find(interface, "drops");
	struct table table;

	if (json_type(json_find(interface, "in")) != JSON_OBJECT)
		return;
	table_init(&table, ARRAY_SIZE(header) + json_count(drops));
	for (size_t i = 0; i < ARRAY_SIZE(header); i++)
		add_header(&table, header[i]);
	for (size_t i = 0; i < json_count(drops); i++)
		add_header(&table, json_key_at(drops, i));
	add_flow(&table, interface, "in", "network in", drops, false);
	add_flow(&table, interface, "out", "network out", drops, true);
	putchar('\n');
	table_print(&table, stdout);
	table_done(&table);
}

static void print_record(const struct json *record)
{
	const char *name = json_find_string(record, "name");

	printf("%s\n", name ? name : "?");
	print_facts(record);
	print_limits(record);
	print_network(record);
}

static int cmd_show(struct cli *cli)
{
	cleanup_json struct json *records = NULL;
	struct json *words = json_new_array();
	int status;

	cli_words(cli, words);
	status = list_records(cli, words, -1, &records);
	if (status != VESSEL_OK)
		return status;
	if (option_given(&cli->options, "json"))
		return cli_print_json(cli, records);
	for (size_t i = 0; i < json_count(records); i++) {
		if (i > 0)
			putchar('\n');
		print_record(json_at(records, i));
	}
	return cli_flush(cli);
}
