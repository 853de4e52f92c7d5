/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sandbox.h - what a process gives up before it parses an archive (property P21).
 *
 * Both functions are for a child that was just forked, single-threaded, and that the parent waits
 * for: what they change is not changed back on failure.
 */
#pragma once

struct error;

/* The descriptors that survive. Numbers of their own, so that nothing is ever lost in a sort. */
enum {
	SANDBOX_ARCHIVE_FD = 3,
	SANDBOX_REPORT_FD = 4,
	SANDBOX_LAYER_FD = 5,
};

/* Closes everything else, and makes a user namespace without ids: the parent writes the maps. */
int sandbox_prepare(int archive_fd, int report_fd, int layer_fd, struct error *err);

/* With the maps written: the layer becomes the root, everything else goes: mounts, network,
 * groups, capabilities but those that give files their metadata, system calls but those that make
 * files. The process dies with its parent from here on. */
int sandbox_enter(struct error *err);
