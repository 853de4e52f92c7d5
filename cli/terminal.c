/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * terminal.c - raw mode, window size, and signals by signalfd.
 */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

static const int handled[] = {
	SIGINT,
	SIGTERM,
	SIGHUP,
	SIGQUIT,
	SIGUSR1,
	SIGUSR2,
	SIGWINCH,
	SIGPIPE,
	SIGTSTP,
	SIGCONT,
};

void terminal_init(struct terminal *terminal, int fd)
{
	*terminal = (struct terminal){ .fd = isatty(fd) ? fd : -1 };
}

void terminal_raw(struct terminal *terminal)
{
	struct termios raw;

	if (terminal->fd < 0 || terminal->raw || tcgetattr(terminal->fd, &terminal->saved) < 0)
		return;
	raw = terminal->saved;
	cfmakeraw(&raw);
	terminal->raw = tcsetattr(terminal->fd, TCSANOW, &raw) == 0;
}

void terminal_restore(struct terminal *terminal)
{
	if (!terminal->raw)
		return;
	/* Not TCSADRAIN: what nobody reads would hold us. It fails when the terminal is gone. */
	(void)tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
	terminal->raw = false;
}

void terminal_size(int fd, int *ret_rows, int *ret_columns)
{
	struct winsize size;

	*ret_rows = 24;
	*ret_columns = 80;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
		return;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
}

void terminal_copy_size(int fd, int master_fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
		(void)ioctl(master_fd, TIOCSWINSZ, &size); /* fails only when the pty is gone */
}

int output_open(int fd)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];
	struct stat st;
	int own = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (isatty(fd) || (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)))
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

int signals_take(struct signals *signals)
{
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
		sigaddset(&mask, handled[i]);
	signals->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		return -errno;
	(void)pthread_sigmask(SIG_BLOCK, &mask, &signals->before); /* cannot fail */
	return 0;
}

int signals_read(struct signals *signals)
{
	struct signalfd_siginfo info;

	if (read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

void signals_give_back(struct signals *signals)
{
	if (signals->fd < 0)
		return;
	while (signals_read(signals) != 0)
		continue;
	(void)close(signals->fd); /* holds nothing */
	signals->fd = -1;
	(void)pthread_sigmask(SIG_SETMASK, &signals->before, NULL); /* cannot fail */
}

void terminal_suspend(struct terminal *terminal)
{
	bool was_raw = terminal->raw;

	terminal_restore(terminal);
	(void)raise(SIGSTOP); /* cannot be refused */
	if (was_raw)
		terminal_raw(terminal);
}
