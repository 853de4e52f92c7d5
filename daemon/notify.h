/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * notify.h - tells a service manager how we are, sd_notify(3) without its library.
 */
#pragma once

/* Sends "READY=1", "WATCHDOG=1", ... to $NOTIFY_SOCKET (a path, or '@' and an abstract name).
 * Does nothing without one; a failure is nobody's business but the service manager's. */
void notify_send(const char *state);
