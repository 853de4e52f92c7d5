/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * resolver_test.c - which of a host's name servers a VE can ask, and whose resolv.conf is written.
 */
#include "base/text.h"
#include "runtime/resolver.h"
#include "tests/base/scratch.h"

#define OURS                                                                                       \
	"# vessel writes this file when the VE starts; without this line it is yours.\n"           \
	"nameserver 192.0.2.1\n"

static int setup(void **state)
{
	return scratch_open(state) < 0 ? -1 : mkdirat(scratch_fd, "etc", 0755);
}

static void assert_resolv(const char *text)
{
	cleanup_free char *content = NULL;
	struct error err = { 0 };

	assert_true(file_read(scratch_fd, "etc/resolv.conf", 4096, &content, &err) >= 0);
	assert_string_equal(content, text);
}

static void what_a_ve_cannot_ask_is_left_out(void **state)
{
	struct resolvers resolvers;
	char text[IP_TEXT];

	(void)state;
	resolvers_parse("nameserver 127.0.0.53\n# nameserver 192.0.2.9\nnameserver ::1\n"
			"nameserver fe80::1%eth0\nnameserver fe80::1\nnameserver 169.254.169.254\n"
			"nameserverx 192.0.2.8\nnameserver\nnameserver 192.0.2.300\n"
			"nameserver\t 192.0.2.1 # the first\nnameserver 2001:db8::1\r\n"
			"options edns0\nnameserver 192.0.2.2",
		&resolvers);
	assert_int_equal(resolvers.n, 3);
	assert_string_equal(ip_format(&resolvers.ips[0], text), "192.0.2.1");
	assert_string_equal(ip_format(&resolvers.ips[1], text), "2001:db8::1");
	assert_string_equal(ip_format(&resolvers.ips[2], text), "192.0.2.2");
}

static void no_list_is_too_long(void **state)
{
	cleanup_free char *many = NULL;
	struct resolvers resolvers;
	struct text text;

	(void)state;
	text_init(&text);
	for (int i = 0; i < 2 * RESOLVERS_MAX; i++)
		text_add(&text, "nameserver 192.0.2.1\n");
	many = text_take(&text);
	resolvers_parse(many, &resolvers);
	assert_int_equal(resolvers.n, RESOLVERS_MAX);
}

static void the_text_has_domains_and_servers(void **state)
{
	const struct ip ips[] = { { AF_INET, { 192, 0, 2, 1 } }, { AF_INET6, { 0x20, 1 } } };
	char *search[] = { (char *)"example.org", (char *)"example.net" };
	cleanup_free char *all = resolver_text(ips, 2, search, 2);
	cleanup_free char *one = resolver_text(ips, 1, NULL, 0);

	(void)state;
	assert_non_null(strstr(all, "\nsearch example.org example.net\nnameserver 192.0.2.1\n"
				    "nameserver 2001::\n"));
	assert_string_equal(one, OURS);
}

static void a_missing_an_empty_and_our_own_file_are_written(void **state)
{
	(void)state;
	resolver_write(scratch_fd, OURS, false);
	assert_resolv(OURS);
	resolver_write(scratch_fd, OURS "nameserver 192.0.2.2\n", false);
	assert_resolv(OURS "nameserver 192.0.2.2\n");
	scratch_write("etc/resolv.conf", "");
	resolver_write(scratch_fd, OURS, false);
	assert_resolv(OURS);
}

static void a_tenants_own_file_is_replaced_only_on_demand(void **state)
{
	(void)state;
	scratch_write("etc/resolv.conf", "nameserver 198.51.100.1\n");
	resolver_write(scratch_fd, OURS, false);
	assert_resolv("nameserver 198.51.100.1\n");
	resolver_write(scratch_fd, OURS, true);
	assert_resolv(OURS);
}

static void a_link_is_left_alone_wherever_it_leads(void **state)
{
	struct stat st;

	(void)state;
	scratch_write("etc/stub", "");
	assert_int_equal(symlinkat("stub", scratch_fd, "etc/resolv.conf"), 0);
	resolver_write(scratch_fd, OURS, true);
	assert_int_equal(fstatat(scratch_fd, "etc/stub", &st, 0), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(unlinkat(scratch_fd, "etc/stub", 0), 0);
	resolver_write(scratch_fd, OURS, true);
	assert_int_equal(fstatat(scratch_fd, "etc/resolv.conf", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_false(scratch_exists("etc/stub"));
}

#define etc_test(fn) cmocka_unit_test_setup_teardown(fn, setup, scratch_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_ve_cannot_ask_is_left_out),
		cmocka_unit_test(no_list_is_too_long),
		cmocka_unit_test(the_text_has_domains_and_servers),
		etc_test(a_missing_an_empty_and_our_own_file_are_written),
		etc_test(a_tenants_own_file_is_replaced_only_on_demand),
		etc_test(a_link_is_left_alone_wherever_it_leads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
