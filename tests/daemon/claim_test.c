/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * claim_test.c - nobody gets an address or a port that somebody has.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/error.h"
#include "daemon/claim.h"
#include "netns/ip.h"
#include "runtime/setting.h"

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

static struct prefix range_of(const char *text)
{
	struct prefix range;

	assert_int_equal(prefix_parse(text, &range), 0);
	return range;
}

static const char *ip_at(const struct settings *settings, size_t i)
{
	static char text[IP_TEXT];

	assert_true(i < settings->n_ips);
	return ip_format(&settings->ips[i], text);
}

/* What assign() gives next, beside one holder of 10.9.0.1. */
struct stage {
	struct prefix ranges[2];
	struct ip last[2];
	struct ip held[1];
	struct settings other;
	struct holder holder;
};

static void stage_init(struct stage *stage)
{
	*stage = (struct stage){
		.ranges = { range_of("10.9.0.0/29"), range_of("fd00:9::/64") },
		.held = { ip_of("10.9.0.1") },
	};
	stage->other = (struct settings){ .ips = stage->held, .n_ips = 1 };
	stage->holder = (struct holder){ "web1", &stage->other };
}

static int assign(struct stage *stage, struct settings *settings, struct error *err)
{
	return claim_assign(settings, &stage->holder, 1, stage->ranges, 2, stage->last, NULL, err);
}

static void a_wish_becomes_one_address_of_each_range(void **state)
{
	struct settings settings = { .ip_auto = true };
	struct error err = { 0 };
	struct stage stage;

	stage_init(&stage);
	assert_int_equal(assign(&stage, &settings, &err), 0);
	assert_false(settings.ip_auto);
	assert_int_equal(settings.n_ips, 2);
	assert_string_equal(ip_at(&settings, 0), "10.9.0.2");
	assert_string_equal(ip_at(&settings, 1), "fd00:9::1");
	free(settings.ips);
}

static void without_a_wish_or_a_range_nothing_is_given(void **state)
{
	struct settings settings = { .ip_auto = false };
	struct error err = { 0 };
	struct stage stage;

	stage_init(&stage);
	assert_int_equal(assign(&stage, &settings, &err), 0);
	assert_int_equal(settings.n_ips, 0);
	settings.ip_auto = true;
	assert_int_equal(
		claim_assign(&settings, &stage.holder, 1, NULL, 0, stage.last, NULL, &err), 0);
	assert_true(settings.ip_auto);
}

static void an_address_that_was_freed_rests(void **state)
{
	struct stage stage;

	stage_init(&stage);
	for (int i = 2; i <= 6; i++) {
		struct settings settings = { .ip_auto = true };
		struct error err = { 0 };

		assert_int_equal(assign(&stage, &settings, &err), 0);
		assert_int_equal(settings.ips[0].bytes[3], i); /* freed by nobody's holding it */
		free(settings.ips);
	}
}

static void a_full_range_is_refused(void **state)
{
	struct settings settings = { .ip_auto = true };
	struct error err = { 0 };
	struct stage stage;

	stage_init(&stage);
	stage.ranges[0] = range_of("10.9.0.1/32");
	assert_true(assign(&stage, &settings, &err) < 0);
	assert_int_equal(err.kind, ERROR_STATE);
	assert_string_equal(err.text, "no free address in 10.9.0.1/32");
	free(settings.ips);
}

static void the_holder_of_an_address_is_named(void **state)
{
	struct ip taken = ip_of("10.9.0.1"), free_one = ip_of("10.9.0.2");
	struct stage stage;

	stage_init(&stage);
	assert_string_equal(claim_holder_of(&stage.holder, 1, &taken), "web1");
	assert_null(claim_holder_of(&stage.holder, 1, &free_one));
}

static struct published port_of(const char *at, uint16_t port, uint8_t protocol)
{
	struct published published = { .port = port, .to_port = port, .protocol = protocol };

	if (at)
		published.at = ip_of(at);
	return published;
}

/* The refusal of `asked` beside a holder of `held`; NULL: none. */
static const char *clash(struct published asked, struct published held)
{
	static struct error err;
	struct settings own = { .published = &asked, .n_published = 1 };
	struct settings other = { .published = &held, .n_published = 1 };
	struct holder holder = { "web1", &other };

	return claim_check_ports(&own, NULL, &holder, 1, &err) < 0 ? err.text : NULL;
}

static void a_port_leads_to_one_ve(void **state)
{
	const char *all = NULL, *one = "192.0.2.1", *other = "192.0.2.2";

	assert_string_equal(clash(port_of(all, 80, IPPROTO_TCP), port_of(all, 80, IPPROTO_TCP)),
		"port 80/tcp is published by web1");
	assert_string_equal(clash(port_of(one, 53, IPPROTO_UDP), port_of(all, 53, IPPROTO_UDP)),
		"port 53/udp is published by web1");
	assert_non_null(clash(port_of(all, 80, IPPROTO_TCP), port_of(one, 80, IPPROTO_TCP)));
	assert_non_null(clash(port_of(one, 80, IPPROTO_TCP), port_of(one, 80, IPPROTO_TCP)));
	assert_null(clash(port_of(one, 80, IPPROTO_TCP), port_of(other, 80, IPPROTO_TCP)));
	assert_null(clash(port_of(all, 80, IPPROTO_TCP), port_of(all, 80, IPPROTO_UDP)));
	assert_null(clash(port_of(all, 80, IPPROTO_TCP), port_of(all, 81, IPPROTO_TCP)));
}

static void a_port_is_published_once(void **state)
{
	struct published both[] = { port_of(NULL, 80, IPPROTO_TCP),
		port_of("192.0.2.1", 80, IPPROTO_TCP) };
	struct settings own = { .published = both, .n_published = ARRAY_SIZE(both) };
	struct error err = { 0 };

	assert_true(claim_check_ports(&own, NULL, NULL, 0, &err) < 0);
	assert_string_equal(err.text, "port 80/tcp is published twice");
}

/* What it had before is its own, whatever an operator has written into another's record. */
static void what_it_had_is_not_asked_again(void **state)
{
	struct published one = port_of("192.0.2.1", 80, IPPROTO_TCP);
	struct published all = port_of(NULL, 80, IPPROTO_TCP);
	struct settings before = { .published = &one, .n_published = 1 };
	struct settings wider = { .published = &all, .n_published = 1 };
	struct holder holder = { "web1", &before };
	struct error err = { 0 };

	assert_int_equal(claim_check_ports(&before, &before, &holder, 1, &err), 0);
	assert_true(claim_check_ports(&wider, &before, &holder, 1, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wish_becomes_one_address_of_each_range),
		cmocka_unit_test(without_a_wish_or_a_range_nothing_is_given),
		cmocka_unit_test(an_address_that_was_freed_rests),
		cmocka_unit_test(a_full_range_is_refused),
		cmocka_unit_test(the_holder_of_an_address_is_named),
		cmocka_unit_test(a_port_leads_to_one_ve),
		cmocka_unit_test(a_port_is_published_once),
		cmocka_unit_test(what_it_had_is_not_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
