/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * life.c - start, stop, restart, pause, resume, kill and destroy: one word to several VEs.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/select.h"
#include "cli/tasks.h"

static int cmd_life(struct cli *cli);
static int cmd_destroy(struct cli *cli);

/* clang-format off */
static const struct option_row start_options[] = {
	{ 0, "wait",    NULL, "until the guest is ready" },
	{ 0, "timeout", "S",  "seconds after which the waiting ends, not the VE" },
};
static const struct option_row stop_options[] = {
	{ 0, "timeout", "S",  "seconds before force, instead of stop-timeout" },
	{ 0, "force",   NULL, "ask nobody" },
};
static const struct option_row kill_options[] = {
	{ 's', "signal", "SIGNAL", "TERM, HUP, 9, ..." },
};
static const struct option_row destroy_options[] = {
	{ 0, "force", NULL, "stop it first if it runs" },
	{ 0, "yes",   NULL, "do not ask, also for globs and --all" },
};

#define OPTIONS(rows) .options = (rows), .n_options = ARRAY_SIZE(rows)
#define VES .words = "VE...", .flags = COMMAND_VES, .min_words = 1, .max_words = WORDS_ANY

const struct command command_start = { "start", VES, OPTIONS(start_options), .run = cmd_life,
	.help = "boot VEs" };
const struct command command_stop = { "stop", VES, OPTIONS(stop_options), .run = cmd_life,
	.help = "shut VEs down, by force after the timeout" };
const struct command command_restart = { "restart", VES, OPTIONS(start_options), .run = cmd_life,
	.help = "stop VEs and start them again" };
const struct command command_pause = { "pause", VES, .run = cmd_life,
	.help = "freeze all processes of VEs" };
const struct command command_resume = { "resume", VES, .run = cmd_life,
	.help = "let paused VEs go on" };
const struct command command_kill = { "kill", VES, OPTIONS(kill_options), .run = cmd_life,
	.help = "send a signal to the init of VEs" };
const struct command command_destroy = { "destroy", VES, OPTIONS(destroy_options),
	.run = cmd_destroy, .help = "remove VEs with all they hold; there is no undelete" };

static const struct verb {
	const struct command *command;
	const char *method;
	const char *done;
	const char *already[4]; /* states that a glob passes over */
} verbs[] = {
	{ &command_start,   "Start",   "started",   { "starting", "running", NULL } },
	{ &command_stop,    "Stop",    "stopped",   { "stopped", NULL } },
	{ &command_restart, "Restart", "restarted", { NULL } },
	{ &command_pause,   "Pause",   "paused",    { "paused", NULL } },
	{ &command_resume,  "Resume",  "resumed",   { "running", NULL } },
	{ &command_kill,    "Kill",    "signal sent", { "stopped", NULL } },
	{ &command_destroy, "Destroy", "destroyed", { NULL } },
};
/* clang-format on */

static const struct verb *verb_find(const struct command *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (verbs[i].command == command)
			return &verbs[i];
	return NULL;
}

static struct json *make_parameters(const struct cli *cli, const char *name, uint64_t timeout)
{
	struct json *object = json_new_object();
	const char *signal = option_value(&cli->options, "signal");

	json_set_string(object, "name", name);
	if (option_given(&cli->options, "wait"))
		json_set_bool(object, "wait", true);
	if (option_given(&cli->options, "force"))
		json_set_bool(object, "force", true);
	if (option_given(&cli->options, "timeout"))
		json_set_int(object, "timeout", (int64_t)timeout);
	if (signal)
		json_set_string(object, "signal", signal);
	return object;
}

static int run_verb(struct cli *cli, const struct verb *verb, const struct selection *selection)
{
	struct error err = { 0 };
	uint64_t timeout = 0;
	struct tasks tasks;
	int status;

	if (option_count(&cli->options, "timeout", &timeout, &err) < 0)
		return cli_fail(cli, &err);
	if (tasks_init(&tasks, selection->n, verb->done) < 0)
		return cli_usage(cli, "out of memory");
	tasks.asked_force = option_given(&cli->options, "force");
	for (size_t i = 0; i < selection->n; i++) {
		tasks.tasks[i].name = selection->names[i];
		task_add(&tasks.tasks[i], verb->method,
			make_parameters(cli, selection->names[i], timeout));
	}
	status = tasks_run(cli, &tasks);
	tasks_done(&tasks);
	return status;
}

static int cmd_life(struct cli *cli)
{
	const struct verb *verb = verb_find(cli->command);
	struct selection selection;
	int status;

	if (cli->command == &command_kill && !option_given(&cli->options, "signal"))
		return cli_usage(cli, "kill needs a signal (-s SIGNAL)");
	if (cli->command->options == start_options && option_given(&cli->options, "timeout") &&
		!option_given(&cli->options, "wait"))
		return cli_usage(cli, "--timeout needs --wait");
	status = selection_make(cli, verb->already, &selection);
	if (status == VESSEL_OK)
		status = run_verb(cli, verb, &selection);
	selection_done(&selection);
	return status;
}

/* A name was typed on purpose; what a glob matched was not. */
static int confirm(const struct cli *cli, const struct selection *selection)
{
	char answer[16]; /* only its first letter counts */

	if (!selection->by_glob || selection->n == 0 || option_given(&cli->options, "yes"))
		return VESSEL_OK;
	if (!cli->terminal || !isatty(STDIN_FILENO))
		return cli_usage(cli, "cannot destroy by glob or --all unasked: add --yes");
	fputs("vessel: destroy", stderr);
	for (size_t i = 0; i < selection->n; i++)
		fprintf(stderr, "%s %s", i ? "," : "", selection->names[i]);
	fputs("? [y/N] ", stderr);
	if (fgets(answer, sizeof(answer), stdin) && tolower((unsigned char)answer[0]) == 'y')
		return VESSEL_OK;
	return cli_usage(cli, "nothing destroyed");
}

static int cmd_destroy(struct cli *cli)
{
	const struct verb *verb = verb_find(cli->command);
	struct selection selection;
	int status;

	status = selection_make(cli, NULL, &selection);
	if (status == VESSEL_OK)
		status = confirm(cli, &selection);
	if (status == VESSEL_OK)
		status = run_verb(cli, verb, &selection);
	selection_done(&selection);
	return status;
}
