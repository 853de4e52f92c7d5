/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance_test.c - the command line and vessel.json: one table, the command line wins.
 */
#include <netinet/in.h>

#include "base/json.h"
#include "daemon/instance.h"
#include "tests/base/scratch.h"

#define WORDS_MAX 8

struct parsed {
	struct instance instance;
	enum vesseld_role role;
	struct error err;
	int r;
};

/* Parses up to WORDS_MAX words, over the text of a file if there is one. */
static struct parsed parse(const char *file_text, const char *const words[WORDS_MAX])
{
	struct parsed parsed = { .instance = { .state_fd = -1, .run_fd = -1 } };
	char *argv[WORDS_MAX + 1] = { (char *)"vesseld" };
	cleanup_json struct json *file = NULL;
	struct instance_words found;
	int argc = 1;

	for (size_t i = 0; i < WORDS_MAX - 1 && words[i]; i++)
		argv[argc++] = (char *)words[i];
	parsed.r = instance_parse_arguments(argc, argv, &found, &parsed.role, &parsed.err);
	if (parsed.r == 0 && file_text)
		parsed.r = instance_parse_file(
			file_text, strlen(file_text), &found, &file, &parsed.err);
	if (parsed.r == 0)
		parsed.r = instance_apply(&found, &parsed.instance, &parsed.err);
	return parsed;
}

static void nothing_said_is_the_systems_instance(void **state)
{
	struct parsed parsed = parse(NULL, (const char *[WORDS_MAX]){ NULL });

	assert_int_equal(parsed.r, 0);
	assert_int_equal(parsed.role, ROLE_BOTH);
	assert_string_equal(parsed.instance.name, "");
	assert_string_equal(parsed.instance.state_dir, "/var/lib/vessel");
	assert_string_equal(parsed.instance.run_dir, "/run/vessel");
	assert_int_equal(parsed.instance.first_id, 1048576);
	assert_int_equal(parsed.instance.id_blocks, 8192);
	assert_true(parsed.instance.jobs >= 4);
	assert_null(parsed.instance.hold);
	assert_true(parsed.instance.choose_ranges);
	assert_int_equal(parsed.instance.n_ranges, 0);
	assert_int_equal(parsed.instance.n_open, 0);
	instance_done(&parsed.instance);
}

static void a_named_instance_has_all_of_its_own(void **state)
{
	struct parsed parsed = parse(NULL, (const char *[WORDS_MAX]){ "--instance", "demo" });

	assert_int_equal(parsed.r, 0);
	assert_string_equal(parsed.instance.state_dir, "/var/lib/vessel-demo");
	assert_string_equal(parsed.instance.run_dir, "/run/vessel-demo");
	instance_done(&parsed.instance);
}

static void ranges_and_ports_are_lists(void **state)
{
	struct parsed parsed = parse("{\"addresses\": \"10.9.0.0/24,fd00:9::/64\"}",
		(const char *[WORDS_MAX]){ "--allow-host", "53/udp,25/tcp,53/udp,53" });
	const struct instance *instance = &parsed.instance;

	assert_int_equal(parsed.r, 0);
	assert_false(instance->choose_ranges);
	assert_int_equal(instance->n_ranges, 2);
	assert_int_equal(instance->ranges[0].length, 24);
	assert_int_equal(instance->ranges[1].ip.family, AF_INET6);
	assert_int_equal(instance->n_open, 3);
	assert_int_equal(instance->open[0].protocol, IPPROTO_UDP);
	assert_int_equal(instance->open[1].port, 25);
	assert_int_equal(instance->open[2].protocol, IPPROTO_TCP);
	instance_done(&parsed.instance);
	parsed = parse(NULL, (const char *[WORDS_MAX]){ "--addresses=none", "--allow-host=none" });
	assert_false(parsed.instance.choose_ranges);
	assert_int_equal(parsed.instance.n_ranges, 0);
	assert_int_equal(parsed.instance.n_open, 0);
	instance_done(&parsed.instance);
}

static void the_command_line_wins_over_the_file(void **state)
{
	struct parsed parsed =
		parse("{\"jobs\": 3, \"run-dir\": \"/run/file\", \"ids\": \"65536-131071\"}",
			(const char *[WORDS_MAX]){ "--jobs=7", "--keeper" });

	assert_int_equal(parsed.r, 0);
	assert_int_equal(parsed.role, ROLE_KEEPER);
	assert_int_equal(parsed.instance.jobs, 7);
	assert_string_equal(parsed.instance.run_dir, "/run/file");
	assert_int_equal(parsed.instance.first_id, 65536);
	assert_int_equal(parsed.instance.id_blocks, 1);
	instance_done(&parsed.instance);
}

static void check_refusal(const char *file, const char *const words[WORDS_MAX], const char *text)
{
	struct parsed parsed = parse(file, words);

	assert_true(parsed.r < 0);
	assert_string_equal(parsed.err.text, text);
	assert_int_equal(parsed.err.kind, ERROR_USAGE);
}

static void a_refused_option_says_why(void **state)
{
	/* clang-format off */
	static const struct {
		const char *words[WORDS_MAX];
		const char *text;
	} rows[] = {
		{ { "--inst", "x" }, "unknown option --inst (see vesseld --help)" },
		{ { "web1" }, "unknown option web1 (see vesseld --help)" },
		{ { "--" }, "unknown option -- (see vesseld --help)" },
		{ { "--jobs" }, "--jobs needs N" },
		{ { "--jobs", "0" }, "jobs must be a number from 1 to 1024: '0'" },
		{ { "--jobs", "+4" }, "jobs must be a number from 1 to 1024: '+4'" },
		{ { "--keeper=1" }, "--keeper takes no value" },
		{ { "--keeper", "--manager" }, "--keeper and --manager are two processes" },
		{ { "--instance", "a/b" }, "bad instance name 'a/b' (a-z, 0-9 and inner -, at most 63)" },
		{ { "--state-dir", "var" }, "state-dir must be an absolute path: 'var'" },
		{ { "--cgroup", "/" }, "cgroup must be a path below the root of the hierarchies: '/'" },
		{ { "--cgroup", "/a/../b" }, "cgroup must be a path below the root of the hierarchies: '/a/../b'" },
		{ { "--ids", "65536" }, "ids must be FIRST-LAST: '65536'" },
		{ { "--ids", "65537-131071" }, "ids must be whole blocks of 65536 above the first, like 1048576-537919487: '65537-131071'" },
		{ { "--ids", "0-65535" }, "ids must be whole blocks of 65536 above the first, like 1048576-537919487: '0-65535'" },
		{ { "--addresses", "10.77.0.1/16" }, "bad addresses: '10.77.0.1/16' is no range of addresses (like 10.77.0.0/16 or fd00:77::/64)" },
		{ { "--addresses", "10.77.0.0/16,10.77.3.0/24" }, "bad addresses: 10.77.3.0/24 overlaps another range" },
		{ { "--addresses", "224.0.0.0/8" }, "bad addresses: 224.0.0.0/8 is a multicast address" },
		{ { "--addresses", "" }, "bad addresses: '' is no range of addresses (like 10.77.0.0/16 or fd00:77::/64)" },
		{ { "--allow-host", "0" }, "allow-host must be ports like 53/udp,25, or none: '0'" },
		{ { "--allow-host", "25,65536" }, "allow-host must be ports like 53/udp,25, or none: '65536'" },
		{ { "--allow-host", "53/sctp" }, "allow-host must be ports like 53/udp,25, or none: '53/sctp'" },
		{ { "--allow-host", "25," }, "allow-host must be ports like 53/udp,25, or none: ''" },
		{ { "--ids", "131072-131071" }, "ids must be whole blocks of 65536 above the first, like 1048576-537919487: '131072-131071'" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_refusal(NULL, rows[i].words, rows[i].text);
}

static void a_refused_file_says_why(void **state)
{
	const char *const none[WORDS_MAX] = { NULL };

	check_refusal("{\"job\": 3}", none, "unknown key 'job'");
	check_refusal("{\"instance\": \"x\"}", none, "unknown key 'instance'");
	check_refusal("{\"jobs\": true}", none, "'jobs' must be a string or a whole number");
	check_refusal("[]", none, "not a JSON object");
}

static void what_reads_nothing_comes_before_roles(void **state)
{
	struct parsed parsed =
		parse(NULL, (const char *[WORDS_MAX]){ "--manager", "--check", "--help" });

	assert_int_equal(parsed.r, 0);
	assert_int_equal(parsed.role, ROLE_CHECK);
	instance_done(&parsed.instance);
}

static struct stat synced; /* what was synced last */

/* The test's own: whether the disk was asked cannot be seen otherwise. */
int fsync(int fd)
{
	return fstat(fd, &synced);
}

static void the_directories_are_made_durable(void **state)
{
	char state_dir[128], run_dir[128]; /* the scratch path and a name */
	char *argv[] = { (char *)"vesseld", (char *)"--instance", (char *)"unit-test",
		(char *)"--state-dir", state_dir, (char *)"--run-dir", run_dir, NULL };
	struct instance instance;
	enum vesseld_role role;
	struct error err = { 0 };
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip(); /* vesseld is root's */
	snprintf(state_dir, sizeof(state_dir), "%s/state", scratch_path);
	snprintf(run_dir, sizeof(run_dir), "%s/run", scratch_path);
	assert_int_equal(instance_open(ARRAY_SIZE(argv) - 1, argv, &instance, &role, &err), 0);
	assert_true(scratch_exists("state/ve"));
	assert_true(scratch_exists("state/trash"));
	assert_int_equal(fstat(instance.state_fd, &st), 0);
	assert_int_equal(synced.st_ino, st.st_ino);
	instance_done(&instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_is_the_systems_instance),
		cmocka_unit_test(a_named_instance_has_all_of_its_own),
		cmocka_unit_test(ranges_and_ports_are_lists),
		cmocka_unit_test(the_command_line_wins_over_the_file),
		cmocka_unit_test(a_refused_option_says_why),
		cmocka_unit_test(a_refused_file_says_why),
		cmocka_unit_test(what_reads_nothing_comes_before_roles),
		scratch_test(the_directories_are_made_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
