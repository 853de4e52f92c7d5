/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rate.c - TBF on the near end, HTB on an ifb device.
 *
 * A filter on the near end's ingress sends each packet through the device (act_mirred). It is a
 * program of three instructions (cls_bpf) that writes the link's class into the packet's priority,
 * where HTB looks first: no list of filters is walked on the device.
 *
 * The kernel counts whole frames; a rate is of what programs get. So it is raised by what the
 * headers take of a full frame, 66 in 1514.
 */
#include "netns/rate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "netns/link.h"
#include "netns/netlink.h"

#define ROOT_HANDLE    TC_H_MAKE(1U << 16, 0)
#define INGRESS_HANDLE TC_H_MAKE(0xffffU << 16, 0)
#define FILTER_HANDLE  1
#define FRAME          1514
#define PAYLOAD        1448
#define QUANTUM        65536 /* what segmentation offload makes of packets at most */
#define BURST_MIN      10240 /* a jumbo frame */
#define QUEUE_MIN      32768
#define UNSHAPED       1000000000000 /* bytes a second */

struct bucket {
	uint64_t rate;   /* bytes a second */
	uint32_t burst;  /* bytes */
	uint32_t queued; /* bytes that may wait */
};

static uint32_t at_least(uint64_t bytes, uint32_t least)
{
	if (bytes > INT32_MAX)
		return INT32_MAX;
	return bytes < least ? least : (uint32_t)bytes;
}

/* The bucket holds 10 ms, what a busy host's softirq may come late, the queue 50 ms more. A bucket
 * smaller than the large packets of segmentation offload makes TBF take them apart: below 50 Mbit/s
 * a few of them would fill the queue, and one lost would be 45 lost at once. */
static struct bucket bucket_make(uint64_t bits)
{
	uint64_t rate = bits / 8 * FRAME / PAYLOAD;

	return (struct bucket){
		.rate = rate,
		.burst = at_least(rate / 100, BURST_MIN),
		.queued = at_least(rate / 20, QUEUE_MIN),
	};
}

static struct nlmsghdr *add_traffic(struct netlink_batch *batch, uint16_t type, uint16_t flags,
	uint32_t index, uint32_t handle, uint32_t parent, const char *what)
{
	struct nlmsghdr *message = netlink_add(batch, type, flags, "%s", what);
	struct tcmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->tcm_family = AF_UNSPEC;
	header->tcm_ifindex = (int)index;
	header->tcm_handle = handle;
	header->tcm_parent = parent;
	return message;
}

static struct tc_ratespec rate_spec(const struct bucket *bucket)
{
	return (struct tc_ratespec){
		.rate = bucket->rate > UINT32_MAX ? UINT32_MAX : (uint32_t)bucket->rate,
		.linklayer = TC_LINKLAYER_ETHERNET, /* or the kernel wants a table of sizes */
	};
}

static void add_tbf(struct netlink_batch *batch, uint32_t index, uint32_t handle, uint32_t parent,
	const struct bucket *bucket)
{
	struct tc_tbf_qopt parameters = { .rate = rate_spec(bucket),
		.limit = bucket->queued + bucket->burst };
	struct nlmsghdr *message = add_traffic(batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE,
		index, handle, parent, "shape a link");
	struct nlattr *nest;

	mnl_attr_put_strz(message, TCA_KIND, "tbf");
	nest = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put(message, TCA_TBF_PARMS, sizeof(parameters), &parameters);
	mnl_attr_put_u32(message, TCA_TBF_BURST, bucket->burst);
	if (bucket->rate > UINT32_MAX)
		mnl_attr_put_u64(message, TCA_TBF_RATE64, bucket->rate);
	mnl_attr_nest_end(message, nest);
}

/* For requests that take away what may not be there. */
static int send_removal(struct netlink *netlink, struct netlink_batch *batch, struct error *err)
{
	struct error missing = { 0 };
	int r = netlink_batch_send(netlink, batch, &missing);

	if (r == 0 || r == -ENOENT || r == -EINVAL || r == -ENODEV)
		return 0;
	*err = missing;
	return r;
}

int rate_set_to(struct netlink *netlink, uint32_t near_index, uint64_t bits, struct error *err)
{
	struct bucket bucket = bucket_make(bits);
	cleanup_batch struct netlink_batch batch;

	netlink_batch_init(&batch);
	if (bits == 0) {
		add_traffic(&batch, RTM_DELQDISC, 0, near_index, 0, TC_H_ROOT, "unshape a link");
		return send_removal(netlink, &batch, err);
	}
	add_tbf(&batch, near_index, ROOT_HANDLE, TC_H_ROOT, &bucket);
	return netlink_batch_send(netlink, &batch, err);
}

static void add_device(struct netlink_batch *batch, const char *name)
{
	struct nlmsghdr *message = netlink_add(
		batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make the interface %s", name);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct nlattr *nest;

	header->ifi_flags = IFF_UP;
	header->ifi_change = IFF_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	nest = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "ifb");
	mnl_attr_nest_end(message, nest);
}

static void add_htb(struct netlink_batch *batch, uint32_t index)
{
	struct tc_htb_glob parameters = { .version = 3, .rate2quantum = 10 };
	struct nlmsghdr *message = add_traffic(batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL,
		index, ROOT_HANDLE, TC_H_ROOT, "make the queue of a device");
	struct nlattr *nest;

	mnl_attr_put_strz(message, TCA_KIND, "htb");
	nest = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put(message, TCA_HTB_INIT, sizeof(parameters), &parameters);
	mnl_attr_nest_end(message, nest);
}

int rate_open(struct netlink *netlink, const char *name, uint32_t *ret_index, struct error *err)
{
	cleanup_batch struct netlink_batch batch;
	struct error first = { 0 };
	struct link link;
	int r;

	netlink_batch_init(&batch);
	add_device(&batch, name);
	r = netlink_batch_send(netlink, &batch, &first);
	if (r == -EOPNOTSUPP)
		return error_refuse(err, ERROR_UNSUPPORTED,
			"this kernel has no ifb device, which shaping needs (CONFIG_IFB)");
	if (r < 0 && r != -EEXIST) {
		*err = first;
		return r;
	}
	r = link_find(netlink, name, &link, err);
	if (r < 0)
		return r;
	add_htb(&batch, link.index);
	r = netlink_batch_send(netlink, &batch, &first);
	if (r < 0 && r != -EEXIST) {
		*err = first;
		return r;
	}
	*ret_index = link.index;
	return 0;
}

/* HTB's times are in ticks of 64 ns (PSCHED_SHIFT). */
static uint32_t ticks(uint32_t bytes, uint64_t rate)
{
	uint64_t nanoseconds = (uint64_t)bytes * 1000000000 / rate;

	return (uint32_t)(nanoseconds >> 6 > UINT32_MAX ? UINT32_MAX : nanoseconds >> 6);
}

static void add_class(
	struct netlink_batch *batch, uint32_t index, uint32_t class, const struct bucket *bucket)
{
	uint32_t burst = ticks(bucket->burst, bucket->rate);
	struct tc_htb_opt parameters = { .rate = rate_spec(bucket),
		.ceil = rate_spec(bucket),
		.buffer = burst,
		.cbuffer = burst,
		.quantum = QUANTUM };
	struct nlmsghdr *message = add_traffic(batch, RTM_NEWTCLASS, NLM_F_CREATE, index,
		ROOT_HANDLE | class, ROOT_HANDLE, "make a class for a link");
	struct nlattr *nest;

	mnl_attr_put_strz(message, TCA_KIND, "htb");
	nest = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put(message, TCA_HTB_PARMS, sizeof(parameters), &parameters);
	if (bucket->rate > UINT32_MAX) {
		mnl_attr_put_u64(message, TCA_HTB_RATE64, bucket->rate);
		mnl_attr_put_u64(message, TCA_HTB_CEIL64, bucket->rate);
	}
	mnl_attr_nest_end(message, nest);
}

/* The queue of one class is a TBF too, one that never makes a packet wait: it is there to take
 * large packets apart, which HTB does not. */
static void add_queue(
	struct netlink_batch *batch, uint32_t index, uint32_t class, const struct bucket *bucket)
{
	struct bucket queue = *bucket;

	queue.rate = UNSHAPED;
	add_tbf(batch, index, 0, ROOT_HANDLE | class, &queue);
}

/* priority = 1:class; return -1, which lets the filter match and its action run. */
static int load_program(uint32_t class, struct error *err)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU | BPF_MOV | BPF_K,
			.dst_reg = BPF_REG_2,
			.imm = (int32_t)(ROOT_HANDLE | class) },
		{ .code = BPF_STX | BPF_MEM | BPF_W,
			.dst_reg = BPF_REG_1,
			.src_reg = BPF_REG_2,
			.off = offsetof(struct __sk_buff, priority) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uint64_t)(uintptr_t)program;
	attr.insn_cnt = ARRAY_SIZE(program);
	attr.license = (uint64_t)(uintptr_t) "GPL";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? error_sys(err, "cannot load the program that shapes a link") : fd;
}

static void add_ingress(struct netlink_batch *batch, uint32_t index)
{
	struct nlmsghdr *message = add_traffic(batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL,
		index, INGRESS_HANDLE, TC_H_INGRESS, "look at what a link sends");

	mnl_attr_put_strz(message, TCA_KIND, "ingress");
}

static void put_redirect(struct nlmsghdr *message, uint16_t type, uint32_t device_index)
{
	struct tc_mirred parameters = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = device_index
	};
	struct nlattr *actions = mnl_attr_nest_start(message, type);
	struct nlattr *action = mnl_attr_nest_start(message, 1);
	struct nlattr *options;

	mnl_attr_put_strz(message, TCA_ACT_KIND, "mirred");
	options = mnl_attr_nest_start(message, TCA_ACT_OPTIONS);
	mnl_attr_put(message, TCA_MIRRED_PARMS, sizeof(parameters), &parameters);
	mnl_attr_nest_end(message, options);
	mnl_attr_nest_end(message, action);
	mnl_attr_nest_end(message, actions);
}

static void add_filter(
	struct netlink_batch *batch, uint32_t near_index, uint32_t device_index, int program_fd)
{
	struct nlmsghdr *message = add_traffic(batch, RTM_NEWTFILTER, NLM_F_CREATE, near_index,
		FILTER_HANDLE, INGRESS_HANDLE, "send a link's packets through a device");
	struct tcmsg *header = mnl_nlmsg_get_payload(message);
	struct nlattr *options;

	header->tcm_info = TC_H_MAKE(1 << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(message, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put_u32(message, TCA_BPF_FD, (uint32_t)program_fd);
	mnl_attr_put_strz(message, TCA_BPF_NAME, "vessel");
	put_redirect(message, TCA_BPF_ACT, device_index);
	mnl_attr_nest_end(message, options);
}

/* The link's packets go straight again; its class goes when nothing comes through it any more. */
static int unshape_from(struct netlink *netlink, uint32_t near_index, uint32_t device_index,
	uint32_t class, struct error *err)
{
	cleanup_batch struct netlink_batch batch;
	int r;

	netlink_batch_init(&batch);
	add_traffic(&batch, RTM_DELQDISC, 0, near_index, INGRESS_HANDLE, TC_H_INGRESS,
		"unshape a link");
	r = send_removal(netlink, &batch, err);
	return r < 0 ? r : rate_remove_from(netlink, device_index, class, err);
}

int rate_set_from(struct netlink *netlink, uint32_t near_index, uint32_t device_index,
	uint32_t class, uint64_t bits, struct error *err)
{
	struct bucket bucket = bucket_make(bits);
	cleanup_batch struct netlink_batch batch;
	cleanup_close int program_fd = -1;
	struct error there = { 0 }, ignored = { 0 };
	int r;

	netlink_batch_init(&batch);
	if (class == 0 || class > RATE_CLASS_MAX)
		return error_set(err, ERANGE, "no class %u", class);
	if (bits == 0)
		return unshape_from(netlink, near_index, device_index, class, err);
	add_class(&batch, device_index, class, &bucket);
	add_queue(&batch, device_index, class, &bucket);
	r = netlink_batch_send(netlink, &batch, err);
	if (r < 0)
		return r;
	add_ingress(&batch, near_index);
	r = netlink_batch_send(netlink, &batch, &there);
	if (r == -EEXIST)
		return 0; /* shaped already: with the class, all is changed */
	if (r < 0) {
		*err = there;
		return r;
	}
	r = program_fd = load_program(class, err);
	if (r >= 0) {
		add_filter(&batch, near_index, device_index, program_fd);
		r = netlink_batch_send(netlink, &batch, err);
	}
	/* Without its filter it would pass for shaped the next time. */
	if (r < 0)
		(void)unshape_from(netlink, near_index, device_index, class, &ignored);
	return r;
}

int rate_remove_from(
	struct netlink *netlink, uint32_t device_index, uint32_t class, struct error *err)
{
	cleanup_batch struct netlink_batch batch;

	netlink_batch_init(&batch);
	add_traffic(&batch, RTM_DELTCLASS, 0, device_index, ROOT_HANDLE | class, ROOT_HANDLE,
		"remove a link's class");
	return send_removal(netlink, &batch, err);
}
