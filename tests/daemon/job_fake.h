/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_fake.h - what the fakes under a job were asked, and how they shall answer.
 *
 * Shared with the forked job, so that the test can read it afterwards.
 */
#pragma once

struct fake {
	char told[512];  /* "limits 512M; kill; " */
	char fails[32];  /* the call that fails */
	int code;        /* with this errno */
	int exec_failed; /* as join_run() says it */
	int alive;       /* cgroup_populated() */
	int unsupported; /* a limit this host cannot enforce, or -1 */
	char cgroup[16]; /* a directory that stands for the VE's cgroup, or "" */
	int has_console; /* what launch_run() hands over */
};

extern struct fake *fake;
