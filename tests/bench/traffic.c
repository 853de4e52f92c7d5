/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * traffic.c - how fast and how soon bytes come through a link.
 *
 *   traffic serve PORT                    until killed; one client at a time
 *   traffic to|from ADDRESS PORT SECONDS  one TCP stream to the server or from it, in Mbit/s
 *   traffic ping ADDRESS PORT ROUNDS      one UDP datagram there and back, the median in ns
 *
 * Goodput is what has arrived: of a stream to the server, the server says how much.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK    (128 * 1024)
#define PATIENCE 5000 /* ms for one answer */

static char chunk[CHUNK];

static int die(const char *what)
{
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	return 1;
}

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int open_socket(int type, const char *address, const char *port, int server)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
	};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (server ? bind(fd, (struct sockaddr *)&to, sizeof(to))
		   : connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	return fd;
}

/* The client's first byte says which way; what came from it is told when it has shut its side. */
static void serve_stream(int listener)
{
	int fd = accept(listener, NULL, NULL);
	int64_t total = 0;
	char way = 0;
	ssize_t n;

	if (fd < 0)
		return;
	if (read(fd, &way, 1) == 1 && way == 'f')
		while (write(fd, chunk, sizeof(chunk)) > 0)
			;
	while (way == 't' && (n = read(fd, chunk, sizeof(chunk))) > 0)
		total += n;
	if (way == 't' && write(fd, &total, sizeof(total)) != sizeof(total))
		die("cannot answer");
	close(fd);
}

static void serve_ping(int fd)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	char byte;

	if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length) == 1)
		sendto(fd, &byte, 1, 0, (struct sockaddr *)&from, length);
}

static int serve(const char *port)
{
	struct pollfd fds[] = {
		{ .fd = open_socket(SOCK_STREAM, "0.0.0.0", port, 1), .events = POLLIN },
		{ .fd = open_socket(SOCK_DGRAM, "0.0.0.0", port, 1), .events = POLLIN },
	};

	if (fds[0].fd < 0 || fds[1].fd < 0 || listen(fds[0].fd, 8) < 0)
		return die("cannot listen");
	signal(SIGPIPE, SIG_IGN);
	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents)
			serve_ping(fds[1].fd);
		if (fds[0].revents)
			serve_stream(fds[0].fd);
	}
	return die("cannot wait");
}

static int stream(const char *way, const char *address, const char *port, int seconds)
{
	int fd = open_socket(SOCK_STREAM, address, port, 0);
	int64_t begin = clock_now(), end = begin + seconds * INT64_C(1000000000);
	int64_t total = 0;
	ssize_t n = 1;

	if (fd < 0 || write(fd, way, 1) != 1)
		return die("cannot connect");
	while (n > 0 && clock_now() < end) {
		n = way[0] == 't' ? write(fd, chunk, sizeof(chunk))
				  : read(fd, chunk, sizeof(chunk));
		total += way[0] == 'f' ? n : 0;
	}
	if (n <= 0)
		return die("the stream ended early");
	if (way[0] == 't') {
		shutdown(fd, SHUT_WR);
		if (read(fd, &total, sizeof(total)) != sizeof(total))
			return die("the server does not say what came");
	}
	printf("%.1f\n", (double)total * 8000 / (double)(clock_now() - begin));
	return 0;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int ping(const char *address, const char *port, size_t rounds)
{
	int fd = open_socket(SOCK_DGRAM, address, port, 0);
	struct timeval patience = { .tv_sec = PATIENCE / 1000 };
	int64_t *times = calloc(rounds, sizeof(*times));
	char byte = 0;

	if (fd < 0 || !times)
		return die("cannot connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (size_t i = 0; i < rounds; i++) {
		times[i] = clock_now();
		if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
			return die("no answer");
		times[i] = clock_now() - times[i];
	}
	qsort(times, rounds, sizeof(*times), compare);
	printf("%lld\n", (long long)times[rounds / 2]);
	free(times);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 5 && (strcmp(argv[1], "to") == 0 || strcmp(argv[1], "from") == 0))
		return stream(argv[1], argv[2], argv[3], atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "ping") == 0 && atoi(argv[4]) > 0)
		return ping(argv[2], argv[3], (size_t)atoi(argv[4]));
	fprintf(stderr, "usage: traffic serve PORT | to|from ADDRESS PORT SECONDS | "
			"ping ADDRESS PORT ROUNDS\n");
	return 2;
}
