/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * drive.c - the room netns/ from a command line, for tests/netns/live: each verb is one call.
 *
 *   drive build|destroy|whole|count|watch
 *   drive up|add|remove INDEX|NAME FD IP,IP [OPTION...]   up makes the pair and prints its index
 *   drive change INDEX FD IP,IP [OPTION...] then [OPTION...]
 *   drive ip+|ip- INDEX FD IP
 *   drive release INDEX FD IP,IP
 *   drive to INDEX BITS        drive from INDEX DEVICE CLASS BITS
 *   drive usage PREFIX         drive range RANGE
 *   drive bench N [answers6]   N pairs, each in a namespace of its own; prints the cost of
 * each
 *
 * Options: nat, isolate, connections=N, publish=tcp:PORT:IP:PORT (or udp)[@HOSTADDR]; of up:
 * index=N.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "netns/filter.h"
#include "netns/namespace.h"
#include "netns/plan.h"
#include "netns/rate.h"
#include "netns/routed.h"
#include "netns/traffic.h"

#define PREFIX "ve"
#define MAX    16

static struct error err;
static struct netlink route = NETLINK_CLOSED;
static struct filter filter = { .netlink = NETLINK_CLOSED };
static int proc_fd;

static struct ip ips[MAX];
static struct filter_published published[MAX];
static struct filter_link link_options = { .ips = ips, .published = published };
static uint8_t mac[LINK_MAC];
static uint32_t near_index;

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	if (parse_count(text, &n) < 0) {
		fprintf(stderr, "drive: no number: %s\n", text);
		exit(2);
	}
	return n;
}

static struct ip address(const char *text)
{
	struct ip ip;

	if (ip_parse(text, &ip) < 0) {
		fprintf(stderr, "drive: no address: %s\n", text);
		exit(2);
	}
	return ip;
}

/* tcp:PORT:IP:PORT[@HOSTADDR]; the address may hold colons. */
static void publish(char *text)
{
	struct filter_published *p = &published[link_options.n_published++];
	char *at = strchr(text, '@');
	char *port = strchr(text, ':') + 1;
	char *to = strchr(port, ':');
	char *to_port;

	if (at) {
		*at = '\0';
		p->at = address(at + 1);
	}
	to_port = strrchr(text, ':');
	*to++ = '\0';
	*to_port++ = '\0';
	p->from.protocol = strncmp(text, "udp", 3) == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	p->from.port = (uint16_t)number(port);
	p->to = address(to);
	p->to_port = (uint16_t)number(to_port);
}

static void read_options(char **options)
{
	for (; *options; options++) {
		if (strcmp(*options, "nat") == 0)
			link_options.masqueraded = true;
		else if (strcmp(*options, "isolate") == 0)
			link_options.isolated = true;
		else if (strncmp(*options, "connections=", 12) == 0)
			link_options.connections = (uint32_t)number(*options + 12);
		else if (strncmp(*options, "publish=", 8) == 0)
			publish(*options + 8);
		else if (strncmp(*options, "index=", 6) == 0)
			near_index = (uint32_t)number(*options + 6);
	}
}

/* The pair's MAC follows from its first address. */
static void read_link(char *addresses, char **options)
{
	char *word;

	while ((word = strsep(&addresses, ",")))
		ips[link_options.n_ips++] = address(word);
	link_make_mac(ips[0].bytes, sizeof(ips[0].bytes), mac);
	routed_link_local(mac, &ips[link_options.n_ips++]);
	read_options(options);
}

static struct routed pair(const char *name)
{
	struct routed routed = { .near_name = name,
		.near_index = near_index,
		.alt_name = "test-of-a-name-longer-than-sixteen",
		.far_name = "eth0",
		.ips = ips,
		.n_ips = link_options.n_ips - 1 };

	memcpy(routed.far_mac, mac, sizeof(mac));
	return routed;
}

static int verb_build(char **words)
{
	static const struct filter_port open[] = { { IPPROTO_TCP, 2222 }, { IPPROTO_UDP, 2222 } };

	(void)words;
	return filter_build(&filter, open, ARRAY_SIZE(open), NULL, 0, &err);
}

static int verb_destroy(char **words)
{
	(void)words;
	return filter_destroy(&filter, &err);
}

static int verb_whole(char **words)
{
	bool whole = false;
	int r = filter_whole(&filter, &whole, &err);

	(void)words;
	puts(whole ? "whole" : "broken");
	return r;
}

static int print_count(
	uint32_t index, enum filter_reason reason, uint64_t packets, uint64_t bytes, void *data)
{
	(void)data;
	printf("%u %s %ju %ju\n", index, filter_reason_names[reason], (uintmax_t)packets,
		(uintmax_t)bytes);
	return 0;
}

static int verb_count(char **words)
{
	(void)words;
	return filter_count(&filter, print_count, NULL, &err);
}

/* Waits until the table is taken away, builds it again, and says so. */
static int verb_watch(char **words)
{
	struct netlink watch;
	bool whole = true;
	int r = filter_watch_open(&watch, NETNS_PRESENT, &err);

	puts("watching");
	fflush(stdout);
	while (r >= 0 && whole) {
		struct pollfd poller = { .fd = watch.fd, .events = POLLIN };

		(void)poll(&poller, 1, -1);
		r = filter_watch_read(&watch, &filter, &err);
		if (r > 0)
			r = filter_whole(&filter, &whole, &err);
	}
	if (r < 0)
		return r;
	puts("rebuilt");
	return verb_build(words);
}

static int verb_up(char **words)
{
	struct routed routed;
	uint32_t index = 0;
	int r;

	read_link(words[2], words + 3);
	routed = pair(words[0]);
	routed.answers6 = true;
	r = routed_up(&route, (int)number(words[1]), proc_fd, &routed, &index, &err);
	if (r < 0)
		return r;
	printf("%u\n", index);
	link_options.index = index;
	return filter_add(&filter, &link_options, &err);
}

static int verb_release(char **words)
{
	struct routed routed;

	read_link(words[2], words + 3);
	routed = pair(NULL);
	return routed_release(&route, (uint32_t)number(words[0]), &routed, &err);
}

static int verb_add(char **words)
{
	read_link(words[2], words + 3);
	link_options.index = (uint32_t)number(words[0]);
	return filter_add(&filter, &link_options, &err);
}

static int verb_remove(char **words)
{
	read_link(words[2], words + 3);
	link_options.index = (uint32_t)number(words[0]);
	return filter_remove(&filter, &link_options, &err);
}

/* From the options before the word "then" to those behind it, on the same addresses. */
static int verb_change(char **words)
{
	struct filter_published old_published[MAX];
	struct filter_link old;
	char **then = words;

	while (strcmp(*then, "then") != 0)
		then++;
	*then = NULL;
	read_link(words[2], words + 3);
	link_options.index = (uint32_t)number(words[0]);
	memcpy(old_published, published, sizeof(published));
	old = link_options;
	old.published = old_published;
	link_options = (struct filter_link){
		.index = old.index, .ips = ips, .n_ips = old.n_ips, .published = published
	};
	read_options(then + 1);
	return filter_change(&filter, &old, &link_options, &err);
}

static int verb_ip_add(char **words)
{
	struct routed routed;

	read_link(words[2], words + 3);
	routed = pair("");
	return routed_add_ip(
		&route, (uint32_t)number(words[0]), (int)number(words[1]), &routed, &ips[0], &err);
}

static int verb_ip_remove(char **words)
{
	struct routed routed;

	read_link(words[2], words + 3);
	routed = pair("");
	return routed_remove_ip(
		&route, (uint32_t)number(words[0]), (int)number(words[1]), &routed, &ips[0], &err);
}

static int verb_to(char **words)
{
	return rate_set_to(&route, (uint32_t)number(words[0]), number(words[1]), &err);
}

static int verb_from(char **words)
{
	uint32_t device = 0;
	int r = rate_open(&route, words[1], &device, &err);

	return r < 0 ? r
		     : rate_set_from(&route, (uint32_t)number(words[0]), device,
			       (uint32_t)number(words[2]), number(words[3]), &err);
}

static int print_usage(const struct link *link, void *data)
{
	struct traffic traffic;

	(void)data;
	traffic_of(&link->counters, &traffic);
	printf("%s in %ju %ju out %ju %ju\n", link->name, (uintmax_t)traffic.in.bytes,
		(uintmax_t)traffic.in.packets, (uintmax_t)traffic.out.bytes,
		(uintmax_t)traffic.out.packets);
	return 0;
}

static int verb_usage(char **words)
{
	return link_each(&route, words[0], print_usage, NULL, &err);
}

static int verb_range(char **words)
{
	struct prefix ranges[MAX];
	int n = plan_parse(words[0], ranges, MAX, &err);
	int r = n;

	for (int i = 0; i < n && r >= 0; i++)
		r = plan_check_host(&route, &ranges[i], PREFIX, &err);
	return r < 0 ? r : 0;
}

static int make_namespace(void)
{
	cleanup_namespace int back_fd = NETNS_PRESENT;
	int self_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;

	if (self_fd < 0 || namespace_enter(self_fd, &back_fd, &err) < 0 ||
		unshare(CLONE_NEWNET) < 0)
		abort();
	close(self_fd);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

/* Of this process alone: other load on the machine does not count. */
static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Prints: number, the pair, the filter's elements, removing and adding them again. */
static int verb_bench(char **words)
{
	uint64_t n = number(words[0]);

	for (uint64_t i = 1; i <= n; i++) {
		int fd = make_namespace(); /* stays open: the pair lives as long as this process */
		char name[LINK_NAME], four[32], six[32];
		double t0, t1, t2, t3;
		struct routed routed;
		char *none[] = { NULL };
		int r;

		link_options = (struct filter_link){
			.ips = ips, .published = published, .masqueraded = true, .connections = 4096
		};
		snprintf(name, sizeof(name), PREFIX "%ju", (uintmax_t)i);
		snprintf(four, sizeof(four), "10.78.%ju.%ju", (uintmax_t)i / 200,
			(uintmax_t)i % 200 + 1);
		snprintf(six, sizeof(six), "fd00:78::%jx", (uintmax_t)i);
		read_link(four, none);
		ips[2] = ips[1];
		ips[1] = address(six);
		link_options.n_ips = 3;
		routed = pair(name);
		routed.alt_name = NULL;
		routed.answers6 = words[1];
		t0 = milliseconds();
		r = routed_up(&route, fd, proc_fd, &routed, &link_options.index, &err);
		t1 = milliseconds();
		if (r == 0)
			r = filter_add(&filter, &link_options, &err);
		t2 = milliseconds();
		if (r == 0)
			r = filter_change(&filter, &link_options, &link_options, &err);
		t3 = milliseconds();
		if (r < 0)
			return r;
		printf("%ju %.3f %.3f %.3f\n", (uintmax_t)i, t1 - t0, t2 - t1, t3 - t2);
	}
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*run)(char **words);
} verbs[] = {
	{ "build", 0, verb_build },
	{ "destroy", 0, verb_destroy },
	{ "whole", 0, verb_whole },
	{ "count", 0, verb_count },
	{ "watch", 0, verb_watch },
	{ "up", 3, verb_up },
	{ "release", 3, verb_release },
	{ "add", 3, verb_add },
	{ "remove", 3, verb_remove },
	{ "change", 4, verb_change },
	{ "ip+", 3, verb_ip_add },
	{ "ip-", 3, verb_ip_remove },
	{ "to", 2, verb_to },
	{ "from", 4, verb_from },
	{ "usage", 1, verb_usage },
	{ "range", 1, verb_range },
	{ "bench", 1, verb_bench },
};

static int open_all(void)
{
	int r = netlink_open(&route, NETLINK_ROUTE, NETNS_PRESENT, &err);

	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? r : filter_open(&filter, "vessel-test", PREFIX, NETNS_PRESENT, &err);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++) {
		int r;

		if (strcmp(verbs[i].name, argv[1]) != 0 || argc - 2 < verbs[i].words)
			continue;
		r = open_all();
		if (r == 0)
			r = verbs[i].run(argv + 2);
		if (r < 0)
			fprintf(stderr, "drive: %s\n", err.text);
		return r < 0 ? -r : 0;
	}
	fprintf(stderr, "usage: drive VERB...\n");
	return 2;
}
