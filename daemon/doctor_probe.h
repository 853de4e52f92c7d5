/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * doctor_probe.h - how the host is asked. A probe fills `value` for people and judges it.
 */
#pragma once

struct manager;

enum check_state { CHECK_OK, CHECK_LIMITED, CHECK_MISSING };

#define PROBE_VALUE 160

typedef enum check_state probe_fn(
	struct manager *manager, const char *argument, char value[PROBE_VALUE]);

probe_fn probe_kernel, probe_cgroup, probe_limit, probe_device_program, probe_idmap, probe_overlay;
probe_fn probe_file;              /* PATH: is there */
probe_fn probe_least, probe_most; /* "PATH NUMBER": holds at least, at most */
probe_fn probe_core_file;         /* PATH: a core_pattern that names a file */
/* doctor_network.c */
probe_fn probe_network;    /* links, filter, rates: made for a moment */
probe_fn probe_forwarding; /* ipv4, ipv6: on where the default route is */
probe_fn probe_firewall;
probe_fn probe_nofile, probe_capability;
