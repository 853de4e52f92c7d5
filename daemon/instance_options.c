/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance_options.c - the options of vesseld, which are the keys of vessel.json too.
 *
 * One row is one option: --help, the command line and the file are read from this table. Words are
 * collected first (the command line, then the file where it is silent) and turned into values once.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "daemon/instance.h"
#include "netns/plan.h"

#define ID_BLOCK    65536U
#define ID_DEFAULTS "1048576-537919487"
#define ID_LAST_MAX 4294901759U /* the block above it holds (uid_t)-1 */
#define JOBS_MAX    1024
#define OPTION_TEXT 128

typedef int option_fn(struct instance *instance, const char *word, struct error *err);

static option_fn set_instance, set_state_dir, set_run_dir, set_cgroup, set_ids, set_jobs, set_hold;
static option_fn set_addresses, set_allow_host;

struct option_row {
	const char *name;
	const char *argument; /* NULL: a role, without argument */
	bool in_file;
	enum vesseld_role role;
	option_fn *set;
	const char *help;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ "instance",  "NAME",       false, 0, set_instance,  "a vesseld of its own beside others, all paths with -NAME" },
	{ "state-dir", "DIR",        true,  0, set_state_dir, "where VEs and templates are kept (/var/lib/vessel)" },
	{ "run-dir",   "DIR",        true,  0, set_run_dir,   "where the sockets are (/run/vessel)" },
	{ "cgroup",    "PATH",       true,  0, set_cgroup,    "the parent of all VEs in each hierarchy (/vessel)" },
	{ "ids",       "FIRST-LAST", true,  0, set_ids,       "host ids to give to VEs (" ID_DEFAULTS ")" },
	{ "addresses", "RANGES",     true,  0, set_addresses, "to give to VEs: 10.77.0.0/16,..., none, or auto: chosen once (auto)" },
	{ "allow-host", "PORTS",     true,  0, set_allow_host, "PORT[/udp],... of the host that every VE may reach (none)" },
	{ "jobs",      "N",          true,  0, set_jobs,      "at most N operations at once (4 per CPU)" },
	{ "hold",      "STEP",       true,  0, set_hold,      "for tests: jobs stop before this step" },
	{ "keeper",    NULL, false, ROLE_KEEPER,  NULL, "only keep the VEs: for a unit of its own" },
	{ "manager",   NULL, false, ROLE_MANAGER, NULL, "only manage, beside a running keeper" },
	{ "steps",     NULL, false, ROLE_STEPS,   NULL, "print the steps that --hold knows and exit" },
	{ "check",     NULL, false, ROLE_CHECK,   NULL, "read options and vessel.json, then exit" },
	{ "help",      NULL, false, ROLE_HELP,    NULL, "print this and exit" },
	{ "version",   NULL, false, ROLE_VERSION, NULL, "print the version and exit" },
};
/* clang-format on */

static_assert(ARRAY_SIZE(rows) <= INSTANCE_OPTIONS_MAX, "one word for each row");

/* The row of this name (of `length` bytes), or -1. */
static int row_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
			return (int)i;
	return -1;
}

static int replace(char **slot, const char *word, struct error *err)
{
	char *copy = strdup(word);

	if (!copy)
		return error_memory(err);
	free(*slot);
	*slot = copy;
	return 0;
}

static int set_instance(struct instance *instance, const char *word, struct error *err)
{
	if (!name_valid(word))
		return error_refuse(err, ERROR_USAGE,
			"bad instance name '%.80s' (a-z, 0-9 and inner -, at most 63)", word);
	return replace(&instance->name, word, err);
}

static int set_dir(char **slot, const char *what, const char *word, struct error *err)
{
	if (word[0] != '/' || !string_clean(word, JSON_TEXT_MAX))
		return error_refuse(
			err, ERROR_USAGE, "%s must be an absolute path: '%s'", what, word);
	return replace(slot, word, err);
}

static int set_state_dir(struct instance *instance, const char *word, struct error *err)
{
	return set_dir(&instance->state_dir, "state-dir", word, err);
}

static int set_run_dir(struct instance *instance, const char *word, struct error *err)
{
	return set_dir(&instance->run_dir, "run-dir", word, err);
}

static int set_cgroup(struct instance *instance, const char *word, struct error *err)
{
	bool bad = word[0] != '/' || !word[1] || strstr(word, "/.") || strstr(word, "//") ||
		   !string_clean(word, JSON_TEXT_MAX);

	if (bad)
		return error_refuse(err, ERROR_USAGE,
			"cgroup must be a path below the root of the hierarchies: '%s'", word);
	return replace(&instance->cgroup, word, err);
}

static int set_ids(struct instance *instance, const char *word, struct error *err)
{
	const char *dash = strchr(word, '-');
	cleanup_free char *first = dash ? strndup(word, (size_t)(dash - word)) : NULL;
	uid_t from, to;

	if (!first || parse_id(first, &from) < 0 || parse_id(dash + 1, &to) < 0)
		return error_refuse(err, ERROR_USAGE, "ids must be FIRST-LAST: '%s'", word);
	if (from % ID_BLOCK || (to + 1) % ID_BLOCK || from < ID_BLOCK || to < from ||
		to > ID_LAST_MAX)
		return error_refuse(err, ERROR_USAGE,
			"ids must be whole blocks of 65536 above the first, like " ID_DEFAULTS
			": '%s'",
			word);
	instance->first_id = from;
	instance->id_blocks = (uint32_t)((to - from + 1) / ID_BLOCK);
	return 0;
}

static int set_addresses(struct instance *instance, const char *word, struct error *err)
{
	int n = 0;

	instance->choose_ranges = strcmp(word, "auto") == 0;
	if (!instance->choose_ranges && strcmp(word, "none") != 0)
		n = plan_parse(word, instance->ranges, INSTANCE_RANGES, err);
	if (n < 0)
		return error_wrap(err, "bad addresses");
	instance->n_ranges = (size_t)n;
	return 0;
}

/* "53/udp"; a bare port is TCP's. */
static int take_port(struct instance *instance, const char *word, struct error *err)
{
	size_t length = strcspn(word, "/");
	cleanup_free char *digits = strndup(word, length);
	bool udp = strcmp(word + length, "/udp") == 0;
	struct filter_port *port = &instance->open[instance->n_open];
	uint64_t number;

	if (!digits)
		return error_memory(err);
	if (parse_count(digits, &number) < 0 || number < 1 || number > UINT16_MAX ||
		(!udp && word[length] && strcmp(word + length, "/tcp") != 0))
		return error_refuse(err, ERROR_USAGE,
			"allow-host must be ports like 53/udp,25, or none: '%s'", word);
	if (instance->n_open == INSTANCE_OPEN)
		return error_refuse(
			err, ERROR_USAGE, "allow-host has more than %d ports", INSTANCE_OPEN);
	*port = (struct filter_port){ udp ? IPPROTO_UDP : IPPROTO_TCP, (uint16_t)number };
	for (size_t i = 0; i < instance->n_open; i++)
		if (instance->open[i].port == port->port &&
			instance->open[i].protocol == port->protocol)
			return 0;
	instance->n_open++;
	return 0;
}

static int set_allow_host(struct instance *instance, const char *word, struct error *err)
{
	cleanup_free char *words = strdup(word);
	char *rest = words, *one;
	int r = words ? 0 : error_memory(err);

	instance->n_open = 0;
	if (r < 0 || strcmp(word, "none") == 0)
		return r;
	while (r == 0 && (one = strsep(&rest, ",")))
		r = take_port(instance, one, err);
	return r;
}

static int set_jobs(struct instance *instance, const char *word, struct error *err)
{
	uint64_t jobs;

	if (parse_count(word, &jobs) < 0 || jobs < 1 || jobs > JOBS_MAX)
		return error_refuse(err, ERROR_USAGE, "jobs must be a number from 1 to %d: '%s'",
			JOBS_MAX, word);
	instance->jobs = (uint32_t)jobs;
	return 0;
}

static int set_hold(struct instance *instance, const char *word, struct error *err)
{
	return replace(&instance->hold, word, err);
}

static int parse_option(int argc, char **argv, int *i, struct instance_words *words,
	enum vesseld_role *role, struct error *err)
{
	const char *word = argv[*i];
	bool is_option = strncmp(word, "--", 2) == 0;
	const char *name = is_option ? word + 2 : word;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? name + length + 1 : NULL;
	int row = is_option ? row_find(name, length) : -1;

	if (strcmp(word, "-h") == 0)
		row = row_find("help", strlen("help"));
	if (row < 0)
		return error_refuse(
			err, ERROR_USAGE, "unknown option %s (see vesseld --help)", word);
	if (!rows[row].argument && value)
		return error_refuse(err, ERROR_USAGE, "--%s takes no value", rows[row].name);
	if (!rows[row].argument) {
		bool both = *role != ROLE_BOTH && *role != rows[row].role;

		if (both && rows[row].role <= ROLE_MANAGER && *role <= ROLE_MANAGER)
			return error_refuse(
				err, ERROR_USAGE, "--keeper and --manager are two processes");
		*role = rows[row].role > *role ? rows[row].role : *role;
		return 0;
	}
	if (!value && ++*i < argc)
		value = argv[*i];
	if (!value)
		return error_refuse(
			err, ERROR_USAGE, "--%s needs %s", rows[row].name, rows[row].argument);
	words->value[row] = value;
	return 0;
}

int instance_parse_arguments(int argc, char **argv, struct instance_words *ret,
	enum vesseld_role *ret_role, struct error *err)
{
	struct instance_words words = { 0 };
	enum vesseld_role role = ROLE_BOTH;

	for (int i = 1; i < argc; i++) {
		int r = parse_option(argc, argv, &i, &words, &role, err);

		if (r < 0)
			return r;
	}
	*ret = words;
	*ret_role = role;
	return 0;
}

/* Numbers may be written as numbers: the word is put in their place, so that the tree owns it. */
static int file_word(struct json *file, const char *key, const char **ret, struct error *err)
{
	const struct json *value = json_find(file, key);
	char text[FORMAT_SIZE]; /* a 64-bit number */
	int64_t number;

	if (json_int(value, &number)) {
		snprintf(text, sizeof(text), "%lld", (long long)number);
		json_set_string(file, key, text);
	}
	*ret = json_find_string(file, key);
	if (!*ret)
		return error_refuse(
			err, ERROR_USAGE, "'%s' must be a string or a whole number", key);
	return 0;
}

int instance_parse_file(const char *text, size_t length, struct instance_words *words,
	struct json **ret_file, struct error *err)
{
	cleanup_json struct json *file = NULL;
	int r = json_parse(text, length, &file, err);

	if (r < 0) {
		err->kind = ERROR_USAGE;
		return r;
	}
	if (json_type(file) != JSON_OBJECT)
		return error_refuse(err, ERROR_USAGE, "not a JSON object");
	for (size_t i = 0; i < json_count(file); i++) {
		const char *key = json_key_at(file, i);
		const char *word;
		int row = row_find(key, strlen(key));

		if (row < 0 || !rows[row].in_file)
			return error_refuse(err, ERROR_USAGE, "unknown key '%s'", key);
		r = file_word(file, key, &word, err);
		if (r < 0)
			return r;
		if (!words->value[row])
			words->value[row] = word;
	}
	*ret_file = take_ptr(&file);
	return 0;
}

static int apply_defaults(struct instance *instance, struct error *err)
{
	const char *dash = instance->name[0] ? "-" : "";
	cpu_set_t cpus;

	if (!instance->state_dir &&
		asprintf(&instance->state_dir, "/var/lib/vessel%s%s", dash, instance->name) < 0)
		return error_memory(err);
	if (!instance->run_dir &&
		asprintf(&instance->run_dir, "/run/vessel%s%s", dash, instance->name) < 0)
		return error_memory(err);
	if (!instance->jobs)
		instance->jobs = sched_getaffinity(0, sizeof(cpus), &cpus) == 0
					 ? 4 * (uint32_t)CPU_COUNT(&cpus)
					 : 8;
	return 0;
}

int instance_apply(const struct instance_words *words, struct instance *ret, struct error *err)
{
	struct instance instance = { .state_fd = -1, .run_fd = -1, .choose_ranges = true };
	int r = replace(&instance.name, "", err);

	if (r == 0)
		r = set_ids(&instance, ID_DEFAULTS, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		if (words->value[i])
			r = rows[i].set(&instance, words->value[i], err);
	if (r == 0)
		r = apply_defaults(&instance, err);
	if (r < 0) {
		instance_done(&instance);
		return r;
	}
	*ret = instance;
	return 0;
}

void instance_print_help(FILE *file)
{
	fputs("vesseld [OPTION...]\n\n"
	      "Runs virtual environments. Started by hand it is a keeper and a manager.\n\n",
		file);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char option[OPTION_TEXT]; /* the longest name and argument are 30 characters */

		snprintf(option, sizeof(option), "--%s%s%s", rows[i].name,
			rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		fprintf(file, "  %-20s %s\n", option, rows[i].help);
	}
}
