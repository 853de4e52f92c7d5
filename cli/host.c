/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * host.c - doctor and events: what this host can do, and what happens on it.
 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/format.h"

static int cmd_doctor(struct cli *cli);
static int cmd_events(struct cli *cli);

/* clang-format off */
static const struct option_row doctor_options[] = {
	{ 0, "json", NULL, "as a JSON array" },
};
static const struct option_row events_options[] = {
	{ 'f', "follow", NULL, "one after another, until Ctrl-C; without it, the next one" },
	{ 0,   "json",   NULL, "each as a JSON array of one" },
};

const struct command command_doctor = { "doctor", "", "check what this host can do, and say the remedy",
	doctor_options, ARRAY_SIZE(doctor_options), COMMAND_READS, 0, 0, cmd_doctor };
const struct command command_events = { "events", "[-f]",
	"print state changes, OOM kills and limits hit",
	events_options, ARRAY_SIZE(events_options), COMMAND_READS, 0, 0, cmd_events };
/* clang-format on */

/* Something that vessel needs is missing: this host cannot. */
static int verdict(const struct json *checks)
{
	for (size_t i = 0; i < json_count(checks); i++) {
		const char *state = json_find_string(json_at(checks, i), "state");

		if (state && strcmp(state, "missing") == 0)
			return VESSEL_UNSUPPORTED;
	}
	return VESSEL_OK;
}

static int cmd_doctor(struct cli *cli)
{
	static const char *const keys[] = { "name", "state", "value", "limits", "remedy", "asked" };
	static const char *const header[] = { "CHECK", "STATE", "VALUE", "LIMITS", "REMEDY",
		"ASKED" };
	cleanup_json struct json *checks = NULL;
	struct table table;
	int status = cli_fetch(cli, "Doctor", json_new_object(), "checks", &checks);

	if (status != VESSEL_OK)
		return status;
	if (option_given(&cli->options, "json")) {
		status = cli_print_json(cli, checks);
		return status == VESSEL_OK ? verdict(checks) : status;
	}
	table_init(&table, ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(header); i++)
		table_add(&table, header[i]);
	for (size_t i = 0; i < json_count(checks); i++)
		for (size_t j = 0; j < ARRAY_SIZE(keys); j++)
			table_add(&table, json_find_string(json_at(checks, i), keys[j]));
	table_print(&table, stdout);
	table_done(&table);
	status = cli_flush(cli);
	return status == VESSEL_OK ? verdict(checks) : status;
}

static void print_event(const struct json *event)
{
	char local[FORMAT_LOCAL];
	const char *time = format_local(json_find_string(event, "time"), local);
	const char *name = json_find_string(event, "ve");
	const char *what = json_find_string(event, "event");
	const char *detail = json_find_string(event, "detail");

	printf("%s %s: %s%s%s\n", time ? time : "-", name ? name : "host", what ? what : "-",
		detail && *detail ? ": " : "", detail ? detail : "");
}

/* A line an event, at once: events are read by pipes too. */
static int on_event(const char *parameters, int *fds, size_t n_fds, int last, void *data)
{
	const struct cli *cli = data;
	cleanup_json struct json *object = cli_reply(parameters);
	cleanup_free char *text = NULL;
	const struct json *event;

	if (!object)
		return -1;
	event = json_find(object, "event");
	if (!event)
		return 0;
	if (!option_given(&cli->options, "json"))
		print_event(event);
	else if (json_print(event, false, &text) == 0)
		printf("[%s]\n", text);
	return fflush(stdout) == 0 ? 0 : -1;
}

static int cmd_events(struct cli *cli)
{
	return cli_call(cli, "Events", json_new_object(), NULL, 0,
		option_given(&cli->options, "follow"), on_event, cli);
}
