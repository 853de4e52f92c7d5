/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter_encode.c - rows of filter_table.c as requests of nfnetlink. Expressions are libnftnl's;
 * elements are put by hand, since they are what a link's start waits for.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* clang-format off */
#include <stdio.h> /* which libnftnl's headers need and do not include */
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
/* clang-format on */

#include "base/array.h"
#include "netns/filter.h"
#include "netns/filter_table.h"

struct nlmsghdr *filter_request(struct netlink_batch *batch, uint16_t type, uint16_t flags,
	uint8_t family, const char *what, const char *name)
{
	struct nlmsghdr *message = netlink_add(
		batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, "%s %s", what, name);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	return message;
}

void filter_encode_table(
	struct netlink_batch *batch, const struct filter *filter, uint16_t type, uint8_t family)
{
	bool new = type == NFT_MSG_NEWTABLE;
	struct nlmsghdr *message = filter_request(batch, type, new ? NLM_F_CREATE : 0, family,
		new ? "make the nftables table" : "remove the nftables table", filter->table);

	mnl_attr_put_strz(message, NFTA_TABLE_NAME, filter->table);
}

static void put_number(struct nlmsghdr *message, uint16_t type, uint32_t number)
{
	mnl_attr_put_u32(message, type, htonl(number));
}

/* `element` NULL: what each element of the set begins with. */
static void put_state(struct nlmsghdr *message, uint16_t type, const struct set_row *row,
	const struct filter_element *element)
{
	struct nlattr *expression, *data;

	if (row->state == STATE_NONE)
		return;
	expression = mnl_attr_nest_start(message, type);
	mnl_attr_put_strz(
		message, NFTA_EXPR_NAME, row->state == STATE_COUNTER ? "counter" : "connlimit");
	data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	if (row->state == STATE_COUNTER && element && element->packets)
		mnl_attr_put_u64(message, NFTA_COUNTER_PACKETS, htobe64(element->packets));
	if (row->state == STATE_CONNECTIONS) {
		put_number(message, NFTA_CONNLIMIT_COUNT, element ? element->connections : 1);
		put_number(message, NFTA_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV); /* more than */
	}
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, expression);
}

void filter_encode_set(
	struct netlink_batch *batch, const struct filter *filter, enum filter_set set)
{
	const struct set_row *row = &filter_sets[set];
	struct nlmsghdr *message = filter_request(batch, NFT_MSG_NEWSET, NLM_F_CREATE, row->family,
		"make the nftables set", row->name);
	uint32_t flags = row->data_size ? NFT_SET_MAP : 0;

	/* Only the growing hash table keeps connections, and it is what a set of no given size
	 * gets. Not NFT_SET_EVAL, which would ask for it: an element of a dynamic set goes, limit
	 * and all, once it has been without a connection for a second (nft_rhash_gc). */
	mnl_attr_put_strz(message, NFTA_SET_TABLE, filter->table);
	mnl_attr_put_strz(message, NFTA_SET_NAME, row->name);
	put_number(message, NFTA_SET_FLAGS, flags);
	put_number(message, NFTA_SET_ID, (uint32_t)set + 1);
	put_number(message, NFTA_SET_KEY_TYPE, row->key_type);
	put_number(message, NFTA_SET_KEY_LEN, row->key_size);
	if (row->data_size) {
		put_number(message, NFTA_SET_DATA_TYPE, row->data_type);
		put_number(message, NFTA_SET_DATA_LEN, row->data_size);
	}
	put_state(message, NFTA_SET_EXPR, row, NULL);
}

void filter_encode_chain(
	struct netlink_batch *batch, const struct filter *filter, const struct chain_row *chain)
{
	struct nlmsghdr *message = filter_request(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE,
		chain->family, "make the nftables chain", chain->name);
	struct nlattr *hook;

	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, filter->table);
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, chain->name);
	if (!chain->type)
		return;
	hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
	put_number(message, NFTA_HOOK_HOOKNUM, chain->hook);
	put_number(message, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
	mnl_attr_nest_end(message, hook);
	mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, chain->type);
}

/* Makes an expression and adds it to the rule; NULL if memory ran out. */
static struct nftnl_expr *expression(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (e)
		nftnl_rule_add_expr(rule, e);
	return e;
}

struct value {
	uint16_t attribute;
	uint32_t value;
};

/* An expression that is made of numbers only. */
static bool numbers(struct nftnl_rule *rule, const char *name, const struct value *values, size_t n)
{
	struct nftnl_expr *e = expression(rule, name);

	for (size_t i = 0; e && i < n; i++)
		nftnl_expr_set_u32(e, values[i].attribute, values[i].value);
	return e;
}
#define NUMBERS(rule, name, ...)                                                                   \
	numbers(rule, name, (const struct value[]){ __VA_ARGS__ },                                 \
		ARRAY_SIZE(((const struct value[]){ __VA_ARGS__ })))

static bool compare(
	struct nftnl_rule *rule, uint32_t reg, uint32_t how, const void *value, uint32_t size)
{
	struct nftnl_expr *e = expression(rule, "cmp");

	if (!e)
		return false;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, how);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, size);
	return true;
}

/* From "ve0" to before "ve:", the colon being what follows 9 and what no interface's name holds:
 * the prefix and a digit. Names like "veth0", which other programs give, are none of ours. */
static bool encode_near(struct nftnl_rule *rule, const struct filter *filter, const struct op *op)
{
	char first[LINK_NAME] = { 0 }, last[LINK_NAME] = { 0 };
	size_t length = strlen(filter->prefix);
	struct nftnl_expr *e;

	if (!NUMBERS(rule, "meta", { NFTNL_EXPR_META_KEY, op->a },
		    { NFTNL_EXPR_META_DREG, NFT_REG_1 }))
		return false;
	memcpy(first, filter->prefix, length);
	memcpy(last, filter->prefix, length);
	first[length] = '0';
	last[length] = ':';
	e = expression(rule, "range");
	if (!e)
		return false;
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_OP, op->b ? NFT_RANGE_NEQ : NFT_RANGE_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_FROM_DATA, first, sizeof(first));
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_TO_DATA, last, sizeof(last));
	return true;
}

static bool encode_mask(struct nftnl_rule *rule, const struct op *op)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = expression(rule, "bitwise");

	if (!e)
		return false;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, op->a);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, op->a);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, op->b);
	if (op->c)
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &op->c, sizeof(op->c));
	else
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, op->value, op->b);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, op->b);
	return true;
}

static bool encode_compare(struct nftnl_rule *rule, const struct op *op)
{
	static const uint8_t zero[16];

	if (op->c)
		return compare(rule, op->a, NFT_CMP_NEQ, zero, op->b);
	if (op->d)
		return compare(rule, op->a, NFT_CMP_EQ, &op->d, op->b);
	return compare(rule, op->a, NFT_CMP_EQ, op->value, op->b);
}

static bool encode_lookup(struct nftnl_rule *rule, const struct op *op)
{
	struct nftnl_expr *e = expression(rule, "lookup");

	if (!e)
		return false;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, op->b);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, filter_sets[op->a].name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SET_ID, op->a + 1);
	if (op->c)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, op->c);
	if (op->d)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	return true;
}

static bool encode_verdict(struct nftnl_rule *rule, const struct op *op)
{
	struct nftnl_expr *e = expression(rule, "immediate");

	if (!e)
		return false;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, op->a);
	if (op->text)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, op->text);
	return true;
}

static bool encode_op(struct nftnl_rule *rule, const struct filter *filter, const struct op *op)
{
	switch (op->kind) {
	case OP_NEAR:
		return encode_near(rule, filter, op);
	case OP_META:
		return NUMBERS(rule, "meta", { NFTNL_EXPR_META_KEY, op->a },
			{ NFTNL_EXPR_META_DREG, op->b });
	case OP_PAYLOAD:
		return NUMBERS(rule, "payload", { NFTNL_EXPR_PAYLOAD_BASE, op->a },
			{ NFTNL_EXPR_PAYLOAD_OFFSET, op->b }, { NFTNL_EXPR_PAYLOAD_LEN, op->c },
			{ NFTNL_EXPR_PAYLOAD_DREG, op->d });
	case OP_CT:
		return NUMBERS(
			rule, "ct", { NFTNL_EXPR_CT_KEY, op->a }, { NFTNL_EXPR_CT_DREG, op->b });
	case OP_FIB:
		return NUMBERS(rule, "fib", { NFTNL_EXPR_FIB_DREG, op->a },
			{ NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE },
			{ NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR });
	case OP_MASK:
		return encode_mask(rule, op);
	case OP_CMP:
		return encode_compare(rule, op);
	case OP_LOOKUP:
		return encode_lookup(rule, op);
	case OP_NAT:
		return NUMBERS(rule, "nat", { NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT },
			{ NFTNL_EXPR_NAT_FAMILY, op->c }, { NFTNL_EXPR_NAT_REG_ADDR_MIN, op->a },
			{ NFTNL_EXPR_NAT_REG_PROTO_MIN, op->b });
	case OP_MASQUERADE:
		return expression(rule, "masq");
	case OP_VERDICT:
		return encode_verdict(rule, op);
	case OP_NONE:
	default:
		return true;
	}
}

int filter_encode_rule(
	struct netlink_batch *batch, const struct filter *filter, const struct rule_row *row)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	bool ok = rule;

	for (size_t i = 0; ok && i < RULE_OPS; i++)
		ok = encode_op(rule, filter, &row->ops[i]);
	if (ok) {
		nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, filter->table);
		nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, row->chain);
		nftnl_rule_nlmsg_build_payload(
			filter_request(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
				filter_chain_family(row->chain), "add a rule to the nftables chain",
				row->chain),
			rule);
	}
	if (rule)
		nftnl_rule_free(rule);
	return ok ? 0 : -ENOMEM;
}

static void put_data(struct nlmsghdr *message, uint16_t type, const void *data, size_t size)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	mnl_attr_put(message, NFTA_DATA_VALUE, size, data);
	mnl_attr_nest_end(message, nest);
}

void filter_encode_element(struct netlink_batch *batch, const struct filter *filter, uint16_t type,
	uint16_t flags, const struct filter_element *element)
{
	const struct set_row *row = &filter_sets[element->set];
	struct nlmsghdr *message = filter_request(
		batch, type, flags, row->family, "change the nftables set", row->name);
	struct nlattr *list, *item;

	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, filter->table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, row->name);
	list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	item = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	put_data(message, NFTA_SET_ELEM_KEY, element->key, row->key_size);
	if (type == NFT_MSG_NEWSETELEM) {
		if (row->data_size)
			put_data(message, NFTA_SET_ELEM_DATA, element->data, row->data_size);
		put_state(message, NFTA_SET_ELEM_EXPR, row, element);
	}
	mnl_attr_nest_end(message, item);
	mnl_attr_nest_end(message, list);
}
