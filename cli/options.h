/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * options.h - a command's table row, and its command line taken apart by that row.
 *
 * Long options in any place before `--`, as `--name value` or `--name=value`; short ones where the
 * row has a letter, also bundled. No abbreviations: a new option never changes what an old script
 * means.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli;
struct error;

struct option_row {
	char letter;      /* 0: none */
	const char *name; /* without the dashes */
	const char *arg;  /* what follows, for help; NULL: nothing does */
	const char *help;
};

enum command_flag {
	COMMAND_SETTINGS = 1, /* takes the options of settings.h too */
	COMMAND_VES = 2,      /* its words are names and globs of VEs; takes --all */
	COMMAND_READS = 4,    /* changes nothing: the read-only socket will do */
	COMMAND_SESSION = 8,  /* failures of vessel are 125 */
	COMMAND_STOPS = 16,   /* after the first word, all is another command line */
};

#define WORDS_ANY SIZE_MAX

struct command {
	const char *name;  /* one word, or two: "template import" */
	const char *words; /* for help */
	const char *help;
	const struct option_row *options;
	size_t n_options;
	unsigned int flags;
	size_t min_words, max_words;
	int (*run)(struct cli *cli); /* returns the exit status */
};

/* One option as given; name is the row's, or a setting's. */
struct option_use {
	const char *name;
	const char *value; /* NULL for an option without one */
	bool setting;
};

struct options {
	struct option_use *uses;
	size_t n_uses;
	const char **words; /* NULL-terminated, borrowed from argv */
	size_t n_words;
};

extern const struct option_row options_global[];
extern const size_t options_global_count;
extern const struct option_row option_all;

/* Parses argv (without the command's own name). With command NULL: global options up to the first
 * word only; *ret_used says how many of argv those are. ERROR_USAGE otherwise. */
int options_parse(const struct command *command, int argc, char **argv, struct options *ret,
	int *ret_used, struct error *err);
void options_done(struct options *options);

/* The last use of the option, or NULL. */
const struct option_use *option_find(const struct options *options, const char *name);
/* Each use of an option that may be given again, in order: the one after `before`, NULL for the
 * first. */
const struct option_use *option_next(
	const struct options *options, const char *name, const struct option_use *before);
bool option_given(const struct options *options, const char *name);
const char *option_value(const struct options *options, const char *name);

/* A number of seconds or things; *ret stays as it is when the option was not given. */
int option_count(const struct options *options, const char *name, uint64_t *ret, struct error *err);
