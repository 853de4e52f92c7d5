/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * names_test.c - a list of names is whole or an error.
 *
 * readdir() is the test's own, so that a disk can fail after some entries.
 */
#include <dirent.h>
#include <errno.h>

#include "base/names.h"
#include "tests/base/scratch.h"

static int entries_before_failure = -1; /* none */

struct dirent *readdir(DIR *dir)
{
	static struct dirent copy;
	const struct dirent64 *entry;

	if (entries_before_failure == 0) {
		errno = EIO;
		return NULL;
	}
	if (entries_before_failure > 0)
		entries_before_failure--;
	entry = readdir64(dir);
	if (!entry)
		return NULL;
	snprintf(copy.d_name, sizeof(copy.d_name), "%s", entry->d_name);
	return &copy;
}

static void a_directory_is_listed_in_order(void **state)
{
	cleanup_names struct names names = { 0 };
	struct error err = { 0 };

	(void)state;
	scratch_write("b", "");
	scratch_write(".hidden", "");
	scratch_write("a", "");
	assert_int_equal(names_of_dir(scratch_fd, ".", &names, &err), 0);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.list[0], ".hidden");
	assert_string_equal(names.list[1], "a");
	assert_string_equal(names.list[2], "b");
	assert_true(names_has(&names, "a"));
	assert_false(names_has(&names, "c"));
}

static void no_directory_is_told_from_an_empty_one(void **state)
{
	cleanup_names struct names names = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(names_of_dir(scratch_fd, "none", &names, &err), -ENOENT);
	assert_int_equal(names_of_dir(scratch_fd, ".", &names, &err), 0);
	assert_int_equal(names.n, 0);
	assert_false(names_has(&names, ""));
}

static void a_disk_that_fails_is_no_end_of_the_list(void **state)
{
	struct names names = { 0 };

	(void)state;
	scratch_write("a", "");
	scratch_write("b", "");
	for (int i = 0; i < 4; i++) { /* "." and ".." are entries */
		struct error err = { 0 };

		entries_before_failure = i;
		assert_int_equal(names_of_dir(scratch_fd, ".", &names, &err), -EIO);
		assert_string_equal(err.text, "cannot read the directory .: EIO");
		assert_null(names.list);
	}
	entries_before_failure = -1;
}

static void doubles_are_united(void **state)
{
	static const char *const words[] = { "b", "a", "b", "c", "a", "b" };
	cleanup_names struct names names = { 0 };
	struct error err = { 0 };

	(void)state;
	names_sort(&names);
	assert_int_equal(names.n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_int_equal(names_add(&names, words[i], &err), 0);
	names_sort(&names);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.list[0], "a");
	assert_string_equal(names.list[1], "b");
	assert_string_equal(names.list[2], "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(a_directory_is_listed_in_order),
		scratch_test(no_directory_is_told_from_an_empty_one),
		scratch_test(a_disk_that_fails_is_no_end_of_the_list),
		cmocka_unit_test(doubles_are_united),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
