/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * template.c - the read-only root file systems that VEs share.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/progress.h"
#include "cli/select.h"
#include "cli/tasks.h"

static int cmd_import(struct cli *cli);
static int cmd_build(struct cli *cli);
static int cmd_templates(struct cli *cli);
static int cmd_template_show(struct cli *cli);
static int cmd_template_remove(struct cli *cli);

/* clang-format off */
static const struct option_row import_options[] = {
	{ 0, "sha256",      "X",    "refuse it unless its uncompressed stream has this digest" },
	{ 0, "replace",     NULL,   "move a name that exists to the new content" },
	{ 0, "squash",      NULL,   "give ids of 65536 and above to nobody, not refuse them" },
	{ 0, "max-bytes",   "SIZE", "the most that may come out of it" },
	{ 0, "max-ratio",   "N",    "the most that may come out of one byte" },
	{ 0, "max-entries", "N",    "the most files that may come out of it" },
};
static const struct option_row build_options[] = {
	{ 0, "suite",   "SUITE",   "a Debian of this suite, by mmdebstrap" },
	{ 0, "include", "PKG,...", "with these packages too" },
	{ 0, "busybox", NULL,      "a small one, of this host's static busybox" },
	{ 0, "replace", NULL,      "move a name that exists to the new content" },
};
static const struct option_row list_options[] = {
	{ 'H', "no-header", NULL,        "no header" },
	{ 'o', "fields",    "FIELD,...", "these columns" },
	{ 's', "sort",      "[-]FIELD",  "sorted by this, - for the largest first" },
	{ 0,   "json",      NULL,        "as a JSON array" },
};
static const struct option_row show_options[] = {
	{ 0, "json", NULL, "as a JSON array" },
};

const struct command command_template_import = { "template import", "NAME FILE|-",
	"make a template of a tar archive", import_options, ARRAY_SIZE(import_options),
	0, 2, 2, cmd_import };
const struct command command_template_build = { "template build", "NAME --suite S|--busybox",
	"make a template of a Debian, or of busybox", build_options, ARRAY_SIZE(build_options),
	0, 1, 1, cmd_build };
const struct command command_template_list = { "template list", "[NAME...]", "show templates",
	list_options, ARRAY_SIZE(list_options), COMMAND_READS, 0, WORDS_ANY, cmd_templates };
const struct command command_template_show = { "template show", "NAME...",
	"show all about templates", show_options, ARRAY_SIZE(show_options), COMMAND_READS, 1,
	WORDS_ANY, cmd_template_show };
const struct command command_template_remove = { "template remove", "NAME...",
	"remove templates that no VE uses", NULL, 0, 0, 1, WORDS_ANY, cmd_template_remove };
/* clang-format on */

static int add_numbers(const struct cli *cli, struct json *object)
{
	static const struct {
		const char *option, *key;
	} rows[] = { { "max-ratio", "max_ratio" }, { "max-entries", "max_entries" } };
	struct error err = { 0 };
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (option_count(&cli->options, rows[i].option, &n, &err) < 0)
			return cli_fail(cli, &err);
		if (option_given(&cli->options, rows[i].option))
			json_set_int(object, rows[i].key, (int64_t)n);
	}
	return VESSEL_OK;
}

static int run_import(const struct cli *cli, struct json *parameters, int archive_fd)
{
	struct progress progress = { .cli = cli, .name = cli->options.words[0] };
	int status;

	cli_work_goes_on(0);
	status = cli_call(
		cli, "TemplateImport", parameters, &archive_fd, 1, true, progress_reply, &progress);
	progress_end(&progress);
	if (status == VESSEL_OK && cli->terminal)
		cli_say(cli, "%s: imported", cli->options.words[0]);
	return status;
}

static int cmd_import(struct cli *cli)
{
	const struct options *options = &cli->options;
	bool standard = strcmp(options->words[1], "-") == 0;
	cleanup_json struct json *parameters = json_new_object();
	cleanup_close int file_fd = -1;
	struct stat st;
	int status;

	if (standard && isatty(STDIN_FILENO))
		return cli_usage(cli, "standard input is a terminal, no archive");
	if (!standard) {
		file_fd = open(options->words[1], O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (file_fd < 0)
			return cli_usage(cli, "cannot import template %s: cannot open %s: %s",
				options->words[0], options->words[1], strerrorname_np(errno));
	}
	if (!standard && fstat(file_fd, &st) == 0 && S_ISDIR(st.st_mode))
		return cli_usage(cli, "cannot import template %s: %s is a directory (tar it: %s)",
			options->words[0], options->words[1],
			"tar -c --xattrs --acls -C DIR . | vessel template import NAME -");
	json_set_string(parameters, "name", options->words[0]);
	json_set_int(parameters, "archive", 0);
	if (option_value(options, "sha256"))
		json_set_string(parameters, "sha256", option_value(options, "sha256"));
	if (option_value(options, "max-bytes"))
		json_set_string(parameters, "max_bytes", option_value(options, "max-bytes"));
	json_set_bool(parameters, "replace", option_given(options, "replace"));
	json_set_bool(parameters, "squash", option_given(options, "squash"));
	status = add_numbers(cli, parameters);
	if (status != VESSEL_OK)
		return status;
	return run_import(cli, take_ptr(&parameters), standard ? STDIN_FILENO : file_fd);
}

static int cmd_build(struct cli *cli)
{
	const struct options *options = &cli->options;
	const char *suite = option_value(options, "suite");
	const char *include = option_value(options, "include");
	bool busybox = option_given(options, "busybox");
	struct progress progress = { .cli = cli, .name = options->words[0] };
	cleanup_vessel struct vessel *vessel = NULL;
	struct vessel_error err;
	enum vessel_result result;

	if (busybox == (suite != NULL))
		return cli_usage(cli, "template build needs one of --suite SUITE, --busybox");
	if (busybox && include)
		return cli_usage(cli, "--include goes with --suite");
	if (cli_open(cli, &vessel, &err) != VESSEL_OK)
		return cli_refused(cli, &err);
	result = vessel_template_build(vessel, options->words[0], suite, include,
		option_given(options, "replace"), progress_reply, &progress, &err);
	progress_end(&progress);
	if (result != VESSEL_OK)
		return cli_refused(cli, &err);
	if (cli->terminal)
		cli_say(cli, "%s: built", options->words[0]);
	return VESSEL_OK;
}

static int fetch_templates(const struct cli *cli, struct json **ret)
{
	struct json *parameters = json_new_object();

	if (cli->options.n_words > 0)
		cli_words(cli, json_set_array(parameters, "names"));
	return cli_fetch(cli, "TemplateList", parameters, "templates", ret);
}

static const char *human_size(const struct json *template, char buffer[FORMAT_HUMAN])
{
	double bytes = 0;

	(void)json_real(json_find(template, "bytes"), &bytes); /* absent: shown as 0 */
	return format_human(bytes, buffer);
}

static int cmd_templates(struct cli *cli)
{
	cleanup_json struct json *templates = NULL;
	struct listing listing;
	int status = listing_choose(cli, &template_fields, &listing);

	if (status == VESSEL_OK)
		status = fetch_templates(cli, &templates);
	return status == VESSEL_OK ? listing_print(cli, &listing, templates) : status;
}

static void print_template(const struct json *template)
{
	static const char *const keys[] = { "problem", "layers", "files", "used_by" };
	char size[FORMAT_HUMAN];
	char local[FORMAT_LOCAL];
	const char *name = json_find_string(template, "name");
	const char *created = format_local(json_find_string(template, "created"), local);

	printf("%s\n  created  %s\n  size     %s\n", name ? name : "?", created ? created : "-",
		human_size(template, size));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		cleanup_text struct text text;

		text_init(&text);
		value_format(json_find(template, keys[i]), &text);
		if (text.length > 0)
			printf("  %-8s %s\n", strcmp(keys[i], "used_by") ? keys[i] : "used by",
				text.data);
	}
}

static int cmd_template_show(struct cli *cli)
{
	cleanup_json struct json *templates = NULL;
	int status = fetch_templates(cli, &templates);

	if (status != VESSEL_OK)
		return status;
	if (option_given(&cli->options, "json"))
		return cli_print_json(cli, templates);
	for (size_t i = 0; i < json_count(templates); i++) {
		if (i > 0)
			putchar('\n');
		print_template(json_at(templates, i));
	}
	return cli_flush(cli);
}

static int cmd_template_remove(struct cli *cli)
{
	struct tasks tasks;
	int status;

	if (tasks_init(&tasks, cli->options.n_words, "removed") < 0)
		return cli_usage(cli, "out of memory");
	for (size_t i = 0; i < tasks.n; i++) {
		struct json *object = json_new_object();

		tasks.tasks[i].name = cli->options.words[i];
		json_set_string(object, "name", tasks.tasks[i].name);
		task_add(&tasks.tasks[i], "TemplateRemove", object);
	}
	status = tasks_run(cli, &tasks);
	tasks_done(&tasks);
	return status;
}
