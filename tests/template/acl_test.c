/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * acl_test.c - ACLs of both forms become attributes, and names become the template's ids.
 */
#include <archive.h>
#include <archive_entry.h>

#include "template/acl.h"
#include "template/acl_names.h"
#include "template/policy.h"
#include "tests/base/scratch.h"

static struct archive_entry *entry_with(int id, const char *name)
{
	const int type = ARCHIVE_ENTRY_ACL_TYPE_ACCESS;
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_mode(entry, S_IFREG | 0640);
	archive_entry_acl_add_entry(entry, type, 5, ARCHIVE_ENTRY_ACL_MASK, -1, NULL);
	archive_entry_acl_add_entry(entry, type, 4, ARCHIVE_ENTRY_ACL_USER, id, name);
	return entry;
}

static void entries_are_sorted_as_the_kernel_wants(void **state)
{
	static const unsigned char expected[] = {
		2, 0, 0, 0,                      /* version */
		1, 0, 6, 0, 255, 255, 255, 255,  /* owner rw */
		2, 0, 4, 0, 33, 0, 0, 0,         /* user 33 r */
		4, 0, 4, 0, 255, 255, 255, 255,  /* group r */
		16, 0, 5, 0, 255, 255, 255, 255, /* mask r-x */
		32, 0, 0, 0, 255, 255, 255, 255, /* others */
	};
	struct acl_names names = { 0 };
	struct policy policy = { .acl_names = &names };
	struct archive_entry *entry = entry_with(33, "");
	cleanup_free void *data = NULL;
	struct error err = { 0 };
	size_t size;

	(void)state;
	assert_int_equal(
		acl_encode(&policy, "f", entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, &data, &size, &err),
		0);
	assert_int_equal(size, sizeof(expected));
	assert_memory_equal(data, expected, size);
	archive_entry_free(entry);
}

static void names_are_looked_up_in_the_template(void **state)
{
	struct acl_names names = { 0 };
	struct policy policy = { .acl_names = &names };
	struct archive_entry *entry = entry_with(-1, "web");
	cleanup_free unsigned char *data = NULL;
	struct error err = { 0 };
	size_t size;

	(void)state;
	assert_int_equal(acl_encode(&policy, "f", entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS,
				 (void **)&data, &size, &err),
		1);
	assert_int_equal(acl_names_load(&names, scratch_fd, &err), 0);
	assert_int_equal(acl_resolve(&policy, "f", data, size, &err), -EINVAL);
	assert_non_null(strstr(err.text, "web, whom the archive's /etc/passwd lacks"));

	assert_int_equal(mkdirat(scratch_fd, "etc", 0755), 0);
	scratch_write(
		"etc/passwd", "webb:x:7:7::/:\nweb:x\nweb::x:\nweb:*:999:7::/:\nweb:*:1:1:\n");
	assert_int_equal(acl_names_load(&names, scratch_fd, &err), 0);
	assert_int_equal(acl_resolve(&policy, "f", data, size, &err), 0);
	assert_int_equal(data[16] | data[17] << 8, 999);
	acl_names_done(&names);
	archive_entry_free(entry);
}

/* As many names as may be, as many lines as are read, and very many ACLs. */
static void many_names_cost_little(void **state)
{
	static const char line[] = "u4000:x:9:\n";
	cleanup_free char *passwd = calloc(1, 1 << 20);
	struct acl_names names = { 0 };
	struct error err = { 0 };
	uint32_t number = 0;
	const char *name;
	char word[16];
	int64_t id;

	(void)state;
	memset(passwd, '\n', (1 << 20) - sizeof(line));
	memcpy(passwd + (1 << 20) - sizeof(line), line, sizeof(line));
	assert_int_equal(mkdirat(scratch_fd, "etc", 0755), 0);
	scratch_write("etc/passwd", passwd);
	for (int i = 0; i < 1000000; i++) {
		snprintf(word, sizeof(word), "u%d", i % 4096);
		assert_int_equal(acl_names_add(&names, word, &number, &err), 0);
	}
	assert_int_equal(names.n, 4096);
	assert_int_equal(acl_names_add(&names, "u4096", &number, &err), -EINVAL);
	assert_int_equal(acl_names_load(&names, scratch_fd, &err), 0);
	assert_int_equal(acl_names_add(&names, "u4000", &number, &err), 0);
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(acl_names_find(&names, number, false, &id, &name), 0);
	assert_int_equal(id, 9);
	assert_int_equal(acl_names_find(&names, number, true, &id, &name), -ENOENT);
	acl_names_done(&names);
}

static void raw_ids_are_checked_and_squashed(void **state)
{
	unsigned char data[] = { 2, 0, 0, 0, 2, 0, 4, 0, 0, 0, 1, 0 };
	struct policy policy = { .squash_ids = false };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(acl_check(&policy, "f", data, sizeof(data), &err), -EINVAL);
	assert_int_equal(acl_check(&policy, "f", data, sizeof(data) - 1, &err), -EINVAL);
	assert_int_equal(acl_check(&policy, "f", data, 3, &err), -EINVAL);
	policy.squash_ids = true;
	assert_int_equal(acl_check(&policy, "f", data, sizeof(data), &err), 0);
	assert_int_equal(data[8] | data[9] << 8 | data[10] << 16, 65534);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_sorted_as_the_kernel_wants),
		scratch_test(names_are_looked_up_in_the_template),
		scratch_test(many_names_cost_little),
		cmocka_unit_test(raw_ids_are_checked_and_squashed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
