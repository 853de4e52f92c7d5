/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * options_test.c - the grammar of the command line, and its settings against runtime/'s table.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h> /* needs the three before it */
/* clang-format on */

#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "runtime/setting.h"

static const struct option_row rows[] = {
	{ 'o', "fields", "F", "" },
	{ 'H', "no-header", NULL, "" },
	{ 0, "timeout", "S", "" },
};
static const struct command plain = { .name = "plain",
	.options = rows,
	.n_options = ARRAY_SIZE(rows),
	.flags = COMMAND_SETTINGS | COMMAND_VES };
static const struct command stops = {
	.name = "stops", .options = rows, .n_options = ARRAY_SIZE(rows), .flags = COMMAND_STOPS
};

static struct options parsed;
static struct error err;

#define PARSE(command, ...)                                                                        \
	parse(command, (const char *const[]){ __VA_ARGS__ },                                       \
		ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static int parse(const struct command *command, const char *const *words, size_t n)
{
	int used;

	options_done(&parsed);
	memset(&err, 0, sizeof(err));
	return options_parse(command, (int)n, (char **)words, &parsed, &used, &err);
}

static void options_may_stand_anywhere(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&plain, "a", "--timeout", "3", "b", "-H"), 0);
	assert_int_equal(parsed.n_words, 2);
	assert_string_equal(parsed.words[1], "b");
	assert_string_equal(option_value(&parsed, "timeout"), "3");
	assert_true(option_given(&parsed, "no-header"));
}

static void values_follow_or_hang_on(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&plain, "--timeout=3", "-oname", "--memory=1G", "--label=-a"), 0);
	assert_string_equal(option_value(&parsed, "fields"), "name");
	assert_int_equal(PARSE(&plain, "-Ho", "name"), 0);
	assert_string_equal(option_value(&parsed, "fields"), "name");
	assert_int_equal(PARSE(&plain, "--timeout="), 0);
	assert_string_equal(option_value(&parsed, "timeout"), "");
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&plain, "--", "-H", "--timeout"), 0);
	assert_int_equal(parsed.n_words, 2);
	assert_false(option_given(&parsed, "no-header"));
}

static void after_the_ve_all_is_the_command(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&stops, "-H", "web1", "--", "ls", "--", "-H"), 0);
	assert_int_equal(parsed.n_words, 4);
	assert_string_equal(parsed.words[1], "ls");
	assert_string_equal(parsed.words[2], "--");
	assert_null(parsed.words[4]);
}

static void refusal_says_why(void **state)
{
	(void)state;
	assert_true(PARSE(&plain, "--time", "3") < 0);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_string_equal(err.text, "unknown option --time (see vessel plain --help)");
	assert_true(PARSE(&plain, "--timeout") < 0);
	assert_string_equal(err.text, "--timeout needs a value (S)");
	assert_true(PARSE(&plain, "--no-header=1") < 0);
	assert_string_equal(err.text, "--no-header takes no value");
	assert_true(PARSE(&stops, "--memory", "1G", "a") < 0);
	assert_true(PARSE(&stops, "--all") < 0);
	assert_true(PARSE(&plain, "-z") < 0);
}

static void settings_are_collected_and_lists_joined(void **state)
{
	cleanup_json struct json *object = json_new_object();

	(void)state;
	assert_int_equal(
		PARSE(&plain, "--label", "+a=1", "--cpus", "1", "--label=-b", "--cpus", "2"), 0);
	settings_collect(&parsed, object);
	assert_string_equal(json_find_string(object, "label"), "+a=1,-b");
	assert_string_equal(json_find_string(object, "cpus"), "2");
	assert_int_equal(json_count(object), 2);
}

/* The same rows in the same order, so that help, man page and daemon tell one story. */
static void settings_are_those_of_the_daemon(void **state)
{
	(void)state;
	assert_int_equal(setting_rows_count, settings_count);
	for (size_t i = 0; i < settings_count; i++) {
		assert_string_equal(setting_rows[i].name, settings_table[i].name);
		assert_string_equal(setting_rows[i].arg, settings_table[i].arg);
		assert_string_equal(setting_rows[i].help, settings_table[i].help);
		assert_int_equal(setting_rows[i].list, settings_table[i].type == SETTING_LABELS ||
							       setting_is_list(&settings_table[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(values_follow_or_hang_on),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(after_the_ve_all_is_the_command),
		cmocka_unit_test(refusal_says_why),
		cmocka_unit_test(settings_are_collected_and_lists_joined),
		cmocka_unit_test(settings_are_those_of_the_daemon),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	options_done(&parsed);
	return failed;
}
