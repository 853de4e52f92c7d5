/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fork-latency N - forks and executes /bin/true N times and prints the 99th percentile in
 * microseconds: what a fork bomb in a VE must not hurt.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
	int64_t *took = calloc(n, sizeof(*took));

	for (size_t i = 0; i < n; i++) {
		int64_t start = now_us();
		pid_t pid = fork();

		if (pid == 0) {
			execl("/bin/true", "true", NULL);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
		took[i] = now_us() - start;
		usleep(2000);
	}
	qsort(took, n, sizeof(*took), compare);
	printf("%lld\n", (long long)took[n * 99 / 100]);
	return 0;
}
