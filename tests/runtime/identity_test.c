/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * identity_test.c - what is written into a guest's /etc, and what is left alone.
 */
#include "runtime/identity.h"
#include "tests/base/scratch.h"

#define UUID "11112222-3333-4444-8555-666677778888"

static void assert_file(const char *name, const char *text)
{
	cleanup_free char *content = NULL;
	struct error err = { 0 };

	assert_true(file_read(scratch_fd, name, 4096, &content, &err) >= 0);
	assert_string_equal(content, text);
}

static int write_identity(const char *hostname)
{
	struct identity identity = { .hostname = hostname, .uuid = UUID };
	struct error err = { 0 };

	return identity_write(scratch_fd, &identity, &err);
}

static int setup(void **state)
{
	return scratch_open(state) < 0 ? -1 : mkdirat(scratch_fd, "etc", 0755);
}

static void a_guest_is_told_who_it_is(void **state)
{
	(void)state;
	scratch_write("etc/machine-id", "uninitialized\n");
	assert_int_equal(write_identity("web1"), 0);
	assert_file("etc/hostname", "web1\n");
	assert_file("etc/machine-id", "11112222333344448555666677778888\n");
	assert_file("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
				 "127.0.1.1\tweb1\t# vessel\n");
}

static void a_second_start_changes_nothing(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(write_identity("web1"), 0);
	assert_int_equal(fstatat(scratch_fd, "etc/hosts", &before, 0), 0);
	assert_int_equal(write_identity("web1"), 0);
	assert_int_equal(fstatat(scratch_fd, "etc/hosts", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void a_new_name_moves_our_line_only(void **state)
{
	(void)state;
	scratch_write("etc/hosts", "10.0.0.1 db # mine\n127.0.1.1\told\t# vessel\n10.0.0.2 x");
	assert_int_equal(write_identity("new"), 0);
	assert_file("etc/hosts", "10.0.0.1 db # mine\n10.0.0.2 x\n127.0.1.1\tnew\t# vessel\n");
}

static void a_tenants_own_line_is_enough(void **state)
{
	(void)state;
	scratch_write("etc/hosts", "10.0.0.1 web1.example web1\n");
	assert_int_equal(write_identity("web1"), 0);
	assert_file("etc/hosts", "10.0.0.1 web1.example web1\n");
}

static void addresses_of_its_own_take_the_place_of_the_loopback_one(void **state)
{
	const struct ip ips[] = { { AF_INET, { 10, 77, 0, 11 } },
		{ AF_INET6, { 0xfd, 0, 0, 0x77, [15] = 0xb } } };
	struct identity identity = { .hostname = "web1", .uuid = UUID, .ips = ips, .n_ips = 2 };
	struct error err = { 0 };

	(void)state;
	scratch_write("etc/hosts", "10.0.0.1 db\n127.0.1.1\tweb1\t# vessel\n");
	assert_int_equal(identity_write(scratch_fd, &identity, &err), 0);
	assert_file("etc/hosts", "10.0.0.1 db\n10.77.0.11\tweb1\t# vessel\n"
				 "fd00:77::b\tweb1\t# vessel\n");
	identity.n_ips = 1;
	assert_int_equal(identity_write(scratch_fd, &identity, &err), 0);
	assert_file("etc/hosts", "10.0.0.1 db\n10.77.0.11\tweb1\t# vessel\n");
	scratch_write("etc/hosts", "10.0.0.1 web1\n10.77.0.11\tweb1\t# vessel\n");
	assert_int_equal(identity_write(scratch_fd, &identity, &err), 0);
	assert_file("etc/hosts", "10.0.0.1 web1\n");
}

static void a_name_in_a_comment_or_as_a_part_is_none(void **state)
{
	const struct identity web1 = { .hostname = "web1" };
	cleanup_free char *comment = identity_hosts("10.0.0.1 db # web1\n", &web1);
	cleanup_free char *part = identity_hosts("10.0.0.1 web10 xweb1\n", &web1);
	cleanup_free char *address = identity_hosts("web1 db\n", &web1);

	(void)state;
	assert_non_null(comment);
	assert_non_null(part);
	assert_non_null(address);
}

/* NULs, as after a crash, and then text: neither is a file that is not there. */
static void a_hosts_file_that_cannot_be_read_whole_is_left_alone(void **state)
{
	const off_t size = (1 << 20) + 1;
	cleanup_close int fd = -1;
	struct stat before, after;

	(void)state;
	scratch_write("etc/hosts", "10.0.0.1 db\n");
	fd = openat(scratch_fd, "etc/hosts", O_RDWR | O_CLOEXEC);
	for (off_t length = size; length > 4096; length = length == size ? size - 1 : 0) {
		assert_int_equal(ftruncate(fd, length), 0);
		assert_int_equal(fstat(fd, &before), 0);
		assert_int_equal(write_identity("web1"), 0);
		assert_int_equal(fstatat(scratch_fd, "etc/hosts", &after, 0), 0);
		assert_int_equal(after.st_ino, before.st_ino);
		assert_int_equal(after.st_size, length);
	}
}

static void a_link_out_of_the_guest_is_replaced(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(symlinkat("../../../../tmp/vessel-escape", scratch_fd, "etc/hostname"), 0);
	assert_int_equal(write_identity("web1"), 0);
	assert_int_equal(fstatat(scratch_fd, "etc/hostname", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_not_equal(access("/tmp/vessel-escape", F_OK), 0);
}

static void a_root_without_etc_stays_so(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(scratch_fd, "etc", AT_REMOVEDIR), 0);
	assert_int_equal(write_identity("web1"), 0);
	assert_false(scratch_exists("etc"));
}

static void names_that_cannot_be_written_stop_no_start(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(scratch_fd, "etc/hostname", 0755), 0);
	assert_int_equal(mkdirat(scratch_fd, "etc/hosts", 0755), 0);
	assert_int_equal(write_identity("web1"), 0);
}

static void a_machine_id_that_cannot_be_written_does(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(scratch_fd, "etc/machine-id", 0755), 0);
	assert_true(write_identity("web1") < 0);
}

#define etc_test(fn) cmocka_unit_test_setup_teardown(fn, setup, scratch_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		etc_test(a_guest_is_told_who_it_is),
		etc_test(a_second_start_changes_nothing),
		etc_test(a_new_name_moves_our_line_only),
		etc_test(a_tenants_own_line_is_enough),
		etc_test(addresses_of_its_own_take_the_place_of_the_loopback_one),
		etc_test(a_name_in_a_comment_or_as_a_part_is_none),
		etc_test(a_hosts_file_that_cannot_be_read_whole_is_left_alone),
		etc_test(a_link_out_of_the_guest_is_replaced),
		etc_test(a_root_without_etc_stays_so),
		etc_test(names_that_cannot_be_written_stop_no_start),
		etc_test(a_machine_id_that_cannot_be_written_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
