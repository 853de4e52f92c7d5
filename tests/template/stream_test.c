/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream_test.c - the digest covers every byte, and a cut archive is noticed.
 */
#include <archive.h>
#include <archive_entry.h>

#include "template/policy.h"
#include "template/stream.h"
#include "tests/base/scratch.h"

#define BLOCK 512

/* A ustar header for an empty file, and `zeros` blocks of zeros behind it. */
static int archive_fd(size_t zeros)
{
	char block[BLOCK] = "name";
	unsigned int sum = 0;
	int fd = openat(scratch_fd, "archive", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	memcpy(block + 100, "0000644", 8);
	memcpy(block + 108, "0000000", 8);
	memcpy(block + 116, "0000000", 8);
	memcpy(block + 124, "00000000000", 12);
	memcpy(block + 136, "00000000000", 12);
	memset(block + 148, ' ', 8);
	block[156] = '0';
	memcpy(block + 257, "ustar\00000", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	assert_int_equal(write(fd, block, BLOCK), BLOCK);
	memset(block, 0, BLOCK);
	while (zeros--)
		assert_int_equal(write(fd, block, BLOCK), BLOCK);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int read_all(int fd, struct policy *policy, char digest[SHA256_TEXT], struct error *err)
{
	struct archive_entry *entry;
	struct stream stream;
	int r = stream_open(&stream, fd, policy, err);

	while (r == 0 && archive_read_next_header(stream.tar, &entry) == ARCHIVE_OK)
		;
	if (r == 0)
		r = stream_finish(&stream, digest);
	stream_done(&stream);
	return r;
}

static void every_zero_counts(void **state)
{
	struct policy policy = { .bounds = import_default_bounds };
	char digests[2][SHA256_TEXT];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_close int fd = archive_fd(2 + 100 * i);
		struct error err = { 0 };
		struct sha256_ctx sha256;
		char expected[SHA256_TEXT];
		uint8_t data[BLOCK];

		assert_int_equal(read_all(fd, &policy, digests[i], &err), 0);
		sha256_init(&sha256);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		while (read(fd, data, BLOCK) == BLOCK)
			sha256_update(&sha256, BLOCK, data);
		sha256_text(&sha256, expected);
		assert_string_equal(digests[i], expected);
	}
	assert_string_not_equal(digests[0], digests[1]);
}

static void an_archive_without_an_end_is_cut_off(void **state)
{
	struct policy policy = { .bounds = import_default_bounds };
	cleanup_close int fd = archive_fd(0);
	char digest[SHA256_TEXT];
	struct error err = { 0 };

	(void)state;
	assert_int_equal(read_all(fd, &policy, digest, &err), -EINVAL);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.text, "cut off"));
}

static void what_is_no_archive_is_refused(void **state)
{
	struct policy policy = { .bounds = import_default_bounds };
	cleanup_close int fd = -1;
	char digest[SHA256_TEXT];
	struct error err = { 0 };

	(void)state;
	scratch_write("empty", "");
	fd = openat(scratch_fd, "empty", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_all(fd, &policy, digest, &err), -EINVAL);
	assert_int_equal(err.kind, ERROR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_zero_counts),
		cmocka_unit_test(an_archive_without_an_end_is_cut_off),
		cmocka_unit_test(what_is_no_archive_is_refused),
	};

	return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
