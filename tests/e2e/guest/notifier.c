/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * notifier - a plain program as init: says that it is ready after two seconds, ends with 7 when it
 * is asked to stop.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void on_term(int signal)
{
	(void)signal;
	_exit(7);
}

static void say(const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (!path)
		return;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	(void)sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address));
}

int main(void)
{
	signal(SIGTERM, on_term);
	sleep(2);
	say("READY=1");
	for (;;)
		pause();
}
