/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_net_test.c - the network's settings: lists that are replaced, added to and taken from,
 * what may be in them, and rates.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include <netinet/in.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "runtime/setting.h"

static struct settings settings;

static int setup(void **state)
{
	struct error err = { 0 };

	(void)state;
	return settings_init(&settings, &err);
}

static int teardown(void **state)
{
	(void)state;
	settings_done(&settings);
	return 0;
}

static int set(const char *name, const char *text, struct error *err)
{
	return setting_set(&settings, setting_find(name), text, NULL, err);
}

static void assert_value(const char *name, const char *expected)
{
	cleanup_free char *text = setting_format(&settings, setting_find(name));

	assert_string_equal(text, expected);
}

static void values_come_back_from_text_and_from_records(void **state)
{
	/* clang-format off */
	static const char *const rows[][3] = { /* each on top of those before */
		{ "net",         "none",                    "none" },
		{ "net",         "routed",                  "routed" },
		{ "ip",          "10.77.0.9,fd00:0::9",     "10.77.0.9,fd00::9" },
		{ "ip",          "+10.77.0.10",             "10.77.0.9,fd00::9,10.77.0.10" },
		{ "ip",          "+10.77.0.10",             "10.77.0.9,fd00::9,10.77.0.10" },
		{ "ip",          "-10.77.0.9",              "fd00::9,10.77.0.10" },
		{ "ip",          "-10.77.0.99",             "fd00::9,10.77.0.10" },
		{ "ip",          "+10.77.0.1,-fd00::9",     "10.77.0.10,10.77.0.1" },
		{ "ip",          "-10.77.0.1,-10.77.0.10",  "none" },
		{ "ip",          "+192.0.2.1",              "192.0.2.1" },
		{ "ip",          "auto",                    "auto" },
		{ "ip",          "-192.0.2.1",              "auto" },
		{ "ip",          "none",                    "none" },
		{ "dns",         "2001:db8::53,127.0.0.1",  "2001:db8::53,127.0.0.1" },
		{ "dns",         "::1",                     "::1" },
		{ "dns",         "none",                    "none" },
		{ "dns",         "host",                    "host" },
		{ "search",      "example.org,a.B-c",       "example.org,a.B-c" },
		{ "search",      "+lan,-EXAMPLE.org",       "a.B-c,lan" },
		{ "search",      "none",                    "none" },
		{ "publish",     "8080:80,53:53/udp",       "8080:80,53:53/udp" },
		{ "publish",     "+53:5353",                "8080:80,53:53/udp,53:5353" },
		{ "publish",     "-8080:81",                "8080:80,53:53/udp,53:5353" },
		{ "publish",     "-8080:80,-53:53",         "53:53/udp,53:5353" },
		{ "publish",     "192.0.2.1:22:22,192.0.2.2:22:22,[2001:db8::1]:22:22/udp",
		                 "192.0.2.1:22:22,192.0.2.2:22:22,[2001:db8::1]:22:22/udp" },
		{ "publish",     "65535:1",                 "65535:1" },
		{ "nat",         "no",                      "no" },
		{ "isolate",     "yes",                     "yes" },
		{ "connections", "16",                      "16" },
		{ "connections", "none",                    "none" },
		{ "rate-in",     "100M",                    "100M" },
		{ "rate-in",     "1.5G",                    "1.5G" },
		{ "rate-in",     "8000",                    "8K" },
		{ "rate-in",     "1024000",                 "1024K" },
		{ "rate-out",    "1234567",                 "1234567" },
		{ "rate-out",    "none",                    "none" },
	};
	/* clang-format on */
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct setting *row = setting_find(rows[i][0]);
		cleanup_json struct json *record = json_new_object();
		struct settings copy, loaded;

		assert_int_equal(set(rows[i][0], rows[i][1], &err), 0);
		assert_value(rows[i][0], rows[i][2]);
		assert_int_equal(settings_copy(&copy, &settings, &err), 0);
		assert_true(setting_equal(&copy, &settings, row));
		settings_to_json(&copy, record);
		settings_done(&copy);
		assert_int_equal(settings_init(&loaded, &err), 0);
		assert_int_equal(settings_from_json(&loaded, record, &err), 0);
		assert_true(setting_equal(&loaded, &settings, row));
		settings_done(&loaded);
	}
}

#define ADDRESSES " for ip (ADDR,...: addresses; auto: of the instance's ranges)"
#define PORT      " (a port is a number from 1 to 65535)"
/* clang-format off */
static const char *const refusals[][3] = {
	{ "net",         "bridge",          "bad value 'bridge' for net (routed|none: how it is connected)" },
	{ "ip",          "10.77.0",         "bad value '10.77.0'" ADDRESSES },
	{ "ip",          "10.77.0.01",      "bad value '10.77.0.01'" ADDRESSES },
	{ "ip",          "10.77.0.1/16",    "bad value '10.77.0.1/16'" ADDRESSES },
	{ "ip",          "",                "bad value ''" ADDRESSES },
	{ "ip",          "10.0.0.1,",       "bad value ''" ADDRESSES },
	{ "ip",          "+",               "bad value ''" ADDRESSES },
	{ "ip",          "++10.0.0.2",      "bad value '+10.0.0.2'" ADDRESSES },
	{ "ip",          "auto,10.0.0.2",   "'auto' stands for all of ip: give it alone" },
	{ "ip",          "10.0.0.2,auto",   "'auto' stands for all of ip: give it alone" },
	{ "ip",          "+auto",           "'auto' stands for all of ip: give it alone" },
	{ "ip",          "10.0.0.2,none",   "'none' stands for all of ip: give it alone" },
	{ "search",      "lan,none",        "'none' stands for all of search: give it alone" },
	{ "ip",          "fe80::1%eth0",    NULL },
	{ "ip",          "224.0.0.1",       "bad value '224.0.0.1' for ip (a multicast address)" },
	{ "ip",          "ff02::1",         "bad value 'ff02::1' for ip (a multicast address)" },
	{ "ip",          "127.0.0.1",       "bad value '127.0.0.1' for ip (a loopback address)" },
	{ "ip",          "169.254.0.9",     "bad value '169.254.0.9' for ip (a link-local address)" },
	{ "ip",          "::",              "bad value '::' for ip (the unspecified address)" },
	{ "ip",          "10.0.0.2,10.0.0.2", "10.0.0.2 stands twice in ip" },
	{ "ip",          "fd00::1,fd00:0::1", "fd00:0::1 stands twice in ip" },
	{ "ip",          "10.0.0.2\n",      "bad value for ip: control characters, or more than 32768 bytes" },
	{ "dns",         "+192.0.2.53",     "cannot add 192.0.2.53: dns is 'host', which is no list (name all of them)" },
	{ "dns",         "resolver",        "bad value 'resolver' for dns (ADDR,...: name servers; host: those of the host)" },
	{ "dns",         "0.0.0.0",         "bad value '0.0.0.0' for dns (an address of \"this network\")" },
	{ "dns",         "auto",            NULL },
	{ "search",      "example_org",     "bad value 'example_org' for search (DOMAIN,...: domains that short names are looked up in)" },
	{ "search",      ".",               NULL },
	{ "search",      "a..b",            NULL },
	{ "search",      "org\nnameserver", NULL },
	{ "search",      "lan,LAN",         "LAN stands twice in search" },
	{ "publish",     "80",              "bad value '80' for publish ([HOSTADDR:]PORT:PORT[/udp],...: ports of the host that lead to its own)" },
	{ "publish",     "80:80/tcp",       NULL },
	{ "publish",     "80:80/udp/udp",   NULL },
	{ "publish",     "web:80",          NULL },
	{ "publish",     ":80",             NULL },
	{ "publish",     "80:",             NULL },
	{ "publish",     ":80:80",          NULL },
	{ "publish",     "host:80:80",      NULL },
	{ "publish",     "2001:db8::1:80:80", NULL },
	{ "publish",     "[192.0.2.1]:80:80", NULL },
	{ "publish",     "[2001:db8::1:80:80", NULL },
	{ "publish",     "0:80",            "bad value '0:80' for publish" PORT },
	{ "publish",     "80:65536",        "bad value '80:65536' for publish" PORT },
	{ "publish",     "99999999999999999999:1", "bad value '99999999999999999999:1' for publish" PORT },
	{ "publish",     "127.0.0.1:80:80", "bad value '127.0.0.1:80:80' for publish (a loopback address)" },
	{ "publish",     "80:80,80:80",     "80:80 stands twice in publish" },
	{ "publish",     "80:80,80:81",     "80:80 and 80:81 cannot both be in publish" },
	{ "publish",     "192.0.2.1:80:80,80:80", "192.0.2.1:80:80 and 80:80 cannot both be in publish" },
	{ "publish",     "+22:23",          "22:22 and 22:23 cannot both be in publish" },
	{ "nat",         "none",            NULL },
	{ "isolate",     "1",               NULL },
	{ "connections", "15",              "connections 15 is out of range (16 to 1048576)" },
	{ "connections", "0",               NULL },
	{ "rate-in",     "0",               "rate-in 0 is out of range (8K to 100G)" },
	{ "rate-in",     "7999",            "rate-in 7999 is out of range (8K to 100G)" },
	{ "rate-out",    "101G",            "rate-out 101G is out of range (8K to 100G)" },
	{ "rate-out",    "99999999999T",    NULL },
	{ "rate-out",    "100Mbit",         "bad value '100Mbit' for rate-out (RATE: bits a second from the VE, e.g. 100M)" },
	{ "rate-out",    "1.5",             NULL },
	{ "rate-out",    "-1M",             NULL },
};
/* clang-format on */

static void bad_values_are_refused_and_change_nothing(void **state)
{
	struct settings before;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(set("ip", "10.0.0.1", &err), 0);
	assert_int_equal(set("publish", "22:22", &err), 0);
	assert_int_equal(settings_copy(&before, &settings, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		assert_int_equal(set(refusals[i][0], refusals[i][1], &err), -EINVAL);
		assert_int_equal(err.kind, ERROR_USAGE);
		if (refusals[i][2])
			assert_string_equal(err.text, refusals[i][2]);
		assert_true(setting_equal(&before, &settings, setting_find(refusals[i][0])));
		assert_int_equal(settings.asked, before.asked);
	}
	settings_done(&before);
}

static void lists_and_names_have_an_end(void **state)
{
	cleanup_text struct text text;
	char name[70];
	struct error err = { 0 };

	(void)state;
	text_init(&text);
	for (unsigned int i = 0; i < 64; i++)
		text_format(&text, "%s10.0.0.%u", i > 0 ? "," : "", i);
	assert_int_equal(set("ip", text.data, &err), 0);
	assert_int_equal(settings.n_ips, 64);
	assert_true(set("ip", "+10.0.1.1", &err) < 0);
	assert_string_equal(err.text, "more than 64 values for ip");
	assert_int_equal(set("ip", "-10.0.0.63,+10.0.1.1", &err), 0);

	memset(name, 'a', sizeof(name));
	name[63] = '\0';
	assert_int_equal(set("search", name, &err), 0);
	name[63] = 'a';
	name[64] = '\0';
	assert_true(set("search", name, &err) < 0);
	assert_non_null(strstr(
		err.text, "for search (a name of 253 characters at most, 63 between two dots)"));
}

static void lists_are_where_others_look_for_them(void **state)
{
	struct error err = { 0 };
	const struct published *published;

	(void)state;
	assert_true(settings.ip_auto && settings.dns_host);
	assert_int_equal(set("ip", "10.0.0.1,fd00::1", &err), 0);
	assert_int_equal(set("dns", "192.0.2.53", &err), 0);
	assert_int_equal(set("search", "lan", &err), 0);
	assert_int_equal(set("publish", "8080:80,[fd00::5]:53:5353/udp", &err), 0);
	assert_false(settings.ip_auto || settings.dns_host);
	assert_int_equal(settings.n_ips, 2);
	assert_int_equal(settings.ips[1].family, AF_INET6);
	assert_int_equal(settings.dns[0].bytes[0], 192);
	assert_string_equal(settings.search[0], "lan");
	published = settings.published;
	assert_int_equal(published[0].at.family, 0);
	assert_int_equal(published[0].port, 8080);
	assert_int_equal(published[0].to_port, 80);
	assert_int_equal(published[0].protocol, IPPROTO_TCP);
	assert_int_equal(published[1].at.family, AF_INET6);
	assert_int_equal(published[1].protocol, IPPROTO_UDP);
	assert_int_equal(set("ip", "auto", &err), 0);
	assert_true(settings.ip_auto && settings.n_ips == 0);
}

static void records_hold_arrays_and_words(void **state)
{
	static const struct {
		const char *text, *ip, *dns;
	} rows[] = {
		{ "{\"ip\":[\"10.0.0.1\",\"fd00::1\"],\"dns\":[]}", "10.0.0.1,fd00::1", "none" },
		{ "{\"ip\":[\"auto\"],\"dns\":[\"host\"]}", "auto", "host" },
		{ "{\"ip\":\"10.0.0.2,10.0.0.1\",\"dns\":\"none\"}", "10.0.0.2,10.0.0.1", "none" },
		{ "{\"ip\":null,\"rate-in\":8000,\"publish\":[\"80:80\"]}", "none", "none" },
	};
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup_json struct json *record = NULL;

		assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), &record, &err), 0);
		assert_int_equal(settings_from_json(&settings, record, &err), 0);
		assert_value("ip", rows[i].ip);
		assert_value("dns", rows[i].dns);
	}
	assert_value("rate-in", "8K");
	assert_value("publish", "80:80");
}

static void records_of_the_wrong_kind_are_refused_as_a_whole(void **state)
{
	static const char *const rows[] = {
		"{\"nat\":false,\"ip\":[\"10.0.0.1\",\"10.0.0.1\"]}",
		"{\"nat\":false,\"ip\":[\"+10.0.0.1\"]}",
		"{\"nat\":false,\"ip\":[\"auto\",\"10.0.0.1\"]}",
		"{\"nat\":false,\"ip\":[7]}",
		"{\"nat\":false,\"ip\":{\"a\":\"10.0.0.1\"}}",
		"{\"nat\":false,\"ip\":true}",
		"{\"nat\":false,\"search\":[\"a\\nb\"]}",
		"{\"nat\":false,\"publish\":[\"80\"]}",
		"{\"nat\":false,\"rate-out\":7}",
		"{\"nat\":false,\"net\":\"host\"}",
		"{\"nat\":false,\"connections\":\"many\"}",
	};
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup_json struct json *record = NULL;

		assert_int_equal(json_parse(rows[i], strlen(rows[i]), &record, &err), 0);
		assert_int_equal(settings_from_json(&settings, record, &err), -EINVAL);
		assert_value("nat", "yes");
		assert_value("ip", "auto");
	}
}

static void default_takes_the_plan(void **state)
{
	struct settings plan;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(settings_init(&plan, &err), 0);
	assert_int_equal(
		setting_set(&plan, setting_find("search"), "example.org,lan", NULL, &err), 0);
	assert_int_equal(setting_set(&settings, setting_find("search"), "default", &plan, &err), 0);
	settings_done(&plan);
	assert_value("search", "example.org,lan");
	assert_int_equal(set("ip", "10.0.0.1", &err), 0);
	assert_int_equal(set("ip", "default", &err), 0);
	assert_value("ip", "auto");
	assert_int_equal(settings.asked, 0);
}

static void shown_values_are_for_programs(void **state)
{
	cleanup_json struct json *object = json_new_object();
	cleanup_free char *text = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(set("ip", "10.0.0.1,fd00::1", &err), 0);
	assert_int_equal(set("publish", "80:80/udp", &err), 0);
	assert_int_equal(set("rate-in", "1.5G", &err), 0);
	setting_to_json(&settings, setting_find("ip"), object, "ip");
	setting_to_json(&settings, setting_find("dns"), object, "dns");
	setting_to_json(&settings, setting_find("search"), object, "search");
	setting_to_json(&settings, setting_find("publish"), object, "publish");
	setting_to_json(&settings, setting_find("rate-in"), object, "rate_in");
	setting_to_json(&settings, setting_find("rate-out"), object, "rate_out");
	assert_int_equal(json_print(object, false, &text), 0);
	assert_string_equal(text,
		"{\"ip\":[\"10.0.0.1\",\"fd00::1\"],\"dns\":[\"host\"],\"search\":[],"
		"\"publish\":[\"80:80/udp\"],\"rate_in\":1500000000,\"rate_out\":null}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_come_back_from_text_and_from_records),
		TEST(bad_values_are_refused_and_change_nothing),
		TEST(lists_and_names_have_an_end),
		TEST(lists_are_where_others_look_for_them),
		TEST(records_hold_arrays_and_words),
		TEST(records_of_the_wrong_kind_are_refused_as_a_whole),
		TEST(default_takes_the_plan),
		TEST(shown_values_are_for_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
