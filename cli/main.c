/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * main.c - turns a command line into requests to vesseld.
 *
 * Each command's row lives in its own file; the table here is the only place that knows them all,
 * and help is printed from the rows, so it cannot lag behind the code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/settings.h"

static const struct group {
	const char *title;
	const struct command *commands[12];
} groups[] = {
	/* clang-format off */
	{ "VEs", { &command_create, &command_start, &command_stop, &command_restart,
		&command_pause, &command_resume, &command_kill, &command_rename,
		&command_destroy, &command_set, &command_list, &command_show } },
	{ "Inside a VE", { &command_exec, &command_enter, &command_console, &command_log } },
	{ "Templates", { &command_template_import, &command_template_build,
		&command_template_list, &command_template_show, &command_template_remove } },
	{ "Host", { &command_autostart, &command_shutdown, &command_doctor,
		&command_events } },
	/* clang-format on */
};

/* What other tools call it. */
static const struct peer {
	const char *word;
	const char *ours;
} peers[] = {
	/* clang-format off */
	{ "attach",   "vessel console or vessel enter" },
	{ "config",   "vessel show or vessel set" },
	{ "delete",   "vessel destroy" },
	{ "down",     "vessel stop" },
	{ "freeze",   "vessel pause" },
	{ "halt",     "vessel stop" },
	{ "help",     "vessel --help" },
	{ "images",   "vessel template list" },
	{ "import",   "vessel template import" },
	{ "info",     "vessel show" },
	{ "init",     "vessel create" },
	{ "inspect",  "vessel show" },
	{ "launch",   "vessel create --start" },
	{ "login",    "vessel enter" },
	{ "logs",     "vessel log" },
	{ "ls",       "vessel list" },
	{ "mount",    "vessel exec" },
	{ "mv",       "vessel rename" },
	{ "poweroff", "vessel stop" },
	{ "ps",       "vessel list" },
	{ "pull",     "vessel template import or vessel template build" },
	{ "reboot",   "vessel restart" },
	{ "remove",   "vessel destroy" },
	{ "rm",       "vessel destroy" },
	{ "rmi",      "vessel template remove" },
	{ "run",      "vessel create --start" },
	{ "shell",    "vessel enter" },
	{ "status",   "vessel list or vessel show" },
	{ "suspend",  "vessel pause" },
	{ "unfreeze", "vessel resume" },
	{ "unpause",  "vessel resume" },
	{ "up",       "vessel start" },
	{ "update",   "vessel set" },
	{ "version",  "vessel --version" },
	/* clang-format on */
};

#define LEFT 28 /* columns; what is much longer gets a line of its own */

static void print_row(const char *left, const char *help)
{
	if (strlen(left) > LEFT + 4)
		printf("  %s\n  %-*s %s\n", left, LEFT, "", help);
	else
		printf("  %-*s %s\n", LEFT, left, help);
}

static void print_options(const struct option_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left[64]; /* the longest row: 30 characters */

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ',
			rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ",
			rows[i].name, rows[i].arg ? " " : "", rows[i].arg ? rows[i].arg : "");
		print_row(left, rows[i].help);
	}
}

static void print_settings(void)
{
	printf("\nSettings (none: no limit or empty; default: as the plan has it):\n");
	for (size_t i = 0; i < setting_rows_count; i++) {
		char left[64]; /* the longest row: 43 characters */

		snprintf(left, sizeof(left), "    --%s %s", setting_rows[i].name,
			setting_rows[i].arg);
		print_row(left, setting_rows[i].help);
	}
}

static void help_command(const struct command *command)
{
	printf("usage: vessel %s %s%s\n\n%s\n\nOptions:\n", command->name,
		command->n_options || command->flags & COMMAND_VES ? "[OPTION...] " : "",
		command->words, command->help);
	print_options(command->options, command->n_options);
	if (command->flags & COMMAND_VES)
		print_options(&option_all, 1);
	print_options(options_global, options_global_count);
	if (command->flags & COMMAND_SETTINGS)
		print_settings();
}

static void help_all(FILE *file)
{
	fprintf(file, "usage: vessel [--instance NAME] COMMAND [OPTION...] [VE...]\n"
		      "VE is a name, 'glob*', or --all; vessel COMMAND --help says more.\n");
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		fprintf(file, "\n%s\n", groups[g].title);
		for (size_t i = 0; i < ARRAY_SIZE(groups[g].commands); i++) {
			const struct command *c = groups[g].commands[i];

			if (c)
				fprintf(file, "  %-16s %-28s %s\n", c->name, c->words, c->help);
		}
	}
}

/* A command of one word, or of two ("template list"); *ret_used says how many. */
static const struct command *command_find(int argc, char **argv, int *ret_used)
{
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
		for (size_t i = 0; i < ARRAY_SIZE(groups[g].commands); i++) {
			const struct command *c = groups[g].commands[i];
			size_t first = c ? strcspn(c->name, " ") : 0;

			if (!c || strlen(argv[0]) != first || memcmp(argv[0], c->name, first) != 0)
				continue;
			*ret_used = c->name[first] ? 2 : 1;
			if (!c->name[first] ||
				(argc > 1 && strcmp(argv[1], c->name + first + 1) == 0))
				return c;
		}
	return NULL;
}

static int no_command(const struct cli *cli, int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		if (strcmp(peers[i].word, argv[0]) == 0)
			return cli_usage(cli, "no command '%s': use %s", argv[0], peers[i].ours);
	if (strcmp(argv[0], "template") == 0)
		return cli_usage(cli,
			argc > 1 ? "no command 'template %s' (import, build, list, "
				   "show, remove)"
				 : "template needs one of import, build, list, show, "
				   "remove",
			argv[1]);
	return cli_usage(cli, "no command '%s' (see vessel --help)", argv[0]);
}

static int run_command(struct cli *cli)
{
	const struct command *c = cli->command;
	size_t n = cli->options.n_words;

	if (option_given(&cli->options, "help")) {
		help_command(c);
		return cli_flush(cli);
	}
	if (option_value(&cli->options, "instance"))
		cli->instance = option_value(&cli->options, "instance");
	cli->quiet |= option_given(&cli->options, "quiet");
	if ((c->flags & COMMAND_VES) && option_given(&cli->options, "all") && n > 0)
		return cli_usage(cli, "--all and names at once (see vessel %s --help)", c->name);
	if ((c->flags & COMMAND_VES) && option_given(&cli->options, "all"))
		return c->run(cli);
	if (n < c->min_words || n > c->max_words)
		return cli_usage(cli, "%s (usage: vessel %s%s%s)",
			n < c->min_words ? "too few words" : "too many words", c->name,
			c->words[0] ? " " : "", c->words);
	return c->run(cli);
}

/* JSON carries nothing else; a byte that was changed on the way would be worse than none. */
static int check_words(const struct cli *cli, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		size_t length = strlen(argv[i]);
		size_t n;

		for (size_t at = 0; at < length; at += n) {
			n = text_utf8(argv[i] + at, length - at);
			if (n == 0)
				return cli_usage(cli, "'%.80s' is no UTF-8 text", argv[i]);
		}
	}
	return VESSEL_OK;
}

static int run_line(struct cli *cli, int argc, char **argv)
{
	struct error err = { 0 };
	int used = 0;
	int status;

	cli->command = command_find(argc, argv, &used);
	if (!cli->command)
		return no_command(cli, argc, argv);
	status = check_words(cli, argc, argv);
	if (status != VESSEL_OK)
		return status;
	if (options_parse(cli->command, argc - used, argv + used, &cli->options, &used, &err) < 0)
		status = cli_fail(cli, &err);
	else
		status = run_command(cli);
	options_done(&cli->options);
	return status;
}

int main(int argc, char **argv)
{
	struct cli cli = { .instance = getenv("VESSEL_INSTANCE"),
		.terminal = isatty(STDERR_FILENO) };
	struct options global;
	struct error err = { 0 };
	int used;
	int status;

	if (argc < 1 || options_parse(NULL, argc - 1, argv + 1, &global, &used, &err) < 0)
		return cli_fail(&cli, &err);
	cli.quiet = option_given(&global, "quiet");
	if (option_value(&global, "instance"))
		cli.instance = option_value(&global, "instance");
	if (option_given(&global, "version")) {
		printf("vessel %s\n", PACKAGE_VERSION);
		status = cli_flush(&cli);
	} else if (option_given(&global, "help")) {
		help_all(stdout);
		status = cli_flush(&cli);
	} else if (used == argc - 1) {
		help_all(stderr);
		status = VESSEL_USAGE;
	} else {
		status = run_line(&cli, argc - 1 - used, argv + 1 + used);
	}
	options_done(&global);
	return status;
}
