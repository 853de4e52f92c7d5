/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * policy_test.c - what an archive may hold.
 */
#include <sys/sysmacros.h>

#include "template/policy.h"
#include "tests/base/scratch.h"

static void names_are_reduced(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		const char *path;
	} rows[] = {
		{ "a",               "a"     },
		{ "./a/b/",          "a/b"   },
		{ "a//./b",          "a/b"   },
		{ "./",              "."     },
		{ ".",               "."     },
		{ "..a/b..",         "..a/b.." },
		{ "...",             "..."   },
	};
	/* clang-format on */
	char path[POLICY_PATH];
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(policy_path(rows[i].name, path, &err), 0);
		assert_string_equal(path, rows[i].path);
	}
}

static void names_are_shown_as_text(void **state)
{
	char name[POLICY_PATH];
	char shown[POLICY_SHOWN];

	(void)state;
	assert_string_equal(policy_shown("a\x1b[2J\xc2\x9b"
					 "m\xffz\xc3\xa9",
				    shown),
		"a?[2J??m?z\xc3\xa9");
	memset(name, 'n', sizeof(name));
	name[POLICY_SHOWN - 4] = '\0';
	assert_int_equal(strlen(policy_shown(name, shown)), POLICY_SHOWN - 4);
	name[POLICY_SHOWN - 4] = 'n';
	name[POLICY_SHOWN - 3] = '\0';
	assert_string_equal(policy_shown(name, shown) + POLICY_SHOWN - 5, "n...");
}

static void names_that_leave_are_refused(void **state)
{
	static const char *const names[] = { "", "/", "/a", "..", "../a", "a/..", "a/../b",
		"./.." };
	char path[POLICY_PATH];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct error err = { 0 };

		assert_int_equal(policy_path(names[i], path, &err), -EINVAL);
		assert_int_equal(err.kind, ERROR_USAGE);
	}
}

static void long_names_are_refused(void **state)
{
	static char name[3 * POLICY_PATH];
	char path[POLICY_PATH];
	struct error err = { 0 };

	(void)state;
	memset(name, 'n', 255);
	assert_int_equal(policy_path(name, path, &err), 0);
	name[255] = 'n';
	assert_int_equal(policy_path(name, path, &err), -EINVAL);
	for (size_t i = 0; i + 1 < sizeof(name); i++)
		name[i] = i % 101 == 100 ? '/' : 'n';
	assert_int_equal(policy_path(name, path, &err), -EINVAL);
	for (size_t i = 0; i + 1 < sizeof(name); i++)
		name[i] = i % 2 ? '/' : 'n';
	assert_int_equal(policy_path(name, path, &err), -EINVAL);
}

static void errors_are_printable(void **state)
{
	char path[POLICY_PATH];
	struct error err = { 0 };

	(void)state;
	assert_int_equal(policy_path("/\033[2Jx\n", path, &err), -EINVAL);
	assert_string_equal(err.text, "archive entry /?[2Jx?: the name is absolute");
}

static void types_are_an_allow_list(void **state)
{
	/* clang-format off */
	static const struct {
		const char *path;
		mode_t type;
		unsigned int major, minor;
		bool kept, skip;
	} rows[] = {
		{ "f",         S_IFREG,  0, 0, true,  false },
		{ "f",         S_IFDIR,  0, 0, true,  false },
		{ "f",         S_IFLNK,  0, 0, true,  false },
		{ "f",         S_IFIFO,  0, 0, true,  false },
		{ "f",         S_IFSOCK, 0, 0, false, false },
		{ "f",         S_IFCHR,  0, 0, false, false }, /* a whiteout */
		{ "dev/null",  S_IFCHR,  1, 3, true,  true  },
		{ "dev/null",  S_IFBLK,  1, 3, false, false },
		{ "dev/null",  S_IFCHR,  1, 1, false, false },
		{ "dev/mem",   S_IFCHR,  1, 1, false, false },
		{ "null",      S_IFCHR,  1, 3, false, false },
		{ "dev/sda",   S_IFBLK,  8, 0, false, false },
		{ "f",         0,        0, 0, false, false },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = { 0 };
		bool skip;
		int r = policy_type(rows[i].path, rows[i].type,
			makedev(rows[i].major, rows[i].minor), &skip, &err);

		assert_int_equal(r == 0, rows[i].kept);
		assert_int_equal(skip, rows[i].skip);
	}
}

static void a_type_never_changes(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(policy_replace("a", S_IFREG, S_IFREG, &err), 0);
	assert_int_equal(policy_replace("a", S_IFDIR, S_IFLNK, &err), -EINVAL);
	assert_string_equal(
		err.text, "archive entry a: changes its type from a directory to a symlink");
}

static void ids_are_those_of_a_ve(void **state)
{
	struct policy policy = { .squash_ids = false };
	struct error err = { 0 };
	uid_t id = 0;

	(void)state;
	assert_int_equal(policy_id(&policy, "a", 65535, &id, &err), 0);
	assert_int_equal(id, 65535);
	assert_int_equal(policy_id(&policy, "a", 65536, &id, &err), -EINVAL);
	assert_int_equal(policy_id(&policy, "a", -1, &id, &err), -EINVAL);
	assert_int_equal(policy_id(&policy, "a", INT64_C(1) << 32, &id, &err), -EINVAL);
	policy.squash_ids = true;
	assert_int_equal(policy_id(&policy, "a", INT64_C(1) << 32, &id, &err), 0);
	assert_int_equal(id, 65534);
}

static void attributes_are_an_allow_list(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		bool kept;
	} rows[] = {
		{ "user.mime",                 true  },
		{ "user.overlay.opaque",       false },
		{ "user.overlayish",           true  },
		{ "security.capability",       true  },
		{ "security.capability2",      false },
		{ "security.ima",              false },
		{ "system.posix_acl_access",   true  },
		{ "system.posix_acl_default",  true  },
		{ "system.other",              false },
		{ "trusted.overlay.redirect",  false },
		{ "trusted.x",                 false },
		{ "x",                         false },
		{ "",                          false },
	};
	/* clang-format on */
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(policy_xattr("a", rows[i].name, 10, &err) == 0, rows[i].kept);
	assert_int_equal(policy_xattr("a", "user.mime", 65537, &err), -EINVAL);
}

static void bounds_hold_and_name_their_option(void **state)
{
	struct policy policy = { .bounds = { .bytes = 100, .ratio = 10, .entries = 3 } };
	const uint64_t mib = 1 << 20;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(policy_count(&policy, "a", 100, &err), 0);
	assert_int_equal(policy_count(&policy, "b", 1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "--max-bytes"));
	assert_int_equal(policy_count(&policy, "b", UINT64_MAX, &err), -EINVAL);
	assert_int_equal(policy_count(&policy, "b", 0, &err), 0);
	assert_int_equal(policy_count(&policy, "c", 0, &err), 0);
	assert_int_equal(policy_count(&policy, "d", 0, &err), -EINVAL);
	assert_non_null(strstr(err.text, "--max-entries"));
	assert_int_equal(policy_ratio(&policy, 1, 64 * mib, &err), 0);
	assert_int_equal(policy_ratio(&policy, 8 * mib, 80 * mib, &err), 0);
	assert_int_equal(policy_ratio(&policy, 7 * mib, 80 * mib, &err), -EINVAL);
	assert_non_null(strstr(err.text, "--max-ratio"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_reduced),
		cmocka_unit_test(names_are_shown_as_text),
		cmocka_unit_test(names_that_leave_are_refused),
		cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(errors_are_printable),
		cmocka_unit_test(types_are_an_allow_list),
		cmocka_unit_test(a_type_never_changes),
		cmocka_unit_test(ids_are_those_of_a_ve),
		cmocka_unit_test(attributes_are_an_allow_list),
		cmocka_unit_test(bounds_hold_and_name_their_option),
	};

	return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
