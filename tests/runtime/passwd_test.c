/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * passwd_test.c - accounts from a tenant's text: names, numbers, and every kind of rubbish.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/passwd.h"

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/error.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "# a comment\n"
			     "joe:x:1000:1000:Joe,,,:/home/joe:/bin/zsh\n"
			     "minus:x:-1:0::/:/bin/sh\n"
			     "plus:x:+0:0::/:/bin/sh\n"
			     "hex:x:0x0:0::/:/bin/sh\n"
			     "wide:x:4294967296:0::/:/bin/sh\n"
			     "nobody4:x:4294967295:0::/:/bin/sh\n"
			     "space: x: 0:0::/:/bin/sh\n"
			     "short:x:0:0::/root\n"
			     "long:x:0:0::/root:/bin/sh:more\n"
			     ":x:0:0::/root:/bin/sh\n"
			     "\n"
			     "1001:x:0:0::/root:/bin/sh\n"
			     "bare:x:1002:1002:::\n"
			     "last:x:1003:1003::/home/last:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "sudo:x:27:joe,minus\n"
			    "adm:x:4:other,joe\n"
			    "again:x:27:joe\n"
			    "joes:x:30:joey\n"
			    "bad:x:-5:joe\n"
			    "less:x:31\n"
			    "joe:x:1000:";

static struct account find(const char *user)
{
	struct account account;
	struct error err = { 0 };

	assert_int_equal(account_find(passwd, group, user, &account, &err), 0);
	return account;
}

static int refuse(const char *user, struct error *err)
{
	struct account account;

	*err = (struct error){ 0 };
	return account_find(passwd, group, user, &account, err);
}

static void a_name_brings_home_shell_and_groups(void **state)
{
	struct account account = find("joe");
	const gid_t groups[] = { 1000, 27, 4 };

	(void)state;
	assert_int_equal(account.uid, 1000);
	assert_int_equal(account.gid, 1000);
	assert_string_equal(account.home, "/home/joe");
	assert_string_equal(account.shell, "/bin/zsh");
	assert_int_equal(account.n_groups, ARRAY_SIZE(groups));
	assert_memory_equal(account.groups, groups, sizeof(groups));
	account_done(&account);
}

static void nobody_asked_for_is_root(void **state)
{
	struct account account = find(NULL);

	(void)state;
	assert_string_equal(account.name, "root");
	assert_int_equal(account.uid, 0);
	assert_int_equal(account.n_groups, 1);
	account_done(&account);
}

static void a_number_finds_its_entry(void **state)
{
	struct account account = find("1000");

	(void)state;
	assert_string_equal(account.name, "joe");
	assert_int_equal(account.n_groups, 3);
	account_done(&account);
}

static void digits_are_never_a_name(void **state)
{
	struct account account = find("1001");

	(void)state;
	assert_string_equal(account.name, "");
	assert_int_equal(account.uid, 1001);
	assert_int_equal(account.gid, 1001);
	assert_string_equal(account.home, "/");
	account_done(&account);
}

static void two_numbers_are_all_there_is(void **state)
{
	struct account account = find("1000:5");

	(void)state;
	assert_int_equal(account.uid, 1000);
	assert_int_equal(account.gid, 5);
	assert_int_equal(account.n_groups, 1);
	assert_int_equal(account.groups[0], 5);
	account_done(&account);
}

static void empty_fields_have_defaults_and_the_last_line_counts(void **state)
{
	struct account bare = find("bare"), last = find("last");

	(void)state;
	assert_string_equal(bare.home, "/");
	assert_string_equal(bare.shell, "/bin/sh");
	assert_int_equal(last.uid, 1003);
	account_done(&bare);
	account_done(&last);
}

static void a_damaged_line_is_no_account(void **state)
{
	static const char *const names[] = { "minus", "plus", "hex", "wide", "nobody4", "space",
		"short", "long", "", "# a comment" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_true(refuse(names[i], &err) < 0);
		assert_int_equal(err.kind, ERROR_NOT_FOUND);
	}
}

static void a_number_that_is_none_is_refused(void **state)
{
	static const char *const users[] = { "0x0", "1000:", "1000:x", "1000:-1", "4294967296",
		"4294967295", "1000:4294967296", "00000000000000000001", "1 ", "1:2:3", "7up" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		assert_true(refuse(users[i], &err) < 0);
		assert_int_equal(err.kind, ERROR_USAGE);
	}
}

static void without_files_there_are_root_and_numbers(void **state)
{
	struct account account;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(account_find(NULL, NULL, NULL, &account, &err), 0);
	assert_int_equal(account.uid, 0);
	account_done(&account);
	assert_true(account_find(NULL, NULL, "root", &account, &err) < 0);
}

/* Every text that differs from a good one in a byte or in its length is read without harm. */
static void rubbish_is_survived(void **state)
{
	static const char bytes[] = ":\n,0-x\xff";
	char text[sizeof(passwd)], members[sizeof(group)];

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		struct account account;
		struct error err = { 0 };

		memcpy(text, passwd, sizeof(text));
		memcpy(members, group, sizeof(members));
		for (int i = 0; i < 8; i++) {
			text[(size_t)random() % (sizeof(text) - 1)] =
				bytes[(size_t)random() % sizeof(bytes)];
			members[(size_t)random() % (sizeof(members) - 1)] =
				bytes[(size_t)random() % sizeof(bytes)];
		}
		if (account_find(text, members, round % 2 ? "joe" : "1000", &account, &err) == 0)
			account_done(&account);
	}
}

static void the_number_of_groups_is_bounded(void **state)
{
	char *text = calloc(400, 16);
	struct account account;
	struct error err = { 0 };

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 400; i++)
		snprintf(text + strlen(text), 16, "g:x:%d:joe\n", 2000 + i);
	assert_int_equal(account_find(passwd, text, "joe", &account, &err), 0);
	assert_int_equal(account.n_groups, ACCOUNT_GROUPS_MAX);
	account_done(&account);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_brings_home_shell_and_groups),
		cmocka_unit_test(nobody_asked_for_is_root),
		cmocka_unit_test(a_number_finds_its_entry),
		cmocka_unit_test(digits_are_never_a_name),
		cmocka_unit_test(two_numbers_are_all_there_is),
		cmocka_unit_test(empty_fields_have_defaults_and_the_last_line_counts),
		cmocka_unit_test(a_damaged_line_is_no_account),
		cmocka_unit_test(a_number_that_is_none_is_refused),
		cmocka_unit_test(without_files_there_are_root_and_numbers),
		cmocka_unit_test(rubbish_is_survived),
		cmocka_unit_test(the_number_of_groups_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
