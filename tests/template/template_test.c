/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * template_test.c - records, and which layers are collected.
 */
#include <dirent.h>
#include <errno.h>

#include "template/layer.h"
#include "template/template.h"
#include "tests/base/scratch.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define HEX_D "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define RECORD                                                                                     \
	"{\"format\":1,\"name\":\"x\",\"layers\":[\"sha256:" HEX_A "\"],\"bytes\":7,"              \
	"\"files\":3,\"created\":\"2026-11-22T11:46:21Z\"}"

static int set_up(void **state)
{
	if (scratch_open(state) < 0)
		return -1;
	mkdirat(scratch_fd, "template", 0700);
	mkdirat(scratch_fd, "layer", 0700);
	mkdirat(scratch_fd, "layer/sha256-" HEX_A, 0755);
	mkdirat(scratch_fd, "layer/sha256-" HEX_B, 0755);
	mkdirat(scratch_fd, "layer/sha256-" HEX_C, 0755);
	mkdirat(scratch_fd, "layer/.import-dead", 0755);
	mkdirat(scratch_fd, "layer/.remove-half", 0755);
	return 0;
}

static void a_record_is_read(void **state)
{
	cleanup_template struct template t = { 0 };
	struct error err = { 0 };

	(void)state;
	scratch_write("template/x.json", RECORD);
	assert_int_equal(template_load(scratch_fd, "x", &t, &err), 0);
	assert_string_equal(t.layers[0], "sha256:" HEX_A);
	assert_int_equal(t.bytes, 7);
	assert_int_equal(t.files, 3);
	assert_int_equal(t.created, 1795347981);
}

static void an_unknown_name_is_not_found(void **state)
{
	struct template t = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(template_load(scratch_fd, "y", &t, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_string_equal(err.text, "no template y (see vessel template list)");
	assert_int_equal(template_load(scratch_fd, "../x", &t, &err), -EINVAL);
	assert_int_equal(err.kind, ERROR_USAGE);
}

static void damaged_records_are_listed(void **state)
{
	char **names = NULL;
	size_t n = 0;
	struct error err = { 0 };

	(void)state;
	scratch_write("template/b.json", "{");
	scratch_write("template/a.json", RECORD);
	scratch_write("template/c.json.tmp", RECORD);
	assert_int_equal(template_list(scratch_fd, &names, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "a");
	assert_string_equal(names[1], "b");
	free(names[0]);
	free(names[1]);
	free(names);
}

static void what_nobody_names_is_collected(void **state)
{
	const char *used[] = { "sha256:" HEX_B };
	struct error err = { 0 };

	(void)state;
	scratch_write("template/x.json", RECORD);
	assert_int_equal(layer_collect(scratch_fd, used, 1, &err), 0);
	assert_true(scratch_exists("layer/sha256-" HEX_A));
	assert_true(scratch_exists("layer/sha256-" HEX_B));
	assert_false(scratch_exists("layer/sha256-" HEX_C));
	assert_false(scratch_exists("layer/.import-dead"));
	assert_false(scratch_exists("layer/.remove-half"));
	assert_int_equal(template_remove(scratch_fd, "x", used, 1, &err), 0);
	assert_false(scratch_exists("layer/sha256-" HEX_A));
	assert_true(scratch_exists("layer/sha256-" HEX_B));
	assert_int_equal(template_remove(scratch_fd, "x", used, 1, &err), -ENOENT);
}

static void a_damaged_record_keeps_all_layers(void **state)
{
	struct error err = { 0 };

	(void)state;
	scratch_write("template/x.json", "{\"format\":2}");
	assert_int_equal(layer_collect(scratch_fd, NULL, 0, &err), 0);
	assert_true(scratch_exists("layer/sha256-" HEX_C));
	assert_false(scratch_exists("layer/.import-dead"));
}

/* readdir() is the test's own: the disk may fail, and work again. */
static int reads_that_fail;

struct dirent *readdir(DIR *dir)
{
	if (reads_that_fail > 0) {
		reads_that_fail--;
		errno = EIO;
		return NULL;
	}
	return (struct dirent *)readdir64(dir); /* the same where long has 64 bits */
}

static void a_list_of_templates_cut_short_costs_no_layer(void **state)
{
	struct error err = { 0 };

	(void)state;
	scratch_write("template/x.json", RECORD);
	reads_that_fail = 1;
	assert_int_equal(layer_collect(scratch_fd, NULL, 0, &err), -EIO);
	assert_int_equal(reads_that_fail, 0);
	assert_true(scratch_exists("layer/sha256-" HEX_A));
	assert_true(scratch_exists("layer/sha256-" HEX_C));
}

static void an_import_under_way_is_kept(void **state)
{
	struct layer_import import;
	struct error err = { 0 };
	char name[64];

	(void)state;
	assert_int_equal(layer_import_begin(&import, scratch_fd, &err), 0);
	snprintf(name, sizeof(name), "layer/%s", import.name);
	assert_int_equal(layer_collect(scratch_fd, NULL, 0, &err), 0);
	assert_true(scratch_exists(name));
	assert_int_equal(layer_import_lock(&import, &err), 0);
	assert_int_equal(layer_import_commit(&import, "sha256:" HEX_A, &err), 0);
	layer_import_done(&import);
	assert_false(scratch_exists(name));
	assert_true(scratch_exists("layer/sha256-" HEX_A));

	assert_int_equal(layer_import_begin(&import, scratch_fd, &err), 0);
	assert_int_equal(layer_import_lock(&import, &err), 0);
	assert_int_equal(layer_import_commit(&import, "sha256:" HEX_A, &err), 0);
	snprintf(name, sizeof(name), "layer/%s", import.name);
	layer_import_done(&import);
	assert_false(scratch_exists(name));
}

/* import_archive() is the test's own: during the work another import takes the name. */
int import_archive(int archive_fd, int layer_fd, const struct import_bounds *bounds,
	bool squash_ids, import_progress_fn *progress, void *data, struct import_result *ret,
	struct error *err)
{
	(void)archive_fd, (void)layer_fd, (void)bounds, (void)squash_ids;
	(void)progress, (void)data, (void)err;
	scratch_write("template/x.json", RECORD);
	*ret = (struct import_result){ .digest = HEX_D };
	return 0;
}

static void an_import_that_comes_second_leaves_no_layer(void **state)
{
	cleanup_template struct template t = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_true(template_import(scratch_fd, "x", -1, NULL, false, false, NULL, NULL, NULL, &t,
			    &err) < 0);
	assert_int_equal(err.kind, ERROR_STATE);
	assert_false(scratch_exists("layer/sha256-" HEX_D));
	err = (struct error){ 0 };
	assert_int_equal(
		template_import(scratch_fd, "x", -1, NULL, true, false, NULL, NULL, NULL, &t, &err),
		0);
	assert_true(scratch_exists("layer/sha256-" HEX_D)); /* positive control */
}

static void a_layer_is_opened_by_digest_only(void **state)
{
	struct error err = { 0 };
	cleanup_close int fd = layer_open(scratch_fd, "sha256:" HEX_A, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(layer_open(scratch_fd, "sha256:../../x", &err), -EINVAL);
	assert_int_equal(layer_open(scratch_fd, "sha256:" HEX_A "0", &err), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, scratch_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_is_read),
		TEST(an_unknown_name_is_not_found),
		TEST(damaged_records_are_listed),
		TEST(what_nobody_names_is_collected),
		TEST(a_damaged_record_keeps_all_layers),
		TEST(a_list_of_templates_cut_short_costs_no_layer),
		TEST(an_import_under_way_is_kept),
		TEST(an_import_that_comes_second_leaves_no_layer),
		TEST(a_layer_is_opened_by_digest_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
