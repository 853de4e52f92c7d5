/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ustar_test.c - what ustar.c and busybox.c write, as libarchive reads it.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h> /* needs the three before it */
/* clang-format on */

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/busybox.h"
#include "cli/ustar.h"

static struct archive *open_archive(const struct text *text)
{
	struct archive *archive = archive_read_new();

	archive_read_support_format_tar(archive);
	assert_int_equal(archive_read_open_memory(archive, text->data, text->length), ARCHIVE_OK);
	return archive;
}

static void entries_come_back_as_they_went(void **state)
{
	cleanup_text struct text text;
	struct archive *archive;
	struct archive_entry *entry;
	char data[16] = { 0 };

	(void)state;
	text_init(&text);
	ustar_add(&text, &(struct ustar_entry){
				 .name = "d/", .type = '5', .mode = 01777, .mtime = 1700000000 });
	ustar_add(&text,
		&(struct ustar_entry){
			.name = "d/f", .type = '0', .mode = 0640, .data = "hello", .size = 5 });
	ustar_add(&text,
		&(struct ustar_entry){ .name = "d/l", .type = '2', .mode = 0777, .target = "f" });
	ustar_end(&text);
	assert_int_equal(text.length % 512, 0);

	archive = open_archive(&text);
	assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
	assert_int_equal(archive_entry_mode(entry), 041777);
	assert_int_equal(archive_entry_mtime(entry), 1700000000);
	assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
	assert_int_equal(archive_entry_uid(entry), 0);
	assert_int_equal(archive_read_data(archive, data, sizeof(data)), 5);
	assert_string_equal(data, "hello");
	assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
	assert_string_equal(archive_entry_symlink(entry), "f");
	assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_EOF);
	archive_read_free(archive);
}

static void a_name_that_does_not_fit_is_a_failure(void **state)
{
	cleanup_text struct text text;
	char name[102];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	text_init(&text);
	ustar_add(&text, &(struct ustar_entry){ .name = name, .type = '0' });
	assert_true(text.failed);
}

static bool has_entry(const struct text *text, const char *name, mode_t mode)
{
	struct archive *archive = open_archive(text);
	struct archive_entry *entry;
	bool found = false;

	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		found |= strcmp(archive_entry_pathname(entry), name) == 0 &&
			 archive_entry_mode(entry) == mode;
	archive_read_free(archive);
	return found;
}

static void the_small_template_boots_and_is_the_same_twice(void **state)
{
	static const char applets[] = "[\nbusybox\nsh\n../evil\nls";
	cleanup_text struct text first, second;

	(void)state;
	text_init(&first);
	text_init(&second);
	busybox_archive(&first, "program", 7, applets, 1700000000);
	busybox_archive(&second, "program", 7, applets, 1700000000);
	assert_false(first.failed);
	assert_int_equal(first.length, second.length);
	assert_memory_equal(first.data, second.data, first.length);
	assert_true(has_entry(&first, "bin/busybox", 0100755));
	assert_true(has_entry(&first, "bin/sh", 0120777));
	assert_true(has_entry(&first, "bin/ls", 0120777));
	assert_true(has_entry(&first, "sbin/init", 0120777));
	assert_true(has_entry(&first, "tmp/", 041777));
	assert_true(has_entry(&first, "etc/shadow", 0100600));
	assert_true(has_entry(&first, "etc/inittab", 0100644));
	assert_null(memmem(first.data, first.length, "evil", 4));
}

static void a_dynamic_program_is_refused(void **state)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr program;
	} file = { 0 };
	struct error err = { 0 };

	(void)state;
	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	file.header.e_phoff = sizeof(file.header);
	file.header.e_phentsize = sizeof(file.program);
	file.header.e_phnum = 1;
	file.program.p_type = PT_LOAD;
	assert_int_equal(busybox_check_static(&file, sizeof(file), &err), 0);
	file.program.p_type = PT_INTERP;
	assert_true(busybox_check_static(&file, sizeof(file), &err) < 0);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	file.header.e_phoff = UINT64_MAX - 8;
	assert_true(busybox_check_static(&file, sizeof(file), &err) < 0);
	assert_true(busybox_check_static("#!/bin/sh", 9, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_back_as_they_went),
		cmocka_unit_test(a_name_that_does_not_fit_is_a_failure),
		cmocka_unit_test(the_small_template_boots_and_is_the_same_twice),
		cmocka_unit_test(a_dynamic_program_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
