/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * subtree.h - walking and removing cgroups below one, as deep as a guest cares to nest them.
 *
 * A guest makes directories below guest/ as it likes, so neither our stack nor our descriptors may
 * grow with their depth: removal, which must see all, holds one open directory and comes back up by
 * "..", which is safe because cgroupfs cannot move a directory to another parent. A visit is for
 * what may be incomplete, and is bounded in depth and number.
 */
#pragma once

#include <stddef.h>

/* Removes every cgroup below top_fd, deepest first; top itself stays. 0, or -EBUSY where one of
 * them holds live processes, or another -errno. */
int subtree_remove(int top_fd);

#define SUBTREE_DEPTH 40 /* a VE's tree may be 32 deep */

/* Calls visit() with a descriptor of top and of the cgroups below it, `most` in all and no deeper
 * than SUBTREE_DEPTH; stops at its first result that is not 0 and returns that. A cgroup that
 * vanishes on the way is passed over. */
int subtree_visit(int top_fd, size_t most, int (*visit)(int dir_fd, void *owner), void *owner);
