/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stopwatch.c - how long a command line takes, from its fork, in microseconds.
 *
 *   stopwatch run COMMAND...          until it has ended
 *   stopwatch until FILE COMMAND...   until the time that the guest wrote to FILE; the command has
 *                                     to end within ten seconds, and the file to be there
 *
 * The command's status is the stopwatch's; what it prints goes to stderr.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 10000000 /* microseconds */

static long long clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Runs the command to its end: its status, as a shell has it. */
static int run(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(command[0], command);
		fprintf(stderr, "stopwatch: cannot execute %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The time in the file, or -1 if none came in time. The file is renamed into place, so it is whole. */
static long long read_stamp(const char *path)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	long long end = clock_now() + PATIENCE;
	long long time = -1;

	while (time < 0 && clock_now() < end) {
		FILE *file = fopen(path, "re");

		if (!file) {
			nanosleep(&pause, NULL);
			continue;
		}
		if (fscanf(file, "%lld", &time) != 1)
			time = -1;
		fclose(file);
	}
	return time;
}

int main(int argc, char **argv)
{
	int until = argc > 3 && strcmp(argv[1], "until") == 0;
	long long begin, end;
	int status;

	if (!until && (argc < 3 || strcmp(argv[1], "run") != 0)) {
		fprintf(stderr, "usage: stopwatch run COMMAND... | until FILE COMMAND...\n");
		return 2;
	}
	begin = clock_now();
	status = run(argv + (until ? 3 : 2));
	end = clock_now();
	if (status == 0 && until) {
		end = read_stamp(argv[2]);
		status = end < 0 ? 124 : 0;
	}
	if (status == 0)
		printf("%lld\n", end - begin);
	return status;
}
