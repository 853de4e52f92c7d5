/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter_table.h - the fixed part of the filter, between filter_table.c (what it is),
 * filter_encode.c (how the kernel is told) and filter.c (when).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct filter;
struct netlink_batch;
struct nlmsghdr;

enum filter_set {
	SET_SOURCES4,
	SET_SOURCES6,
	SET_SPOOFED,
	SET_CLOSED,
	SET_CROWDED,
	SET_ISOLATED,
	SET_CONNECTIONS,
	SET_MASQUERADED4,
	SET_MASQUERADED6,
	SET_HAIRPIN4,
	SET_HAIRPIN6,
	SET_PUBLISHED4,
	SET_PUBLISHED6,
	SET_PUBLISHED_AT4,
	SET_PUBLISHED_AT6,
	SET_OPEN,
	SET_METADATA6,
	SET_SILENT6,
	SET_ALLOWED6,
	SET_ARP_SOURCES,
	FILTER_SETS
};

enum set_state { STATE_NONE, STATE_COUNTER, STATE_CONNECTIONS };

struct set_row {
	const char *name;
	uint8_t family; /* NFPROTO_* of its table */
	uint32_t key_type, key_size;
	uint32_t data_type, data_size; /* 0: a set, not a map */
	enum set_state state;          /* what each element keeps */
};

extern const struct set_row filter_sets[FILTER_SETS];

/* One expression of a rule. */
enum op_kind {
	OP_NONE,
	OP_NEAR,    /* the name loaded by meta key `a` is a near end's (b: is not) */
	OP_META,    /* meta key a to register b */
	OP_PAYLOAD, /* base a, offset b, size c to register d */
	OP_CT,      /* conntrack key a to register b */
	OP_FIB,     /* kind of the destination address (RTN_*) to register a */
	OP_MASK,    /* register a, b bytes, by `value`, or by the number c */
	OP_CMP,     /* register a, b bytes, is `value`, or the number d; c: is not zero */
	OP_LOOKUP,  /* set a by register b; a map's data to register c; d: must not be in it */
	OP_NAT,     /* to address register a, port register b, family c */
	OP_MASQUERADE,
	OP_VERDICT, /* verdict a, to chain `text` */
};

struct op {
	enum op_kind kind;
	uint32_t a, b, c, d;
	const char *text;
	uint8_t value[16];
};

#define RULE_OPS 10

struct rule_row {
	const char *chain;
	struct op ops[RULE_OPS];
};

struct chain_row {
	const char *name;
	uint8_t family;
	const char *type; /* NULL: no base chain */
	uint32_t hook;
	int32_t priority;
};

extern const struct chain_row filter_chains[];
extern const size_t filter_n_chains;
extern const struct rule_row filter_rules[];
extern const size_t filter_n_rules;

uint8_t filter_chain_family(const char *chain);

/* filter_encode.c: each adds one request to a transaction. */
struct nlmsghdr *filter_request(struct netlink_batch *batch, uint16_t type, uint16_t flags,
	uint8_t family, const char *what, const char *name);
void filter_encode_table(
	struct netlink_batch *batch, const struct filter *filter, uint16_t type, uint8_t family);
void filter_encode_set(
	struct netlink_batch *batch, const struct filter *filter, enum filter_set set);
void filter_encode_chain(
	struct netlink_batch *batch, const struct filter *filter, const struct chain_row *chain);
/* -ENOMEM, or 0. */
int filter_encode_rule(
	struct netlink_batch *batch, const struct filter *filter, const struct rule_row *rule);

struct filter_element {
	enum filter_set set;
	uint8_t key[40]; /* the longest: two IPv6 addresses */
	uint8_t data[24];
	uint32_t connections; /* of SET_CONNECTIONS */
	uint64_t packets;     /* counted before */
};
void filter_encode_element(struct netlink_batch *batch, const struct filter *filter, uint16_t type,
	uint16_t flags, const struct filter_element *element);
