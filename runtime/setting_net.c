/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_net.c - the kinds of items in lists: addresses, domains, published ports.
 */
#include "runtime/setting_net.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "base/text.h"
#include "runtime/setting_item.h"

#define DOMAIN_TOP 253 /* RFC 1035, as text */
#define LABEL_TOP  63

/* A VE may ask a resolver of its own; it cannot have the address. */
static bool is_loopback(const struct ip *ip)
{
	static const struct prefix loopbacks[] = {
		{ { AF_INET, { 127 } }, 8 },
		{ { AF_INET6, { [15] = 1 } }, 128 },
	};

	return ip_in(ip, &loopbacks[0]) || ip_in(ip, &loopbacks[1]);
}

static int address_parse(
	const struct setting *row, const char *text, union item *ret, const char **ret_why)
{
	struct ip ip;

	if (ip_parse(text, &ip) < 0)
		return -EINVAL;
	*ret_why = ip_refusal(&ip);
	if (*ret_why && !(row->offset == offsetof(struct settings, dns) && is_loopback(&ip)))
		return -EINVAL;
	ret->ip = ip;
	return 0;
}

static void address_format(const union item *item, struct text *text)
{
	char buffer[IP_TEXT];

	text_add(text, ip_format(&item->ip, buffer));
}

static bool address_same(const union item *a, const union item *b)
{
	return ip_compare(&a->ip, &b->ip) == 0;
}

static bool labels_fit(const char *text)
{
	for (size_t length; *text; text += length + (text[length] == '.')) {
		length = strcspn(text, ".");
		if (length > LABEL_TOP)
			return false;
	}
	return true;
}

static int domain_parse(
	const struct setting *row, const char *text, union item *ret, const char **ret_why)
{
	(void)row;
	if (strnlen(text, DOMAIN_TOP + 1) > DOMAIN_TOP || !labels_fit(text)) {
		*ret_why = "a name of 253 characters at most, 63 between two dots";
		return -EINVAL;
	}
	if (!hostname_valid(text))
		return -EINVAL;
	return text_copy(&ret->name, text);
}

static void domain_format(const union item *item, struct text *text)
{
	text_add(text, item->name);
}

static bool domain_same(const union item *a, const union item *b)
{
	return strcasecmp(a->name, b->name) == 0;
}

static int domain_copy(union item *to, const union item *from)
{
	return text_copy(&to->name, from->name);
}

static void domain_done(union item *item)
{
	free(item->name);
}

static int port_parse(const char *text, uint16_t *ret, const char **ret_why)
{
	uint64_t number;
	int r = parse_count(text, &number);

	if (r == -EINVAL)
		return r;
	if (r < 0 || number < 1 || number > UINT16_MAX) {
		*ret_why = "a port is a number from 1 to 65535";
		return -EINVAL;
	}
	*ret = (uint16_t)number;
	return 0;
}

/* "192.0.2.1" or "[2001:db8::1]". */
static int host_parse(char *text, struct ip *ret, const char **ret_why)
{
	size_t length = strlen(text);
	bool brackets = length > 1 && text[0] == '[' && text[length - 1] == ']';

	if (brackets) {
		text[length - 1] = '\0';
		text++;
	}
	if (ip_parse(text, ret) < 0 || brackets != (ret->family == AF_INET6))
		return -EINVAL;
	*ret_why = ip_refusal(ret);
	return *ret_why ? -EINVAL : 0;
}

/* Cuts off what follows the last ':', without it; NULL if there is none. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* "[HOSTADDR:]PORT:PORT[/udp]", taken apart from its end. */
static int published_parse(
	const struct setting *row, const char *text, union item *ret, const char **ret_why)
{
	struct published published = { .protocol = IPPROTO_TCP };
	cleanup_free char *copy = strdup(text);
	char *slash, *to, *from;
	int r;

	(void)row;
	if (!copy)
		return -ENOMEM;
	slash = strchr(copy, '/');
	if (slash && strcmp(slash, "/udp") != 0)
		return -EINVAL;
	if (slash) {
		*slash = '\0';
		published.protocol = IPPROTO_UDP;
	}
	to = cut_last(copy);
	if (!to)
		return -EINVAL;
	from = cut_last(copy);
	r = port_parse(to, &published.to_port, ret_why);
	if (r == 0)
		r = port_parse(from ? from : copy, &published.port, ret_why);
	if (r == 0 && from)
		r = host_parse(copy, &published.at, ret_why);
	if (r == 0)
		ret->published = published;
	return r;
}

static void published_format(const union item *item, struct text *text)
{
	const struct published *p = &item->published;
	char buffer[IP_TEXT];

	if (p->at.family)
		text_format(text,
			p->at.family == AF_INET6 ? "[%s]:" : "%s:", ip_format(&p->at, buffer));
	text_format(text, "%u:%u%s", p->port, p->to_port, p->protocol == IPPROTO_UDP ? "/udp" : "");
}

static bool published_clash(const union item *a, const union item *b)
{
	const struct published *l = &a->published, *r = &b->published;

	return l->protocol == r->protocol && l->port == r->port &&
	       (!l->at.family || !r->at.family || ip_compare(&l->at, &r->at) == 0);
}

static bool published_same(const union item *a, const union item *b)
{
	const struct published *l = &a->published, *r = &b->published;

	return published_clash(a, b) && l->to_port == r->to_port && ip_compare(&l->at, &r->at) == 0;
}

static const struct item_kind kinds[] = {
	[SETTING_ADDRESSES] = { sizeof(struct ip), address_parse, address_format, address_same },
	[SETTING_DOMAINS] = { sizeof(char *), domain_parse, domain_format, domain_same,
		.copy = domain_copy, .done = domain_done },
	[SETTING_PUBLISHED] = { sizeof(struct published), published_parse, published_format,
		published_same, .clash = published_clash },
};

const struct item_kind *item_kind_of(const struct setting *row)
{
	if (row->type >= ARRAY_SIZE(kinds) || kinds[row->type].size == 0)
		return NULL;
	return &kinds[row->type];
}
