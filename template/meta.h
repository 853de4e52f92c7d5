/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * meta.h - what an entry says of its file besides name and content: ids, mode, times, attributes.
 *
 * A copy, because a directory's is put on when everything below it is there: a default ACL, a
 * set-group-id bit or a missing write bit would change what is made inside, and each new file the
 * directory's time. A file whose ACL holds names waits too, for the files that know the names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct archive_entry;
struct error;
struct policy;

struct meta_xattr {
	char *name;
	void *value;
	size_t size;
};

struct meta {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permissions with the special bits, no type */
	struct timespec times[2];
	struct meta_xattr *xattrs;
	size_t n_xattrs;
	bool has_names; /* in an ACL: to be resolved before it is put on */
};

/* Checked against the policy. On failure nothing is owned. */
int meta_init(struct meta *meta, const struct policy *policy, const char *path,
	struct archive_entry *entry, struct error *err);
void meta_done(struct meta *meta);
#define cleanup_meta __attribute__((cleanup(meta_done)))

/* Looks the names up that its ACLs hold. */
int meta_resolve(
	struct meta *meta, const struct policy *policy, const char *path, struct error *err);

/* Puts all of it on an open file, directory or fifo. */
int meta_apply(const struct meta *meta, int fd, const char *path, struct error *err);

/* Puts ids and times on a symlink, which can have nothing else. */
int meta_apply_symlink(
	const struct meta *meta, int dir_fd, const char *name, const char *path, struct error *err);
