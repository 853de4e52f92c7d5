/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_net_test.c - what the network of an instance and of a VE is called, and what of its settings
 * the kernel is told.
 */
#include "runtime/config.h"
#include "runtime/ve_net.h"
#include "tests/base/scratch.h"

static struct ip ips[] = { { AF_INET, { 10, 77, 0, 11 } }, { AF_INET, { 192, 0, 2, 7 } },
	{ AF_INET6, { 0xfd, 0, 0, 0x77, [15] = 0xb } } };

static const struct {
	const char *instance, *prefix, *ifb, *table;
} names[] = {
	{ "", "ve", "veifb", "vessel" },
	{ "demo", "demo-", "demo-ifb", "vessel-demo" },
	{ "t123", "t123-", "t123-ifb", "vessel-t123" },
	{ "eightxxx", "eightxxx-", "eightxxx-ifb", "vessel-eightxxx" },
	{ "ve", "ve-", "ve-ifb", "vessel-ve" },
	{ "vessel", "vessel-", "vessel-ifb", "vessel-vessel" },
};

static void names_follow_from_the_instance(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char prefix[LINK_NAME], ifb[LINK_NAME], table[FILTER_TABLE];

		network_prefix(names[i].instance, prefix);
		network_ifb(names[i].instance, ifb);
		network_table(names[i].instance, table);
		assert_string_equal(prefix, names[i].prefix);
		assert_string_equal(ifb, names[i].ifb);
		assert_string_equal(table, names[i].table);
	}
}

/* As the filter's rule does it: prefix and one digit. */
static bool taken_for(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) == 0 && name[length] >= '0' && name[length] <= '9';
}

static void no_instance_is_taken_for_another(void **state)
{
	static const char *const instances[] = { "", "ve", "ve1", "ve1-2", "v", "t1", "t1-2",
		"t1-23", "t", "test-1", "test-2", "testing-one", "testing-two", "1", "1-1",
		"a-name-as-long-as-one-may-be-which-is-sixty-three-characters-xx" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(instances); i++) {
		char prefix[LINK_NAME], table[FILTER_TABLE], name[LINK_NAME + 8];

		network_prefix(instances[i], prefix);
		network_table(instances[i], table);
		snprintf(name, sizeof(name), "%s65535", prefix);
		assert_true(strlen(name) < LINK_NAME);
		assert_true(strlen(table) == strlen("vessel-") + strlen(instances[i]) - (i == 0));
		for (size_t k = 0; k < ARRAY_SIZE(instances); k++) {
			char other[LINK_NAME];

			network_prefix(instances[k], other);
			assert_int_equal(taken_for(name, other), i == k);
		}
	}
}

static struct ve_config make_config(struct published *published, size_t n_published)
{
	return (struct ve_config){
		.uuid = "11112222-3333-4444-8555-666677778888",
		.first_id = 18 * VE_IDS,
		.settings = { .net = NET_ROUTED,
			.ips = ips,
			.n_ips = ARRAY_SIZE(ips),
			.published = published,
			.n_published = n_published,
			.nat = true,
			.connections = 4096 },
	};
}

static void a_link_follows_from_the_record(void **state)
{
	struct ve_config config = make_config(NULL, 0);
	struct error err = { 0 };
	struct ve_net net, again;
	struct ip link_local;

	(void)state;
	assert_int_equal(ve_net_init(&net, "demo", "web1", &config, &err), 0);
	assert_true(net.wanted);
	assert_int_equal(net.number, 18);
	assert_string_equal(net.near, "demo-18");
	assert_string_equal(net.routed.near_name, "demo-18");
	assert_string_equal(net.routed.alt_name, "web1");
	assert_string_equal(net.routed.far_name, "eth0");
	assert_int_equal(net.routed.near_index, 0x100000 + 18);
	assert_int_equal(net.routed.near_index, net.link.index);
	assert_int_equal(net.routed.n_ips, 3);
	assert_int_equal(net.link.n_ips, 4);
	assert_int_equal(net.link.connections, 4096);
	assert_true(net.link.masqueraded && !net.link.isolated);
	routed_link_local(net.routed.far_mac, &link_local);
	assert_int_equal(ip_compare(&net.link.ips[3], &link_local), 0);
	assert_int_equal(ve_net_init(&again, "demo", "web1", &config, &err), 0);
	assert_memory_equal(net.routed.far_mac, again.routed.far_mac, LINK_MAC);
	ve_net_done(&again);
	config.uuid[0] = '2';
	assert_int_equal(ve_net_init(&again, "demo", "web1", &config, &err), 0);
	assert_memory_not_equal(net.routed.far_mac, again.routed.far_mac, LINK_MAC);
	ve_net_done(&again);
	ve_net_done(&net);
}

static void the_highest_block_has_a_name(void **state)
{
	struct ve_config config = make_config(NULL, 0);
	struct error err = { 0 };
	struct ve_net net;

	(void)state;
	config.first_id = UINT32_MAX - VE_IDS + 1;
	config.settings.connections = PARSE_NONE;
	assert_int_equal(ve_net_init(&net, "eightxxx", "web1", &config, &err), 0);
	assert_string_equal(net.near, "eightxxx-65535");
	assert_int_equal(net.link.connections, 0);
	ve_net_done(&net);
}

static void assert_published(
	const struct filter_published *published, int family, uint16_t port, const struct ip *to)
{
	assert_int_equal(published->at.family, family);
	assert_int_equal(published->from.port, port);
	assert_int_equal(ip_compare(&published->to, to), 0);
}

static void a_published_port_leads_to_the_first_address_of_its_family(void **state)
{
	struct published published[] = {
		{ .port = 80, .to_port = 8080, .protocol = 6 },
		{ .at = { AF_INET6, { 0x20, 1 } }, .port = 53, .to_port = 53, .protocol = 17 },
		{ .at = { AF_INET, { 192, 0, 2, 1 } }, .port = 22, .to_port = 22, .protocol = 6 },
	};
	struct ve_config config = make_config(published, ARRAY_SIZE(published));
	struct error err = { 0 };
	struct ve_net net;

	(void)state;
	assert_int_equal(ve_net_init(&net, "", "web1", &config, &err), 0);
	assert_int_equal(net.link.n_published, 4);
	assert_published(&net.link.published[0], 0, 80, &ips[0]);
	assert_published(&net.link.published[1], 0, 80, &ips[2]);
	assert_published(&net.link.published[2], AF_INET6, 53, &ips[2]);
	assert_published(&net.link.published[3], AF_INET, 22, &ips[0]);
	assert_int_equal(net.link.published[1].to_port, 8080);
	assert_int_equal(net.link.published[2].from.protocol, 17);
	assert_int_equal(ve_net_check(&config.settings, &err), 0);
	ve_net_done(&net);
}

static void a_published_port_that_leads_nowhere_is_refused(void **state)
{
	struct published published[] = {
		{ .at = { AF_INET6, { 0x20, 1 } }, .port = 53, .to_port = 53, .protocol = 17 },
	};
	struct ve_config config = make_config(published, ARRAY_SIZE(published));
	struct error err = { 0 };
	struct ve_net net;

	(void)state;
	config.settings.n_ips = 2;
	assert_int_equal(ve_net_init(&net, "", "web1", &config, &err), 0);
	assert_int_equal(net.link.n_published, 0);
	ve_net_done(&net);
	assert_true(ve_net_check(&config.settings, &err) < 0);
	assert_int_equal(err.kind, ERROR_USAGE);
	config.settings.n_ips = 0;
	assert_int_equal(ve_net_check(&config.settings, &err), 0);
}

static void without_an_address_or_a_network_there_is_no_link(void **state)
{
	struct published published = { .port = 80, .to_port = 80, .protocol = 6 };
	struct ve_config config = make_config(&published, 1);
	struct error err = { 0 };
	struct ve_net net;

	(void)state;
	config.settings.ip_auto = true;
	assert_int_equal(ve_net_init(&net, "", "web1", &config, &err), 0);
	assert_false(net.wanted);
	assert_int_equal(net.routed.n_ips, 0);
	assert_int_equal(net.link.n_published, 0);
	ve_net_done(&net);
	config.settings.ip_auto = false;
	assert_true(ve_net_wanted(&config.settings));
	config.settings.n_ips = 0;
	assert_false(ve_net_wanted(&config.settings));
	config.settings.n_ips = 1;
	config.settings.net = NET_NONE;
	assert_false(ve_net_wanted(&config.settings));
	assert_int_equal(ve_net_init(&net, "", "web1", &config, &err), 0);
	assert_int_equal(net.link.n_ips, 2); /* of a life that began otherwise */
	ve_net_done(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_from_the_instance),
		cmocka_unit_test(no_instance_is_taken_for_another),
		cmocka_unit_test(a_link_follows_from_the_record),
		cmocka_unit_test(the_highest_block_has_a_name),
		cmocka_unit_test(a_published_port_leads_to_the_first_address_of_its_family),
		cmocka_unit_test(a_published_port_that_leads_nowhere_is_refused),
		cmocka_unit_test(without_an_address_or_a_network_there_is_no_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
