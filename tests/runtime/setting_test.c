/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_test.c - values as an operator writes them, refused with reasons, and back to text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "runtime/setting.h"

static struct settings settings;

static int setup(void **state)
{
	struct error err = { 0 };

	(void)state;
	return settings_init(&settings, &err);
}

static int teardown(void **state)
{
	(void)state;
	settings_done(&settings);
	return 0;
}

static int set(const char *name, const char *text, struct error *err)
{
	return setting_set(&settings, setting_find(name), text, NULL, err);
}

static void assert_value(const char *name, const char *expected)
{
	cleanup_free char *text = setting_format(&settings, setting_find(name));

	assert_string_equal(text, expected);
}

static void defaults_are_those_of_the_manual(void **state)
{
	static const char *const rows[][2] = {
		{ "cpus", "none" },
		{ "cpu-weight", "100" },
		{ "memory", "1G" },
		{ "swap", "0" },
		{ "pids", "1024" },
		{ "init", "/sbin/init" },
		{ "hostname", "none" },
		{ "autostart", "last" },
		{ "protect", "no" },
		{ "disabled", "no" },
		{ "description", "none" },
		{ "label", "none" },
		{ "stop-timeout", "120" },
		{ "profile", "default" },
		{ "net", "routed" },
		{ "ip", "auto" },
		{ "dns", "host" },
		{ "search", "none" },
		{ "publish", "none" },
		{ "nat", "yes" },
		{ "isolate", "no" },
		{ "connections", "4096" },
		{ "rate-in", "none" },
		{ "rate-out", "none" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_value(rows[i][0], rows[i][1]);
	assert_int_equal(settings.asked, 0);
}

static void good_values_come_back(void **state)
{
	static const char *const rows[][3] = {
		/* clang-format off */
		{ "cpus",         "0.05",           "0.05"           },
		{ "cpus",         "1.500",          "1.5"            },
		{ "cpus",         "none",           "none"           },
		{ "cpu-weight",   "10000",          "10000"          },
		{ "memory",       "4M",             "4M"             },
		{ "memory",       "1.5G",           "1.5G"           },
		{ "memory",       "536870912",      "512M"           },
		{ "memory",       "none",           "none"           },
		{ "swap",         "0",              "0"              },
		{ "swap",         "none",           "none"           },
		{ "pids",         "none",           "none"           },
		{ "ptys",         "4096",           "4096"           },
		{ "init",         "/usr/bin/my..x", "/usr/bin/my..x" },
		{ "hostname",     "Web-1.example",  "Web-1.example"  },
		{ "hostname",     "none",           "none"           },
		{ "autostart",    "yes",            "yes"            },
		{ "protect",      "yes",            "yes"            },
		{ "description",  "a b, \xc3\xa4",  "a b, \xc3\xa4"  },
		{ "description",  "",               "none"           },
		{ "label",        "b=2,a=1",        "a=1,b=2"        },
		{ "label",        "+c=x=y",         "a=1,b=2,c=x=y"  },
		{ "label",        "-a,+b=3",        "b=3,c=x=y"      },
		{ "label",        "-absent",        "b=3,c=x=y"      },
		{ "label",        "d=",             "d="             },
		{ "label",        "none",           "none"           },
		{ "stop-timeout", "0",              "0"              },
		{ "profile",      "nesting",        "nesting"        },
		{ "profile",      "default",        "default"        },
		/* clang-format on */
	};
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(set(rows[i][0], rows[i][1], &err), 0);
		assert_value(rows[i][0], rows[i][2]);
	}
	assert_true(settings.asked & UINT64_C(1) << setting_index(setting_find("memory")));
}

static void bad_values_are_refused_and_change_nothing(void **state)
{
	static const char *const rows[][3] = {
		{ "memory", "lots", "bad value 'lots' for memory (SIZE: RAM, e.g. 512M)" },
		{ "memory", "512MB", "bad value '512MB' for memory (SIZE: RAM, e.g. 512M)" },
		{ "memory", "1M", "memory 1M is out of range (4M to 1048576T)" },
		{ "memory", "99999999999999999999", NULL },
		{ "memory", "", NULL },
		{ "cpus", "0.04", "cpus 0.04 is out of range (0.05 to 8192)" },
		{ "cpus", "-1", NULL },
		{ "cpu-weight", "none", NULL },
		{ "cpu-weight", "0", "cpu-weight 0 is out of range (1 to 10000)" },
		{ "pids", "0", NULL },
		{ "pids", "1.5", NULL },
		{ "ptys", "none", NULL },
		{ "ptys", "1", NULL },
		{ "init", "sbin/init", NULL },
		{ "init", "/", NULL },
		{ "init", "/a/../b", NULL },
		{ "init", "/a/./b", NULL },
		{ "init", "/a//b", NULL },
		{ "init", "/a\nb", NULL },
		{ "init", "none", NULL },
		{ "hostname", "", NULL },
		{ "hostname", "-a", NULL },
		{ "hostname", "a-.b", NULL },
		{ "hostname", "a..b", NULL },
		{ "hostname", "a_b", NULL },
		{ "autostart", "maybe", NULL },
		{ "protect", "true", NULL },
		{ "description", "\x1b[31m", NULL },
		{ "description", "\xff", NULL },
		{ "label", "a", NULL },
		{ "label", "=1", NULL },
		{ "label", "a=1,", NULL },
		{ "label", "-a=1", NULL },
		{ "label", "a b=1", NULL },
		{ "label", "a=\x01", NULL },
		{ "stop-timeout", "1m", NULL },
		{ "stop-timeout", "86401", NULL },
		{ "profile", "none", NULL },
	};
	struct settings before;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(set("label", "keep=me", &err), 0);
	assert_int_equal(settings_copy(&before, &settings, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(set(rows[i][0], rows[i][1], &err), -EINVAL);
		assert_int_equal(err.kind, ERROR_USAGE);
		if (rows[i][2])
			assert_string_equal(err.text, rows[i][2]);
		assert_true(setting_equal(&before, &settings, setting_find(rows[i][0])));
		assert_int_equal(settings.asked, before.asked);
	}
	settings_done(&before);
}

static void default_takes_the_plan_and_is_not_asked_for(void **state)
{
	struct settings plan;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(settings_init(&plan, &err), 0);
	plan.limits.value[LIMIT_MEMORY] = 1 << 26;
	assert_int_equal(set("memory", "2G", &err), 0);
	assert_int_equal(setting_set(&settings, setting_find("memory"), "default", &plan, &err), 0);
	assert_value("memory", "64M");
	assert_int_equal(settings.asked, 0);
	assert_int_equal(set("memory", "default", &err), 0);
	assert_value("memory", "1G");
	settings_done(&plan);
}

static void records_take_numbers_and_words(void **state)
{
	static const char text[] = "{\"memory\":536870912,\"cpus\":0.05,\"swap\":null,\"pids\":"
				   "\"none\",\"protect\":true,\"disabled\":\"yes\",\"label\":"
				   "{\"b\":\"2\",\"a\":\"1\"},\"unknown\":[1]}";
	cleanup_json struct json *object = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &object, &err), 0);
	assert_int_equal(settings_from_json(&settings, object, &err), 0);
	assert_value("memory", "512M");
	assert_value("cpus", "0.05");
	assert_value("swap", "none");
	assert_value("pids", "none");
	assert_value("protect", "yes");
	assert_value("disabled", "yes");
	assert_value("label", "a=1,b=2");
	assert_int_equal(settings.asked, 0);
}

static void records_of_the_wrong_kind_are_refused_as_a_whole(void **state)
{
	static const char *const rows[] = {
		"{\"swap\":\"1G\",\"memory\":true}",
		"{\"swap\":\"1G\",\"memory\":-1}",
		"{\"swap\":\"1G\",\"memory\":1}",
		"{\"swap\":\"1G\",\"memory\":1.5}",
		"{\"swap\":\"1G\",\"cpus\":1e300}",
		"{\"swap\":\"1G\",\"cpus\":-0.5}",
		"{\"swap\":\"1G\",\"cpu-weight\":null}",
		"{\"swap\":\"1G\",\"protect\":1}",
		"{\"swap\":\"1G\",\"label\":{\"a\":1}}",
		"{\"swap\":\"1G\",\"label\":{\"a b\":\"1\"}}",
		"{\"swap\":\"1G\",\"init\":7}",
		"{\"swap\":\"1G\",\"profile\":\"privileged\"}",
	};
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup_json struct json *object = NULL;

		assert_int_equal(json_parse(rows[i], strlen(rows[i]), &object, &err), 0);
		assert_int_equal(settings_from_json(&settings, object, &err), -EINVAL);
		assert_value("swap", "0");
	}
}

static void shown_values_are_for_programs(void **state)
{
	cleanup_json struct json *object = json_new_object();
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(set("cpus", "1.5", &err), 0);
	setting_to_json(&settings, setting_find("cpus"), object, "cpus");
	setting_to_json(&settings, setting_find("memory"), object, "memory");
	setting_to_json(&settings, setting_find("hostname"), object, "hostname");
	setting_to_json(&settings, setting_find("stop-timeout"), object, "stop_timeout");
	setting_to_json(&settings, setting_find("label"), object, "labels");
	assert_int_equal(json_print(object, false, &text), 0);
	assert_string_equal(text, "{\"cpus\":1.5,\"memory\":1073741824,\"hostname\":null,"
				  "\"stop_timeout\":120,\"labels\":{}}");
}

static void every_row_has_its_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < settings_count; i++) {
		assert_non_null(settings_table[i].arg);
		assert_non_null(settings_table[i].help);
		assert_ptr_equal(setting_find(settings_table[i].name), &settings_table[i]);
		assert_int_equal(setting_index(&settings_table[i]), i);
	}
	assert_null(setting_find("Memory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults_are_those_of_the_manual, setup, teardown),
		cmocka_unit_test_setup_teardown(good_values_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			bad_values_are_refused_and_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			default_takes_the_plan_and_is_not_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(records_take_numbers_and_words, setup, teardown),
		cmocka_unit_test_setup_teardown(
			records_of_the_wrong_kind_are_refused_as_a_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(shown_values_are_for_programs, setup, teardown),
		cmocka_unit_test(every_row_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
