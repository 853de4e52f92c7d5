/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * list.c - all VEs and their states, as a table or as JSON.
 */
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/listing.h"
#include "cli/select.h"

static int cmd_list(struct cli *cli);

/* clang-format off */
static const struct option_row list_options[] = {
	{ 'H', "no-header", NULL,        "no header" },
	{ 'o', "fields",    "FIELD,...", "these columns" },
	{ 's', "sort",      "[-]FIELD",  "sorted by this, - for the largest first" },
	{ 0,   "state",     "STATE",     "only those in this state; given again: or in that" },
	{ 0,   "label",     "K[=V]",     "only those with this label; given again: and with that" },
	{ 0,   "pid",       "N",         "only the one that this process is in" },
	{ 0,   "json",      NULL,        "all that is known, as a JSON array" },
};
const struct command command_list = { "list", "[VE...]", "show VEs and their states",
	list_options, ARRAY_SIZE(list_options), COMMAND_VES | COMMAND_READS, 0, WORDS_ANY, cmd_list };
/* clang-format on */

static const char *const states[] = { "stopped", "starting", "running", "paused", "stopping",
	"broken" };

static int check_state(const struct cli *cli, const char *state)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(states[i], state) == 0)
			return VESSEL_OK;
	return cli_usage(cli,
		"no state '%.80s' (there are: stopped, starting, running, paused, stopping, "
		"broken)",
		state);
}

static int check_filters(const struct cli *cli)
{
	const struct options *options = &cli->options;
	const struct option_use *use = NULL;
	int status = VESSEL_OK;

	while (status == VESSEL_OK && (use = option_next(options, "state", use)))
		status = check_state(cli, use->value);
	use = NULL;
	while (status == VESSEL_OK && (use = option_next(options, "label", use)))
		if (!*use->value || *use->value == '=')
			status =
				cli_usage(cli, "bad value '%.80s' for --label (K[=V])", use->value);
	return status;
}

static bool label_matches(const struct json *labels, const char *wanted)
{
	size_t length = strcspn(wanted, "=");

	for (size_t i = 0; i < json_count(labels); i++) {
		const char *key = json_key_at(labels, i);
		const char *value = json_string(json_at(labels, i));

		if (strlen(key) == length && memcmp(key, wanted, length) == 0)
			return !wanted[length] ||
			       (value && strcmp(value, wanted + length + 1) == 0);
	}
	return false;
}

static bool state_wanted(const struct options *options, const char *now)
{
	const struct option_use *use = option_next(options, "state", NULL);
	bool wanted = !use;

	for (; use && !wanted; use = option_next(options, "state", use))
		wanted = now && strcmp(use->value, now) == 0;
	return wanted;
}

/* One of the states, and every label. */
static bool wanted(const struct cli *cli, const struct json *record)
{
	const struct option_use *use = NULL;
	bool wanted = state_wanted(&cli->options, json_find_string(record, "state"));

	while (wanted && (use = option_next(&cli->options, "label", use)))
		wanted = label_matches(json_find(record, "labels"), use->value);
	return wanted;
}

/* The records that were asked for, in an array of their own. */
static struct json *choose_records(const struct cli *cli, const struct json *records)
{
	struct json *chosen = json_new_array();

	for (size_t i = 0; i < json_count(records); i++)
		if (wanted(cli, json_at(records, i)))
			json_append(chosen, json_copy(json_at(records, i)));
	return chosen;
}

static int cmd_list(struct cli *cli)
{
	cleanup_json struct json *records = NULL;
	cleanup_json struct json *chosen = NULL;
	struct json *words;
	struct listing listing;
	struct error err = { 0 };
	uint64_t pid = 0;
	int status;

	status = check_filters(cli);
	if (status != VESSEL_OK)
		return status;
	status = listing_choose(cli, &ve_fields, &listing);
	if (status != VESSEL_OK)
		return status;
	if (option_count(&cli->options, "pid", &pid, &err) < 0)
		return cli_fail(cli, &err);
	words = json_new_array();
	cli_words(cli, words);
	status = list_records(
		cli, words, option_given(&cli->options, "pid") ? (int64_t)pid : -1, &records);
	if (status != VESSEL_OK)
		return status;
	chosen = choose_records(cli, records);
	return listing_print(cli, &listing, chosen);
}
