/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * init.c - the guest that vessel and its peers all start: says when it began, then waits.
 *
 * The first thing it does is to ask the monotonic clock, which all namespaces here share; only then
 * it writes the time, in microseconds, to /stamp. Called as "true" it ends at once, so that a root
 * file system needs no other program. Static: no dynamic linker is measured.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int stamp(const struct timespec *now)
{
	int fd = open("/stamp.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return -1;
	dprintf(fd, "%lld\n", (long long)now->tv_sec * 1000000 + now->tv_nsec / 1000);
	close(fd);
	return rename("/stamp.new", "/stamp");
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (argc > 0 && strcmp(slash ? slash + 1 : argv[0], "true") == 0)
		return 0;
	if (stamp(&now) < 0)
		return 1;
	signal(SIGCHLD, SIG_IGN); /* whoever is left to init is reaped */
	for (;;)
		pause();
}
