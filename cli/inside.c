/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inside.c - exec, enter and console: the caller's terminal or pipes inside a VE.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

static int cmd_exec(struct cli *cli);
static int cmd_enter(struct cli *cli);
static int cmd_console(struct cli *cli);

/* clang-format off */
static const struct option_row exec_options[] = {
	{ 't', "terminal",    NULL,   "with a terminal, whatever stdin and stdout are" },
	{ 'T', "no-terminal", NULL,   "without one" },
	{ 'n', "no-stdin",    NULL,   "with /dev/null as stdin" },
	{ 'u', "user",        "USER", "as this user of the VE, a name or a number" },
	{ 0,   "cwd",         "D",    "in this directory, not the user's home" },
	{ 0,   "env",         "K=V",  "with this in the environment; may be repeated" },
};

const struct command command_exec = { "exec", "VE [--] CMD...", "run a program in a VE",
	exec_options, ARRAY_SIZE(exec_options), COMMAND_SESSION | COMMAND_STOPS, 2, WORDS_ANY,
	cmd_exec };
const struct command command_enter = { "enter", "VE", "a login shell in a VE",
	NULL, 0, COMMAND_SESSION, 1, 1, cmd_enter };
const struct command command_console = { "console", "VE",
	"attach to the console of a VE; Ctrl-] leaves", NULL, 0, 0, 1, 1, cmd_console };
/* clang-format on */

static int run_exec(const struct cli *cli, struct vessel_exec *exec)
{
	cleanup_vessel struct vessel *vessel = NULL;
	struct vessel_error err;
	int status;

	if (cli_open(cli, &vessel, &err) != VESSEL_OK)
		return cli_refused(cli, &err);
	status = vessel_exec(vessel, cli->options.words[0], exec, &err);
	if (err.result != VESSEL_OK)
		(void)cli_refused(cli, &err); /* the status is exec's own */
	return status;
}

/* The --env options as a list for execve; owned, its strings borrowed. */
static const char **make_environment(const struct options *options)
{
	const char **env = calloc(options->n_uses + 1, sizeof(*env));
	size_t n = 0;

	for (size_t i = 0; env && i < options->n_uses; i++)
		if (strcmp(options->uses[i].name, "env") == 0)
			env[n++] = options->uses[i].value;
	return env;
}

static const char *find_bad_variable(const char *const *env)
{
	for (; env && *env; env++)
		if (**env == '=' || !strchr(*env, '='))
			return *env;
	return NULL;
}

static bool choose_terminal(const struct options *options)
{
	if (option_given(options, "no-terminal"))
		return false;
	return option_given(options, "terminal") ||
	       (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
		       !option_given(options, "no-stdin"));
}

static int cmd_exec(struct cli *cli)
{
	const struct options *options = &cli->options;
	cleanup_free const char **env = make_environment(options);
	cleanup_close int null_fd = -1;
	struct vessel_exec exec = {
		.argv = options->words + 1,
		.env = env,
		.user = option_value(options, "user"),
		.cwd = option_value(options, "cwd"),
		.terminal = choose_terminal(options),
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
	};

	if (option_given(options, "terminal") &&
		(option_given(options, "no-terminal") || option_given(options, "no-stdin")))
		return cli_usage(cli, "-t with -T or -n");
	if (find_bad_variable(env))
		return cli_usage(cli, "bad value '%.80s' for --env (K=V)", find_bad_variable(env));
	if (option_given(options, "no-stdin")) {
		null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null_fd < 0)
			return cli_usage(cli, "cannot open /dev/null");
		exec.stdio[0] = null_fd;
	}
	return run_exec(cli, &exec);
}

static int cmd_enter(struct cli *cli)
{
	struct vessel_exec exec = {
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
	};

	return run_exec(cli, &exec);
}

static int cmd_console(struct cli *cli)
{
	cleanup_vessel struct vessel *vessel = NULL;
	struct vessel_error err;

	if (cli_open(cli, &vessel, &err) != VESSEL_OK)
		return cli_refused(cli, &err);
	if (isatty(STDIN_FILENO))
		cli_say(cli, "%s: console, Ctrl-] leaves", cli->options.words[0]);
	if (vessel_console(vessel, cli->options.words[0], &err) != VESSEL_OK)
		return cli_refused(cli, &err);
	return VESSEL_OK;
}
