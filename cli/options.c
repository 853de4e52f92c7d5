/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * options.c - a command line taken apart by its command's row.
 */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/parse.h"
#include "cli/settings.h"

/* clang-format off */
const struct option_row options_global[] = {
	{ 'h', "help",     NULL,   "say how it is used" },
	{ 'q', "quiet",    NULL,   "say nothing but errors" },
	{ 0,   "instance", "NAME", "talk to the vesseld of this instance (or VESSEL_INSTANCE)" },
	{ 0,   "version",  NULL,   "print the version" },
};
/* clang-format on */
const size_t options_global_count = ARRAY_SIZE(options_global);

const struct option_row option_all = { 0, "all", NULL, "every VE there is" };

struct parser {
	const struct command *command; /* NULL: global options only */
	int argc, at;
	char **argv;
	struct options *options;
	struct error *err;
};

static const struct option_row *row_find(
	const struct option_row *rows, size_t n, char letter, const char *name, size_t length)
{
	for (size_t i = 0; i < n; i++) {
		if (letter && rows[i].letter == letter)
			return &rows[i];
		if (!letter && strlen(rows[i].name) == length &&
			memcmp(rows[i].name, name, length) == 0)
			return &rows[i];
	}
	return NULL;
}

/* By letter, or by name. The command's own rows, those of its kind, the global ones. */
static const struct option_row *option_lookup(
	const struct parser *p, char letter, const char *name, size_t length)
{
	const struct option_row *row = NULL;
	const struct command *command = p->command;

	if (command)
		row = row_find(command->options, command->n_options, letter, name, length);
	if (!row && command && (command->flags & COMMAND_VES))
		row = row_find(&option_all, 1, letter, name, length);
	if (!row)
		row = row_find(options_global, options_global_count, letter, name, length);
	return row;
}

static int add_use(struct parser *p, const char *name, const char *value, bool setting)
{
	struct options *options = p->options;
	struct option_use *uses =
		reallocarray(options->uses, options->n_uses + 1, sizeof(*options->uses));

	if (!uses)
		return error_memory(p->err);
	options->uses = uses;
	uses[options->n_uses++] = (struct option_use){ name, value, setting };
	return 0;
}

static const char *try_help(const struct parser *p)
{
	return p->command ? p->command->name : "";
}

static int unknown(struct parser *p, const char *dashes, const char *name, size_t length)
{
	return error_refuse(p->err, ERROR_USAGE, "unknown option %s%.*s (see vessel %s%s--help)",
		dashes, (int)length, name, try_help(p), p->command ? " " : "");
}

/* The word after an option that needs one. */
static const char *next_word(struct parser *p)
{
	return p->at < p->argc ? p->argv[p->at++] : NULL;
}

static int take_long(struct parser *p, const char *text)
{
	size_t length = strcspn(text, "=");
	const char *value = text[length] ? text + length + 1 : NULL;
	const struct option_row *row = option_lookup(p, 0, text, length);
	const struct setting_row *setting = NULL;

	if (!row && p->command && (p->command->flags & COMMAND_SETTINGS))
		setting = setting_row_find(text, length);
	if (!row && !setting)
		return unknown(p, "--", text, length);
	if (row && !row->arg && value)
		return error_refuse(p->err, ERROR_USAGE, "--%s takes no value", row->name);
	if ((setting || row->arg) && !value)
		value = next_word(p);
	if ((setting || row->arg) && !value)
		return error_refuse(p->err, ERROR_USAGE, "--%s needs a value (%s)",
			setting ? setting->name : row->name, setting ? setting->arg : row->arg);
	return add_use(p, setting ? setting->name : row->name, value, setting != NULL);
}

static int take_short(struct parser *p, const char *letters)
{
	while (*letters) {
		const struct option_row *row = option_lookup(p, *letters, NULL, 0);
		const char *value = NULL;
		int r;

		if (!row)
			return unknown(p, "-", letters, 1);
		letters++;
		if (row->arg) {
			value = *letters ? letters : next_word(p);
			letters = "";
		}
		if (row->arg && !value)
			return error_refuse(p->err, ERROR_USAGE, "-%c needs a value (%s)",
				row->letter, row->arg);
		r = add_use(p, row->name, value, false);
		if (r < 0)
			return r;
	}
	return 0;
}

static void add_word(struct parser *p, const char *word)
{
	p->options->words[p->options->n_words++] = word;
}

/* `vessel exec VE [--] CMD...`: from here on nothing is ours. */
static void take_rest(struct parser *p)
{
	if (p->at < p->argc && strcmp(p->argv[p->at], "--") == 0)
		p->at++;
	while (p->at < p->argc)
		add_word(p, p->argv[p->at++]);
}

static int take_word(struct parser *p, const char *word)
{
	if (strcmp(word, "--") == 0) {
		while (p->at < p->argc)
			add_word(p, p->argv[p->at++]);
		return 0;
	}
	if (word[0] == '-' && word[1] == '-')
		return take_long(p, word + 2);
	if (word[0] == '-' && word[1])
		return take_short(p, word + 1);
	add_word(p, word);
	if (p->command->flags & COMMAND_STOPS)
		take_rest(p);
	return 0;
}

int options_parse(const struct command *command, int argc, char **argv, struct options *ret,
	int *ret_used, struct error *err)
{
	struct parser p = {
		.command = command, .argc = argc, .argv = argv, .options = ret, .err = err
	};
	int r = 0;

	*ret = (struct options){ .words = calloc((size_t)argc + 1, sizeof(*ret->words)) };
	if (!ret->words)
		return error_memory(err);
	while (r == 0 && p.at < argc) {
		const char *word = argv[p.at];

		if (!command && (word[0] != '-' || !word[1]))
			break;
		p.at++;
		r = take_word(&p, word);
	}
	*ret_used = p.at;
	return r;
}

void options_done(struct options *options)
{
	free(options->uses);
	free(options->words);
	*options = (struct options){ 0 };
}

const struct option_use *option_find(const struct options *options, const char *name)
{
	for (size_t i = options->n_uses; i > 0; i--)
		if (!options->uses[i - 1].setting && strcmp(options->uses[i - 1].name, name) == 0)
			return &options->uses[i - 1];
	return NULL;
}

const struct option_use *option_next(
	const struct options *options, const char *name, const struct option_use *before)
{
	size_t i = before ? (size_t)(before - options->uses) + 1 : 0;

	for (; i < options->n_uses; i++)
		if (!options->uses[i].setting && strcmp(options->uses[i].name, name) == 0)
			return &options->uses[i];
	return NULL;
}

bool option_given(const struct options *options, const char *name)
{
	return option_find(options, name) != NULL;
}

const char *option_value(const struct options *options, const char *name)
{
	const struct option_use *use = option_find(options, name);

	return use ? use->value : NULL;
}

int option_count(const struct options *options, const char *name, uint64_t *ret, struct error *err)
{
	const char *value = option_value(options, name);

	if (value && (parse_count(value, ret) < 0 || *ret > INT32_MAX))
		return error_refuse(
			err, ERROR_USAGE, "bad value '%s' for --%s (a number)", value, name);
	return 0;
}
