/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loopback.c - two ioctls; the kernel gives lo its addresses (127.0.0.1/8, ::1) when it comes up.
 */
#include "netns/loopback.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"

int loopback_up(struct error *err)
{
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	if (fd < 0)
		return error_sys(err, "cannot open a socket to set lo up");
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return error_sys(err, "cannot ask for interface lo");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_sys(err, "cannot set interface lo up");
	return 0;
}
