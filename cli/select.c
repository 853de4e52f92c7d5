/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * select.c - from the words of the command line (names, globs, --all) to VEs.
 */
#include "select.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"

bool word_is_glob(const char *word)
{
	return strpbrk(word, "*?[") != NULL;
}

int list_records(const struct cli *cli, struct json *words, int64_t pid, struct json **ret)
{
	struct json *parameters = json_new_object();

	if (json_count(words) > 0)
		json_set(parameters, "names", words);
	else
		json_free(words);
	if (pid >= 0)
		json_set_int(parameters, "pid", pid);
	return cli_fetch(cli, "List", parameters, "ves", ret);
}

static bool is_among(const char *word, const char *const *words)
{
	for (; words && *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static bool selection_has(const struct selection *selection, const char *name)
{
	for (size_t i = 0; i < selection->n; i++)
		if (strcmp(selection->names[i], name) == 0)
			return true;
	return false;
}

static int selection_add(struct selection *selection, const char *name)
{
	char **names;

	if (!name || selection_has(selection, name))
		return 0;
	names = reallocarray(selection->names, selection->n + 1, sizeof(*names));
	if (!names)
		return -1;
	selection->names = names;
	names[selection->n] = strdup(name);
	if (!names[selection->n])
		return -1;
	selection->n++;
	return 0;
}

/* One glob, or all (NULL). */
static int selection_add_glob(const struct cli *cli, const char *glob, const char *const *already,
	struct selection *selection)
{
	cleanup_json struct json *records = NULL;
	struct json *words = json_new_array();
	int status;

	if (glob)
		json_append_string(words, glob);
	status = list_records(cli, words, -1, &records);
	selection->by_glob = true;
	for (size_t i = 0; status == VESSEL_OK && i < json_count(records); i++) {
		const struct json *record = json_at(records, i);
		const char *state = json_find_string(record, "state");

		if (state && is_among(state, already))
			continue;
		if (selection_add(selection, json_find_string(record, "name")) < 0)
			status = cli_usage(cli, "out of memory");
	}
	return status;
}

int selection_make(const struct cli *cli, const char *const *already, struct selection *ret)
{
	const struct options *options = &cli->options;
	int status = VESSEL_OK;

	*ret = (struct selection){ 0 };
	if (option_given(options, "all"))
		return selection_add_glob(cli, NULL, already, ret);
	for (size_t i = 0; status == VESSEL_OK && i < options->n_words; i++) {
		if (word_is_glob(options->words[i]))
			status = selection_add_glob(cli, options->words[i], already, ret);
		else if (selection_add(ret, options->words[i]) < 0)
			status = cli_usage(cli, "out of memory");
	}
	return status;
}

void selection_done(struct selection *selection)
{
	for (size_t i = 0; i < selection->n; i++)
		free(selection->names[i]);
	free(selection->names);
	*selection = (struct selection){ 0 };
}
