/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * property - one question a word: does the kernel let this process do that? Ends with 0 for yes.
 * Shells and busybox have no locks, no inotify and no raw system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* lock FILE [SECONDS]: takes it at once, or not; holds it. */
static int lock(char **words)
{
	int fd = open(words[0], O_RDONLY);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 1;
	if (words[1]) {
		puts("locked");
		fflush(stdout);
		sleep((unsigned int)atoi(words[1]));
	}
	return 0;
}

/* watch FILE SECONDS: did anybody open it meanwhile? */
static int watch(char **words)
{
	int fd = inotify_init1(IN_CLOEXEC);
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	if (fd < 0 || inotify_add_watch(fd, words[0], IN_OPEN) < 0)
		return 2;
	puts("watching");
	fflush(stdout);
	return poll(&ready, 1, atoi(words[1]) * 1000) != 1;
}

/* notify N: that many words that say nothing. */
static int notify(char **words)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/host/notify" };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	long n = atol(words[0]);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	while (n-- > 0)
		if (send(fd, "STATUS=x", 8, MSG_NOSIGNAL) < 0)
			return 1;
	return 0;
}

static int session_key_make(char **words)
{
	return syscall(SYS_add_key, "user", "vessel-session", "x", 1, KEY_SPEC_SESSION_KEYRING) <
		       0 ||
	       syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
		       "vessel-session", 0) < 0;
}

static int session_key_find(char **words)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
		       "vessel-session", 0) < 0;
}

/* pty N: are there N to be had? */
static int pty(char **words)
{
	for (int n = atoi(words[0]); n > 0; n--)
		if (open("/dev/ptmx", O_RDWR | O_NOCTTY) < 0)
			return 1;
	return 0;
}

/* netlink PROTOCOL */
static int netlink(char **words)
{
	return socket(AF_NETLINK, SOCK_RAW, atoi(words[0])) < 0;
}

/* x32: is there such an ABI? getpid by its number. */
static int x32(char **words)
{
#ifdef __x86_64__
	return syscall(0x40000000 + SYS_getpid) < 0;
#else
	return 1;
#endif
}

/* socketcall FAMILY: the 32-bit way to a socket, which a program of 64 bits can go as well. */
static int socketcall(char **words)
{
#ifdef __x86_64__
	uint32_t *arguments = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;

	if (arguments == MAP_FAILED)
		return 2;
	arguments[0] = (uint32_t)atoi(words[0]);
	arguments[1] = SOCK_STREAM;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(102), "b"(1), "c"(arguments)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r < 0;
#else
	return 1;
#endif
}

static int open_for_reading(char **words)
{
	return open(words[0], O_RDONLY | O_NONBLOCK) < 0;
}

/* securebits: none set */
static int securebits(char **words)
{
	return prctl(PR_GET_SECUREBITS) != 0;
}

static const struct {
	const char *name;
	int (*run)(char **words);
} probes[] = {
	{ "lock", lock },
	{ "watch", watch },
	{ "notify", notify },
	{ "session-key-make", session_key_make },
	{ "session-key-find", session_key_find },
	{ "pty", pty },
	{ "netlink", netlink },
	{ "x32", x32 },
	{ "socketcall", socketcall },
	{ "open", open_for_reading },
	{ "securebits", securebits },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(probes) / sizeof(probes[0]); i++)
		if (strcmp(probes[i].name, argv[1]) == 0)
			return probes[i].run(argv + 2);
	return 2;
}
