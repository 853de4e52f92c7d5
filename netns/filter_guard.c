/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter_guard.c - what keeps connections going while the table is not there.
 *
 * The kernel follows connections for as long as any rule asks about them, and translates their
 * addresses for as long as any chain of type nat is there. Without, what comes for a VE by the
 * host's address is the host's for a moment, and the host resets it. A table that has an owner
 * (Linux 5.12) is nobody else's to flush or delete, and goes with its owner's socket; it holds one
 * such chain with one rule that asks and does nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

#include "base/error.h"
#include "netns/filter.h"
#include "netns/filter_table.h"

#define PRIORITY_LAST 300 /* behind every other */

int filter_guard_open(
	struct netlink *ret, const struct filter *filter, int netns_fd, struct error *err)
{
	/* Of a name that the other table has too: filter_encode_rule() knows its family. */
	static const struct chain_row chain = { "srcnat", NFPROTO_INET, "nat", NF_INET_POST_ROUTING,
		PRIORITY_LAST };
	static const struct rule_row rule = { "srcnat",
		{ { OP_CT, .a = NFT_CT_STATE, .b = NFT_REG32_00 } } };
	struct filter guard = { .netlink = NETLINK_CLOSED };
	cleanup_netlink struct netlink netlink = NETLINK_CLOSED;
	cleanup_batch struct netlink_batch batch;
	struct nlmsghdr *message;
	int r = netlink_open(&netlink, NETLINK_NETFILTER, netns_fd, err);

	netlink_batch_init(&batch);
	if (r < 0)
		return r;
	/* No instance can have a name with a dot. */
	snprintf(guard.table, sizeof(guard.table), "%.*s.keep", FILTER_TABLE - 8, filter->table);
	batch.transaction = true;
	message = filter_request(&batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_INET,
		"make the nftables table", guard.table);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, guard.table);
	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	filter_encode_chain(&batch, &guard, &chain);
	if (filter_encode_rule(&batch, &guard, &rule) < 0)
		return error_memory(err);
	r = netlink_batch_send(&netlink, &batch, err);
	if (r < 0)
		return r;
	*ret = netlink;
	netlink.fd = -1;
	return 0;
}
