/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * policy.h - what an archive may hold: names, types, ids, attributes, amounts.
 *
 * Rules only: nothing here touches a file, so all of it is tested without privilege. A refusal is
 * ERROR_USAGE and names the entry.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "template/import.h"

struct acl_names;
struct error;

#define POLICY_PATH  4096 /* the kernel's bound for one path, NUL included */
#define POLICY_SHOWN 256  /* an entry's name inside an error's text */

struct policy {
	struct import_bounds bounds;
	bool squash_ids;
	struct acl_names *acl_names; /* borrowed; where ACLs' names are noted */
	uint64_t bytes;              /* of file content so far */
	uint64_t entries;            /* so far */
};

/* The name as it is to be printed: what is no text becomes '?', a long one is cut. */
const char *policy_shown(const char *name, char ret[POLICY_SHOWN]);

/* A refusal of the entry: "archive entry NAME: " and the reason. Returns -EINVAL. */
int policy_refuse(const char *path, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "./usr//bin/" becomes "usr/bin", "./" becomes ".". Refused: an absolute name, "..", an empty
 * name, and what no file system takes. */
int policy_path(const char *name, char ret[POLICY_PATH], struct error *err);

/* Only regular files, directories, symlinks and fifos are made. The device nodes that every
 * distribution's /dev has are skipped (a VE's own /dev is mounted over them); others refused. */
int policy_type(const char *path, mode_t type, dev_t device, bool *ret_skip, struct error *err);

/* May an entry of type `type` take the place of what is there already? */
int policy_replace(const char *path, mode_t old_type, mode_t type, struct error *err);

int policy_id(
	const struct policy *policy, const char *path, int64_t id, uid_t *ret, struct error *err);

int policy_xattr(const char *path, const char *name, size_t size, struct error *err);

/* Counts one entry with `size` bytes of content. */
int policy_count(struct policy *policy, const char *path, uint64_t size, struct error *err);

/* Asked for every piece of the stream: is it still in proportion to what was read? */
int policy_ratio(
	const struct policy *policy, uint64_t packed, uint64_t unpacked, struct error *err);
