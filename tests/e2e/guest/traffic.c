/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * traffic.c - both ends of the conversations of network*.bats, in VEs, the host and the outside.
 *
 *   traffic serve PORT              TCP and UDP, both families: tells each peer its address, as it
 *                                   is seen here, and then its own words; a line for each on stdout
 *   traffic ask tcp|udp IP PORT [MS]    prints that address; status 1 if none came
 *   traffic forge SOURCE IP PORT    a datagram with another's source address
 *   traffic fill IP N               a datagram to each of N ports, each a connection to a router
 *   traffic stream IP PORT          numbers to a server and back by TCP, one in 10 ms; at SIGTERM
 *                                   prints how many there were and the longest time without one
 *   traffic sink PORT               takes one TCP connection and prints its Mbit/s
 *   traffic pump IP PORT SECONDS    fills such a one
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDRESS 64 /* an address and a line's end */

static volatile sig_atomic_t ended;

static void die(const char *what)
{
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One family for all: IPv4 as ::ffff:A.B.C.D. */
static struct sockaddr_in6 address_of(const char *text, const char *port)
{
	struct sockaddr_in6 a = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)atoi(port)),
	};
	char mapped[ADDRESS];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') ? "" : "::ffff:", text);
	if (inet_pton(AF_INET6, mapped, &a.sin6_addr) != 1) {
		fprintf(stderr, "traffic: no address: %s\n", text);
		exit(2);
	}
	return a;
}

/* As one writes it, and a line's end. */
static void name(const struct sockaddr_in6 *a, char text[ADDRESS])
{
	char form[INET6_ADDRSTRLEN] = "?";

	if (IN6_IS_ADDR_V4MAPPED(&a->sin6_addr))
		inet_ntop(AF_INET, &a->sin6_addr.s6_addr[12], form, sizeof(form));
	else
		inet_ntop(AF_INET6, &a->sin6_addr, form, sizeof(form));
	snprintf(text, ADDRESS, "%s\n", form);
}

static int open_socket(int type)
{
	int fd = socket(AF_INET6, type, 0);

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)) < 0)
		die("IPV6_V6ONLY");
	return fd;
}

static int open_server(int type, const char *port)
{
	struct sockaddr_in6 a = address_of("::", port);
	int fd = open_socket(type);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		(type == SOCK_STREAM && listen(fd, 64) < 0))
		die("bind");
	return fd;
}

static int open_client(int type, const char *ip, const char *port, int ms)
{
	struct sockaddr_in6 a = address_of(ip, port);
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	int fd = open_socket(type);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("connect");
	return fd;
}

/* One peer: its address, then whatever it says, at once. */
static void echo(int fd, const char *peer)
{
	char block[4096];
	ssize_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (write(fd, peer, strlen(peer)) < 0)
		exit(1);
	while ((n = read(fd, block, sizeof(block))) > 0)
		if (write(fd, block, (size_t)n) != n)
			break;
	exit(0);
}

static void answer_stream(int server)
{
	struct sockaddr_in6 peer;
	char text[ADDRESS];
	int fd = accept(server, (struct sockaddr *)&peer, &(socklen_t){ sizeof(peer) });

	if (fd < 0)
		return;
	name(&peer, text);
	printf("tcp %s", text);
	fflush(stdout);
	if (fork() == 0)
		echo(fd, text);
	close(fd);
}

static void answer_datagram(int server)
{
	struct sockaddr_in6 peer;
	socklen_t length = sizeof(peer);
	char text[ADDRESS], block[4096];

	if (recvfrom(server, block, sizeof(block), 0, (struct sockaddr *)&peer, &length) < 0)
		return;
	name(&peer, text);
	printf("udp %s", text);
	fflush(stdout);
	(void)sendto(server, text, strlen(text), 0, (struct sockaddr *)&peer, length);
}

static void end(int number)
{
	(void)number;
	ended = 1;
}

static int serve(char **argv)
{
	int datagrams = open_server(SOCK_DGRAM, argv[0]); /* before what shows that we listen */
	int streams = open_server(SOCK_STREAM, argv[0]);
	struct pollfd fds[] = {
		{ .fd = streams, .events = POLLIN },
		{ .fd = datagrams, .events = POLLIN },
	};

	signal(SIGCHLD, SIG_IGN);
	signal(SIGTERM, end);
	while (!ended) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			answer_stream(fds[0].fd);
		if (fds[1].revents)
			answer_datagram(fds[1].fd);
	}
	return 0;
}

static int ask(char **argv)
{
	int type = strcmp(argv[0], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
	int fd = open_client(type, argv[1], argv[2], argv[3] ? atoi(argv[3]) : 15000);
	char text[ADDRESS];
	ssize_t n;

	if (type == SOCK_DGRAM && send(fd, "hello", 5, 0) < 0)
		die("send");
	n = read(fd, text, sizeof(text));
	if (n <= 0)
		die("read");
	return fwrite(text, 1, (size_t)n, stdout) != (size_t)n;
}

static int fill(char **argv)
{
	int n = atoi(argv[1]);
	int fd = open_socket(SOCK_DGRAM);

	for (int i = 0; i < n; i++) {
		char port[16];
		struct sockaddr_in6 a;

		snprintf(port, sizeof(port), "%d", 20000 + i);
		a = address_of(argv[0], port);
		(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
	}
	return 0;
}

static uint32_t add_up(const void *data, size_t size, uint32_t sum)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* UDP: ports, length, checksum, words. */
static void make_datagram(uint8_t udp[14], const char *port, const void *ips, size_t ips_size)
{
	uint16_t head[4] = { htons(4444), htons((uint16_t)atoi(port)), htons(14), 0 };

	memcpy(udp, head, sizeof(head));
	memcpy(udp + sizeof(head), "forged", 6);
	head[3] = fold(add_up(udp, 14, add_up(ips, ips_size, 17 + 14)));
	memcpy(udp, head, sizeof(head));
}

static size_t make_packet4(uint8_t *packet, char **argv, struct sockaddr_in6 *ret_to)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	packet[0] = 0x45;
	packet[8] = 64;
	packet[9] = 17;
	if (inet_pton(AF_INET, argv[0], packet + 12) != 1 ||
		inet_pton(AF_INET, argv[1], packet + 16) != 1)
		die("address");
	make_datagram(packet + 20, argv[2], packet + 12, 8);
	memcpy(&to.sin_addr, packet + 16, 4);
	memcpy(ret_to, &to, sizeof(to));
	return 34;
}

static size_t make_packet6(uint8_t *packet, char **argv, struct sockaddr_in6 *ret_to)
{
	packet[0] = 0x60;
	packet[5] = 14;
	packet[6] = 17;
	packet[7] = 64;
	if (inet_pton(AF_INET6, argv[0], packet + 8) != 1 ||
		inet_pton(AF_INET6, argv[1], packet + 24) != 1)
		die("address");
	make_datagram(packet + 40, argv[2], packet + 8, 32);
	*ret_to = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	memcpy(&ret_to->sin6_addr, packet + 24, 16);
	return 54;
}

static int forge(char **argv)
{
	bool six = strchr(argv[0], ':');
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
	uint8_t packet[64] = { 0 };
	struct sockaddr_in6 to = { 0 };
	size_t size = (six ? make_packet6 : make_packet4)(packet, argv, &to);

	if (fd < 0)
		die("raw socket");
	if (sendto(fd, packet, size, 0, (struct sockaddr *)&to,
		    six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) < 0)
		die("sendto");
	return 0;
}

/* What has come back; the server's first line, our address, goes by. */
static bool take_numbers(int fd, uint32_t *next, bool *greeted)
{
	uint32_t number;
	char c;

	while (!*greeted) {
		if (read(fd, &c, 1) != 1)
			return false;
		*greeted = c == '\n';
	}
	if (recv(fd, &number, sizeof(number), MSG_WAITALL) != sizeof(number) || number != *next)
		return false;
	(*next)++;
	return true;
}

static int stream(char **argv)
{
	int fd = open_client(SOCK_STREAM, argv[0], argv[1], 10000);
	int64_t last = now_ms(), due = last, gap = 0;
	uint32_t sent = 0, next = 0;
	bool greeted = false;

	signal(SIGTERM, end);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	while (!ended) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t now = now_ms();

		if (now >= due) {
			due = now + 10;
			if (write(fd, &sent, sizeof(sent)) != sizeof(sent))
				die("the stream broke off");
			sent++;
		}
		if (poll(&poll_fd, 1, (int)(due - now)) > 0 && !ended) {
			if (!take_numbers(fd, &next, &greeted))
				die("the stream broke off");
			now = now_ms();
			gap = now - last > gap ? now - last : gap;
			last = now;
		}
	}
	gap = now_ms() - last > gap ? now_ms() - last : gap;
	printf("%u %lld\n", next, (long long)gap);
	return 0;
}

static int sink(char **argv)
{
	int fd = accept(open_server(SOCK_STREAM, argv[0]), NULL, NULL);
	static char block[65536];
	int64_t begun = 0, last = 0, bytes = 0;
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0) {
		last = now_ms();
		begun = begun ? begun : last + 500; /* until the bucket is empty */
		bytes += last > begun ? n : 0;
	}
	printf("%.2f\n", last > begun ? (double)bytes * 8 / 1000 / (double)(last - begun) : 0);
	return 0;
}

static int pump(char **argv)
{
	int fd = open_client(SOCK_STREAM, argv[0], argv[1], 10000);
	int64_t until = now_ms() + 500 + atoi(argv[2]) * 1000;
	static char block[65536];

	while (now_ms() < until)
		if (write(fd, block, sizeof(block)) < 0)
			die("write");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*run)(char **argv);
} verbs[] = {
	{ "serve", 1, serve },
	{ "ask", 3, ask },
	{ "forge", 3, forge },
	{ "fill", 2, fill },
	{ "stream", 2, stream },
	{ "sink", 1, sink },
	{ "pump", 3, pump },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (argc > 1 && strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].words)
			return verbs[i].run(argv + 2);
	fprintf(stderr, "traffic: see the head of its source\n");
	return 2;
}
