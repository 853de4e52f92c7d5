/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * create.c - create, set and rename: what a VE is.
 *
 * Keys and passwords are read here, as the caller, and travel in the request; the daemon opens no
 * file of the caller's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/select.h"
#include "cli/settings.h"
#include "cli/tasks.h"

#define KEY_MAX      65536
#define PASSWORD_MAX 512

static int cmd_create(struct cli *cli);
static int cmd_set(struct cli *cli);
static int cmd_rename(struct cli *cli);

/* clang-format off */
static const struct option_row create_options[] = {
	{ 0, "template", "T",    "the root file system (see vessel template list)" },
	{ 0, "plan",     "P",    "settings to begin with" },
	{ 0, "ssh-key",  "FILE", "public keys that may log in as root" },
	{ 0, "password", "-",    "root's password, one line of standard input" },
	{ 0, "start",    NULL,   "and start it" },
	{ 0, "wait",     NULL,   "with --start: until the guest is ready" },
	{ 0, "timeout",  "S",    "with --wait: seconds after which the waiting ends" },
};
static const struct option_row set_options[] = {
	{ 0, "plan",     "P",    "overwrite what this plan names, first" },
	{ 0, "ssh-key",  "FILE", "public keys that may log in as root" },
	{ 0, "password", "-",    "root's password, one line of standard input" },
	{ 0, "live",     NULL,   "now only, not for good" },
};

const struct command command_create = {
	"create", "NAME... [SETTING...]", "make VEs from a template",
	create_options, ARRAY_SIZE(create_options), COMMAND_SETTINGS, 1, WORDS_ANY, cmd_create };
const struct command command_set = {
	"set", "VE... SETTING...", "change settings, now and for good",
	set_options, ARRAY_SIZE(set_options), COMMAND_SETTINGS | COMMAND_VES, 1, WORDS_ANY, cmd_set };
const struct command command_rename = {
	"rename", "VE NAME", "give a VE another name", NULL, 0, 0, 2, 2, cmd_rename };
/* clang-format on */

/* What every VE of the command line gets; owned. */
struct access {
	char *ssh_key;
	char password[PASSWORD_MAX];
	bool has_password;
};

static int read_key(const char *path, struct access *access, struct error *err)
{
	if (file_read(AT_FDCWD, path, KEY_MAX, &access->ssh_key, err) < 0) {
		err->kind = ERROR_USAGE;
		return error_wrap(err, "cannot read the key");
	}
	return 0;
}

static int read_password(const char *value, struct access *access, struct error *err)
{
	size_t length;

	if (strcmp(value, "-") != 0)
		return error_refuse(err, ERROR_USAGE,
			"--password takes only '-', and then one line of standard input: "
			"a command line is no secret");
	if (!fgets(access->password, sizeof(access->password), stdin))
		return error_refuse(err, ERROR_USAGE, "no password on standard input");
	length = strcspn(access->password, "\n");
	if (length == 0 || length == sizeof(access->password) - 1)
		return error_refuse(
			err, ERROR_USAGE, "the password is %s", length ? "too long" : "empty");
	access->password[length] = '\0';
	access->has_password = true;
	return 0;
}

static int read_access(const struct cli *cli, struct access *access, struct error *err)
{
	const char *key = option_value(&cli->options, "ssh-key");
	const char *password = option_value(&cli->options, "password");

	*access = (struct access){ 0 };
	if (key && read_key(key, access, err) < 0)
		return -err->code;
	return password ? read_password(password, access, err) : 0;
}

static void access_done(struct access *access)
{
	free(access->ssh_key);
	explicit_bzero(access->password, sizeof(access->password));
}

/* What Create and Set have in common. */
static struct json *make_parameters(
	const struct cli *cli, const char *name, const struct access *access)
{
	struct json *object = json_new_object();
	const char *plan = option_value(&cli->options, "plan");

	json_set_string(object, "name", name);
	if (plan)
		json_set_string(object, "plan", plan);
	settings_collect(&cli->options, json_set_object(object, "settings"));
	if (access->ssh_key)
		json_set_string(object, "ssh_key", access->ssh_key);
	if (access->has_password)
		json_set_string(object, "password", access->password);
	return object;
}

static void add_create(
	const struct cli *cli, struct task *task, const struct access *access, uint64_t timeout)
{
	struct json *create = make_parameters(cli, task->name, access);
	struct json *start;

	if (option_value(&cli->options, "template"))
		json_set_string(create, "template", option_value(&cli->options, "template"));
	task_add(task, "Create", create);
	if (!option_given(&cli->options, "start"))
		return;
	start = json_new_object();
	json_set_string(start, "name", task->name);
	if (option_given(&cli->options, "wait"))
		json_set_bool(start, "wait", true);
	if (option_given(&cli->options, "timeout"))
		json_set_int(start, "timeout", (int64_t)timeout);
	task_add(task, "Start", start);
}

/* Of two VEs of one name one would come to be and the other fail. */
static const char *find_twin(const struct options *options)
{
	for (size_t i = 1; i < options->n_words; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(options->words[i], options->words[j]) == 0)
				return options->words[i];
	return NULL;
}

static int run_create(const struct cli *cli, const struct access *access, uint64_t timeout)
{
	bool start = option_given(&cli->options, "start");
	struct tasks tasks;
	int status;

	if (tasks_init(&tasks, cli->options.n_words, start ? "started" : "created") < 0)
		return cli_usage(cli, "out of memory");
	for (size_t i = 0; i < tasks.n; i++) {
		tasks.tasks[i].name = cli->options.words[i];
		add_create(cli, &tasks.tasks[i], access, timeout);
	}
	status = tasks_run(cli, &tasks);
	tasks_done(&tasks);
	return status;
}

static int cmd_create(struct cli *cli)
{
	const struct options *options = &cli->options;
	struct error err = { 0 };
	struct access access;
	uint64_t timeout = 0;
	int status;

	if (find_twin(options))
		return cli_usage(cli, "cannot create %.80s twice", find_twin(options));
	if (option_given(options, "wait") && !option_given(options, "start"))
		return cli_usage(cli, "--wait needs --start");
	if (option_given(options, "timeout") && !option_given(options, "wait"))
		return cli_usage(cli, "--timeout needs --wait");
	if (option_count(options, "timeout", &timeout, &err) < 0)
		return cli_fail(cli, &err);
	status = read_access(cli, &access, &err) < 0 ? cli_fail(cli, &err)
						     : run_create(cli, &access, timeout);
	access_done(&access);
	return status;
}

static int run_set(const struct cli *cli, const struct access *access)
{
	struct selection selection;
	struct tasks tasks;
	int status;

	status = selection_make(cli, NULL, &selection);
	if (status == VESSEL_OK && tasks_init(&tasks, selection.n, "set") == 0) {
		for (size_t i = 0; i < tasks.n; i++) {
			struct json *object = make_parameters(cli, selection.names[i], access);

			if (option_given(&cli->options, "live"))
				json_set_bool(object, "live", true);
			tasks.tasks[i].name = selection.names[i];
			task_add(&tasks.tasks[i], "Set", object);
		}
		status = tasks_run(cli, &tasks);
		tasks_done(&tasks);
	}
	selection_done(&selection);
	return status;
}

/* Whether there is anything to set. */
static bool has_setting(const struct options *options)
{
	for (size_t i = 0; i < options->n_uses; i++)
		if (options->uses[i].setting)
			return true;
	return option_given(options, "plan") || option_given(options, "ssh-key") ||
	       option_given(options, "password");
}

static int cmd_set(struct cli *cli)
{
	struct error err = { 0 };
	struct access access;
	int status;

	if (!has_setting(&cli->options))
		return cli_usage(cli, "nothing to set (see vessel set --help)");
	status = read_access(cli, &access, &err) < 0 ? cli_fail(cli, &err) : run_set(cli, &access);
	access_done(&access);
	return status;
}

static int cmd_rename(struct cli *cli)
{
	struct json *object = json_new_object();
	struct tasks tasks;
	int status;

	json_set_string(object, "name", cli->options.words[0]);
	json_set_string(object, "new_name", cli->options.words[1]);
	if (tasks_init(&tasks, 1, "renamed") < 0)
		return cli_usage(cli, "out of memory");
	tasks.tasks[0].name = cli->options.words[0];
	task_add(&tasks.tasks[0], "Rename", object);
	status = tasks_run(cli, &tasks);
	tasks_done(&tasks);
	return status;
}
