/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config_test.c - records of VEs: each config/NAME.in is read, and what is written back, or the
 * error, is config/NAME.ok.
 */
#include <dirent.h>
#include <errno.h>

#include "base/json.h"
#include "runtime/config.h"
#include "runtime/plan.h"
#include "tests/base/scratch.h"

#define GOLDEN_MAX 65536

static int golden_open(void)
{
	const char *source = getenv("srcdir");
	cleanup_free char *path = NULL;
	struct error err = { 0 };
	int fd;

	assert_true(asprintf(&path, "%s/tests/runtime/config", source ? source : ".") > 0);
	fd = file_open_dir(AT_FDCWD, path, &err);
	assert_true(fd >= 0);
	return fd;
}

static char *result_of(const char *text, size_t length)
{
	cleanup_json struct json *record = NULL;
	cleanup_json struct json *written = NULL;
	struct ve_config config = { 0 };
	struct ve_config copy = { 0 };
	struct error err = { 0 };
	char *result = NULL;

	if (json_parse(text, length, &record, &err) < 0 ||
		config_from_json(record, &config, &err) < 0) {
		assert_true(asprintf(&result, "%s\n", err.text) > 0);
		return result;
	}
	assert_int_equal(config_copy(&copy, &config, &err), 0);
	config_done(&config);
	written = config_to_json(&copy);
	assert_int_equal(json_print(written, true, &result), 0);
	config_done(&copy);
	return result;
}

/* The tree that was configured may be one of links to the sources, which file_read() refuses. */
static ssize_t read_golden(int dir_fd, const char *name, char **ret)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct error err = { 0 };

	return fd < 0 ? -errno : file_read_fd(fd, name, GOLDEN_MAX, ret, &err);
}

static void check_golden(int fd, const char *name)
{
	cleanup_free char *ok_name = strdup(name);
	cleanup_free char *in = NULL;
	cleanup_free char *ok = NULL;
	cleanup_free char *result = NULL;
	ssize_t length = read_golden(fd, name, &in);

	assert_true(length >= 0);
	memcpy(strrchr(ok_name, '.'), ".ok", 3);
	result = result_of(in, (size_t)length);
	if (read_golden(fd, ok_name, &ok) < 0 || strcmp(ok, result) != 0) {
		print_error("%s: %s", name, result);
		fail_msg("%s differs from what it was", ok_name);
	}
}

static void golden_records(void **state)
{
	cleanup_close int fd = golden_open();
	cleanup_dir DIR *dir = fdopendir(dup(fd));
	struct dirent *entry;
	int n = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');

		if (!end || strcmp(end, ".in") != 0)
			continue;
		check_golden(fd, entry->d_name);
		n++;
	}
	assert_true(n >= 15);
}

static void stored_is_what_is_loaded(void **state)
{
	struct ve_config config = { .created = 1795348000, .first_id = 3 * VE_IDS };
	struct ve_config loaded;
	struct error err = { 0 };
	cleanup_close int dir_fd = -1;

	(void)state;
	assert_int_equal(mkdirat(scratch_fd, "ve", 0700), 0);
	assert_int_equal(mkdirat(scratch_fd, "ve/web1", 0700), 0);
	dir_fd = file_open_dir(scratch_fd, "ve/web1", &err);
	assert_int_equal(settings_init(&config.settings, &err), 0);
	assert_int_equal(uuid_new(config.uuid, &err), 0);
	config.settings.asked = 1;
	assert_int_equal(config_store(dir_fd, &config, &err), 0);
	assert_int_equal(config_load(scratch_fd, "web1", &loaded, &err), 0);
	assert_string_equal(loaded.uuid, config.uuid);
	assert_int_equal(loaded.created, config.created);
	assert_int_equal(loaded.first_id, config.first_id);
	assert_int_equal(loaded.settings.asked, 1);
	assert_null(loaded.template);
	assert_int_equal(loaded.n_layers, 0);
	config_done(&loaded);
	config_done(&config);
}

static void loading_says_what_is_wrong(void **state)
{
	struct ve_config config;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(config_load(scratch_fd, "web1", &config, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_string_equal(err.text, "no VE web1");
	assert_int_equal(config_load(scratch_fd, "../web1", &config, &err), -EINVAL);
	assert_int_equal(mkdirat(scratch_fd, "ve", 0700), 0);
	assert_int_equal(mkdirat(scratch_fd, "ve/web1", 0700), 0);
	scratch_write("ve/web1/config.json", "{\"format\":7}");
	assert_int_equal(config_load(scratch_fd, "web1", &config, &err), -EINVAL);
	assert_string_equal(err.text, "ve/web1/config.json: format 7 is not known to this vesseld "
				      "(it knows 1)");
}

static void uuids_differ_and_are_version_4(void **state)
{
	char a[UUID_TEXT], b[UUID_TEXT];
	struct error err = { 0 };

	(void)state;
	assert_int_equal(uuid_new(a, &err), 0);
	assert_int_equal(uuid_new(b, &err), 0);
	assert_int_equal(strlen(a), UUID_TEXT - 1);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_string_not_equal(a, b);
}

static void plans_name_only_their_keys(void **state)
{
	uint64_t expected = UINT64_C(1) << setting_index(setting_find("memory"));
	struct settings settings;
	struct error err = { 0 };
	uint64_t named = 1;

	(void)state;
	assert_int_equal(settings_init(&settings, &err), 0);
	assert_int_equal(plan_load(scratch_fd, "default", &settings, &named, &err), 0);
	assert_int_equal(named, 0);
	assert_int_equal(plan_load(scratch_fd, "small", &settings, NULL, &err), -ENOENT);
	assert_string_equal(
		err.text, "no plan small (it would be plan/small.json in the state directory)");
	assert_int_equal(plan_load(scratch_fd, "a/b", &settings, NULL, &err), -EINVAL);
	assert_int_equal(mkdirat(scratch_fd, "plan", 0700), 0);
	scratch_write("plan/small.json", "{\"format\":1,\"settings\":{\"memory\":\"64M\"}}");
	assert_int_equal(plan_load(scratch_fd, "small", &settings, &named, &err), 0);
	assert_int_equal(named, expected);
	assert_int_equal(settings.limits.value[LIMIT_MEMORY], 1 << 26);
	assert_int_equal(settings.asked, 0);
	scratch_write("plan/small.json", "{\"format\":1,\"settings\":{\"memory\":\"64\"}}");
	assert_int_equal(plan_load(scratch_fd, "small", &settings, &named, &err), -EINVAL);
	assert_string_equal(
		err.text, "plan/small.json: memory 64 is out of range (4M to 1048576T)");
	assert_int_equal(settings.limits.value[LIMIT_MEMORY], 1 << 26);
	settings_done(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_records),
		scratch_test(stored_is_what_is_loaded),
		scratch_test(loading_says_what_is_wrong),
		cmocka_unit_test(uuids_differ_and_are_version_4),
		scratch_test(plans_name_only_their_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
