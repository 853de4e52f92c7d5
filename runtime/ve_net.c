/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_net.c - names and numbers of a VE's network, and its settings as netns/ wants them.
 */
#include "runtime/ve_net.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "runtime/config.h"

#define FAR_NAME    "eth0"
#define INDEX_BASE  0x100000 /* far above what the kernel gives by itself */
#define PREFIX_PART 4
#define PREFIX_NAME 8

/* FNV-1a, 32 bits, folded to 16: spread is all that is asked of it. */
static unsigned int hash16(const char *text)
{
	uint32_t hash = 0x811c9dc5;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x01000193;
	return (hash >> 16) ^ (hash & 0xffff);
}

/* The filter tells links apart by prefix and one digit: "t1-2" would be one of the instance "t1",
 * and "ve1-" one of the system's. */
static bool is_plain(const char *instance)
{
	return strlen(instance) <= PREFIX_NAME && !strchr(instance, '-') &&
	       !(strncmp(instance, "ve", 2) == 0 && isdigit((unsigned char)instance[2]));
}

void network_prefix(const char *instance, char ret[LINK_NAME])
{
	char part[PREFIX_PART + 1] = { 0 };

	if (!instance[0]) {
		snprintf(ret, LINK_NAME, "ve");
		return;
	}
	if (is_plain(instance)) {
		snprintf(ret, LINK_NAME, "%.*s-", PREFIX_NAME, instance);
		return;
	}
	for (size_t i = 0; i < PREFIX_PART && instance[i]; i++)
		part[i] = isalpha((unsigned char)instance[i]) ? instance[i] : '_';
	snprintf(ret, LINK_NAME, "%s%04x-", part, hash16(instance));
}

void network_ifb(const char *instance, char ret[LINK_NAME])
{
	char prefix[LINK_NAME];

	network_prefix(instance, prefix);
	snprintf(ret, LINK_NAME, "%.*sifb", PREFIX_NAME + 1, prefix);
}

void network_table(const char *instance, char ret[FILTER_TABLE])
{
	snprintf(ret, FILTER_TABLE, "vessel%s%s", instance[0] ? "-" : "", instance);
}

uint32_t network_number(uint32_t first_id)
{
	return first_id / VE_IDS;
}

uint32_t network_index(uint32_t first_id)
{
	return INDEX_BASE + network_number(first_id);
}

/* The first address of that family, or NULL. */
static const struct ip *first_of(const struct settings *settings, int family)
{
	for (size_t i = 0; i < settings->n_ips; i++)
		if (settings->ips[i].family == family)
			return &settings->ips[i];
	return NULL;
}

static void resolve(struct ve_net *net, const struct settings *settings,
	const struct published *published, int family)
{
	const struct ip *to = first_of(settings, family);

	if (!to || (published->at.family && published->at.family != family))
		return;
	net->published[net->link.n_published++] = (struct filter_published){
		.from = { published->protocol, published->port },
		.at = published->at,
		.to = *to,
		.to_port = published->to_port,
	};
}

static void fill_link(struct ve_net *net, const struct settings *settings)
{
	size_t n_ips = settings->ip_auto ? 0 : settings->n_ips;

	for (size_t i = 0; i < n_ips; i++)
		net->ips[i] = settings->ips[i];
	routed_link_local(net->routed.far_mac, &net->ips[n_ips]);
	net->routed.ips = net->ips;
	net->routed.n_ips = n_ips;
	net->link.ips = net->ips;
	net->link.n_ips = n_ips + 1;
	for (size_t i = 0; n_ips > 0 && i < settings->n_published; i++) {
		resolve(net, settings, &settings->published[i], AF_INET);
		resolve(net, settings, &settings->published[i], AF_INET6);
	}
	net->link.published = net->published;
	net->link.connections =
		settings->connections == PARSE_NONE ? 0 : (uint32_t)settings->connections;
	net->link.masqueraded = settings->nat;
	net->link.isolated = settings->isolate;
}

bool ve_net_has_ip(const struct settings *settings, const struct ip *ip)
{
	for (size_t i = 0; settings && i < settings->n_ips; i++)
		if (ip_compare(&settings->ips[i], ip) == 0)
			return true;
	return false;
}

bool ve_net_wanted(const struct settings *settings)
{
	return settings->net == NET_ROUTED && !settings->ip_auto && settings->n_ips > 0;
}

int ve_net_init(struct ve_net *ret, const char *instance, const char *name,
	const struct ve_config *config, struct error *err)
{
	const struct settings *settings = &config->settings;
	char prefix[LINK_NAME];

	*ret = (struct ve_net){
		.number = network_number(config->first_id),
		.link = { .index = network_index(config->first_id) },
		.ips = calloc(settings->n_ips + 1, sizeof(*ret->ips)),
		.published = calloc(2 * settings->n_published + 1, sizeof(*ret->published)),
	};
	if (!ret->ips || !ret->published) {
		ve_net_done(ret);
		return error_memory(err);
	}
	network_prefix(instance, prefix);
	snprintf(ret->near, sizeof(ret->near), "%.*s%u", PREFIX_NAME + 1, prefix,
		ret->number % 100000); /* never more: ids have 32 bits */
	ret->routed = (struct routed){
		.near_name = ret->near,
		.near_index = ret->link.index,
		.alt_name = name,
		.far_name = FAR_NAME,
	};
	link_make_mac((const uint8_t *)config->uuid, UUID_TEXT - 1, ret->routed.far_mac);
	fill_link(ret, settings);
	ret->wanted = ve_net_wanted(settings);
	return 0;
}

void ve_net_done(struct ve_net *net)
{
	free(net->ips);
	free(net->published);
	*net = (struct ve_net){ 0 };
}

int ve_net_check(const struct settings *settings, struct error *err)
{
	if (settings->ip_auto || settings->n_ips == 0)
		return 0;
	for (size_t i = 0; i < settings->n_published; i++) {
		const struct published *published = &settings->published[i];
		char text[IP_TEXT];

		if (!published->at.family || first_of(settings, published->at.family))
			continue;
		return error_refuse(err, ERROR_USAGE,
			"port %u of %s is published, but there is no %s address it could lead to",
			published->port, ip_format(&published->at, text),
			published->at.family == AF_INET ? "IPv4" : "IPv6");
	}
	return 0;
}
