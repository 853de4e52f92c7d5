/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ip_test.c - what is an address, what is a range, and what no VE may have.
 */
#include "netns/ip.h"
#include "tests/base/scratch.h"

static void addresses_come_back_as_they_went_in(void **state)
{
	static const char *const texts[] = { "10.77.0.11", "255.1.2.3", "fd00:77::b",
		"2001:db8::", "2001:db8:1:2:3:4:5:6" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[IP_TEXT];
		struct ip ip;

		assert_int_equal(ip_parse(texts[i], &ip), 0);
		assert_string_equal(ip_format(&ip, text), texts[i]);
	}
}

static void what_is_loose_is_no_address(void **state)
{
	static const char *const texts[] = { "", "10", "10.1", "10.1.2", "010.1.2.3", "10.1.2.03",
		"0x0a.1.2.3", "10.1.2.256", "10.1.2.3.4", " 10.1.2.3", "10.1.2.3 ", "10.1.2.3/24",
		"fe80::1%eth0", "1::2::3", "12345::", "::g", "1:2:3:4:5:6:7", "10.1.2.-3",
		"example" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip ip = { .family = 77 };

		assert_int_equal(ip_parse(texts[i], &ip), -EINVAL);
		assert_int_equal(ip.family, 77);
	}
}

static void some_addresses_are_refused_by_kind(void **state)
{
	static const struct {
		const char *text, *what;
	} rows[] = {
		{ "0.0.0.0", "an address of \"this network\"" },
		{ "127.0.0.53", "a loopback address" },
		{ "169.254.169.254", "a link-local address" },
		{ "224.0.0.1", "a multicast address" },
		{ "239.255.255.255", "a multicast address" },
		{ "240.0.0.1", "a reserved address" },
		{ "255.255.255.255", "the broadcast address" },
		{ "::", "the unspecified address" },
		{ "::1", "the loopback address" },
		{ "::ffff:10.0.0.1", "an IPv4-mapped address" },
		{ "fe80::1", "a link-local address" },
		{ "febf::1", "a link-local address" },
		{ "ff02::1", "a multicast address" },
	};
	static const char *const allowed[] = { "10.0.0.1", "126.1.1.1", "128.0.0.1", "203.0.113.7",
		"2001:db8::1", "fd00::1", "fec0::1", "::1:0:0:0:0" };
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ip_parse(rows[i].text, &ip), 0);
		assert_non_null(ip_refusal(&ip));
		assert_string_equal(ip_refusal(&ip), rows[i].what);
	}
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		assert_int_equal(ip_parse(allowed[i], &ip), 0);
		assert_null(ip_refusal(&ip));
	}
}

static void a_range_has_nothing_below_its_length(void **state)
{
	static const char *const good[] = { "10.77.0.0/16", "10.77.0.4/30", "10.0.0.1/32",
		"0.0.0.0/0", "fd00:77::/64", "fd00::1/128" };
	static const char *const bad[] = { "10.77.0.0", "10.77.0.0/", "10.77.0.1/16",
		"10.77.0.0/33", "10.77.0.0/016", "10.77.0.0/-1", "10.77.0.0/16 ", "fd00:77::1/64",
		"fd00::/129", "/16", "10.0.0.0/8/8" };
	struct prefix prefix;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char text[PREFIX_TEXT];

		assert_int_equal(prefix_parse(good[i], &prefix), 0);
		assert_string_equal(prefix_format(&prefix, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(prefix_parse(bad[i], &prefix), -EINVAL);
}

static bool overlap(const char *a, const char *b)
{
	struct prefix x, y;

	assert_int_equal(prefix_parse(a, &x), 0);
	assert_int_equal(prefix_parse(b, &y), 0);
	assert_int_equal(prefix_overlap(&x, &y), prefix_overlap(&y, &x));
	return prefix_overlap(&x, &y);
}

static void ranges_overlap_when_one_holds_the_other(void **state)
{
	(void)state;
	assert_true(overlap("10.0.0.0/8", "10.77.0.0/16"));
	assert_true(overlap("10.77.0.0/16", "10.77.255.255/32"));
	assert_true(overlap("0.0.0.0/0", "192.0.2.0/24"));
	assert_true(overlap("fd00::/8", "fd00:77::/64"));
	assert_false(overlap("10.76.0.0/16", "10.77.0.0/16"));
	assert_false(overlap("10.77.0.0/17", "10.77.128.0/17"));
	assert_false(overlap("0.0.0.0/0", "::/0"));
}

static void an_address_lies_in_a_prefix_of_each_length(void **state)
{
	static const char *const around[] = { "192.0.2.77/32", "192.0.2.64/27", "192.0.0.0/16",
		"0.0.0.0/0", "2001:db8::4d/128", "2001:db8::/64", "2001:db8::/33" };
	char text[PREFIX_TEXT];
	struct prefix prefix, got;
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
		assert_int_equal(prefix_parse(around[i], &prefix), 0);
		assert_int_equal(
			ip_parse(prefix.ip.family == AF_INET ? "192.0.2.77" : "2001:db8::4d", &ip),
			0);
		got = prefix_around(&ip, prefix.length);
		assert_string_equal(prefix_format(&got, text), around[i]);
	}
}

static void some_addresses_mean_nothing_outside(void **state)
{
	static const char *const private[] = { "10.77.0.11", "172.16.0.1", "172.31.255.1",
		"192.168.1.1", "100.64.0.1", "fd00:77::b", "fc00::1" };
	static const char *const public[] = { "192.0.2.1", "172.32.0.1", "11.0.0.1", "100.128.0.1",
		"2001:db8::1", "fe80::1" };
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(private); i++)
		assert_true(ip_parse(private[i], &ip) == 0 && ip_private(&ip));
	for (size_t i = 0; i < ARRAY_SIZE(public); i++)
		assert_true(ip_parse(public[i], &ip) == 0 && !ip_private(&ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_back_as_they_went_in),
		cmocka_unit_test(what_is_loose_is_no_address),
		cmocka_unit_test(some_addresses_are_refused_by_kind),
		cmocka_unit_test(an_address_lies_in_a_prefix_of_each_length),
		cmocka_unit_test(some_addresses_mean_nothing_outside),
		cmocka_unit_test(a_range_has_nothing_below_its_length),
		cmocka_unit_test(ranges_overlap_when_one_holds_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
