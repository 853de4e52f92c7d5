/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * meta.c - ids, mode, times and extended attributes of an entry.
 *
 * The order in meta_apply() is the kernel's: a change of owner clears set-id bits and file
 * capabilities, a change of mode rewrites an ACL's mask, and each of them moves the times.
 */
#include "template/meta.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/array.h"
#include "base/error.h"
#include "template/acl.h"
#include "template/policy.h"

#define XATTRS_MAX 64 /* of one file; real ones have two or three */

/* Takes name and value, also on failure. */
static int meta_add(struct meta *meta, const char *path, struct meta_xattr xattr, struct error *err)
{
	struct meta_xattr *grown = NULL;
	int r = 0;

	if (meta->n_xattrs == XATTRS_MAX)
		r = policy_refuse(path, err, "has too many xattrs");
	else if (xattr.name && (xattr.value || xattr.size == 0))
		grown = reallocarray(meta->xattrs, meta->n_xattrs + 1, sizeof(*grown));
	if (!grown) {
		free(xattr.name);
		free(xattr.value);
		return r < 0 ? r : error_memory(err);
	}
	grown[meta->n_xattrs++] = xattr;
	meta->xattrs = grown;
	return 0;
}

static void *copy(const void *data, size_t size)
{
	void *ret = malloc(size ? size : 1);

	if (ret && size)
		memcpy(ret, data, size);
	return ret;
}

/* clang-format off */
static const struct {
	int type;
	const char *name;
} acls[] = {
	{ ARCHIVE_ENTRY_ACL_TYPE_ACCESS,  ACL_XATTR_ACCESS  },
	{ ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, ACL_XATTR_DEFAULT },
};
/* clang-format on */

static bool is_acl(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(acls); i++)
		if (strcmp(name, acls[i].name) == 0)
			return true;
	return false;
}

static int add_xattrs(struct meta *meta, const struct policy *policy, const char *path,
	struct archive_entry *entry, struct error *err)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		struct meta_xattr xattr = { .size = size };
		int r = policy_xattr(path, name, size, err);

		if (r < 0)
			return r;
		xattr.name = strdup(name);
		xattr.value = copy(value, size);
		r = meta_add(meta, path, xattr, err);
		if (r == 0 && is_acl(name))
			r = acl_check(
				policy, path, meta->xattrs[meta->n_xattrs - 1].value, size, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_acls(struct meta *meta, const struct policy *policy, const char *path,
	struct archive_entry *entry, struct error *err)
{
	if (archive_entry_acl_types(entry) & ARCHIVE_ENTRY_ACL_TYPE_NFS4)
		return policy_refuse(path, err, "an NFSv4 ACL cannot be kept");
	for (size_t i = 0; i < ARRAY_SIZE(acls); i++) {
		struct meta_xattr xattr = { 0 };
		int r = acl_encode(
			policy, path, entry, acls[i].type, &xattr.value, &xattr.size, err);

		if (r < 0)
			return r;
		if (!xattr.value)
			continue;
		meta->has_names |= r > 0;
		xattr.name = strdup(acls[i].name);
		r = meta_add(meta, path, xattr, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* An archive without access time says nothing better than the time of the last change. */
static void add_times(struct meta *meta, struct archive_entry *entry)
{
	meta->times[1].tv_sec = archive_entry_mtime(entry);
	meta->times[1].tv_nsec = archive_entry_mtime_nsec(entry);
	meta->times[0] = meta->times[1];
	if (archive_entry_atime_is_set(entry)) {
		meta->times[0].tv_sec = archive_entry_atime(entry);
		meta->times[0].tv_nsec = archive_entry_atime_nsec(entry);
	}
}

int meta_init(struct meta *meta, const struct policy *policy, const char *path,
	struct archive_entry *entry, struct error *err)
{
	int r;

	*meta = (struct meta){ .mode = archive_entry_perm(entry) & 07777 };
	add_times(meta, entry);
	r = policy_id(policy, path, archive_entry_uid(entry), &meta->uid, err);
	if (r == 0)
		r = policy_id(policy, path, archive_entry_gid(entry), &meta->gid, err);
	if (r == 0)
		r = add_xattrs(meta, policy, path, entry, err);
	if (r == 0)
		r = add_acls(meta, policy, path, entry, err);
	if (r < 0)
		meta_done(meta);
	return r;
}

void meta_done(struct meta *meta)
{
	for (size_t i = 0; i < meta->n_xattrs; i++) {
		free(meta->xattrs[i].name);
		free(meta->xattrs[i].value);
	}
	free(meta->xattrs);
	meta->xattrs = NULL;
	meta->n_xattrs = 0;
}

int meta_resolve(
	struct meta *meta, const struct policy *policy, const char *path, struct error *err)
{
	for (size_t i = 0; meta->has_names && i < meta->n_xattrs; i++) {
		struct meta_xattr *xattr = &meta->xattrs[i];
		int r = is_acl(xattr->name)
				? acl_resolve(policy, path, xattr->value, xattr->size, err)
				: 0;

		if (r < 0)
			return r;
	}
	meta->has_names = false;
	return 0;
}

static int apply_xattr(const struct meta_xattr *xattr, int fd, const char *path, struct error *err)
{
	char shown[POLICY_SHOWN];

	if (fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0) == 0)
		return 0;
	if (errno == EINVAL || errno == EPERM || errno == EACCES) /* the value makes no sense */
		return policy_refuse(
			path, err, "the kernel does not take the xattr %.64s", xattr->name);
	return error_sys(
		err, "cannot set the xattr %.64s of %s", xattr->name, policy_shown(path, shown));
}

int meta_apply(const struct meta *meta, int fd, const char *path, struct error *err)
{
	char shown[POLICY_SHOWN];

	/* A new file belongs to 0:0, which saves most entries a call. */
	if ((meta->uid || meta->gid) && fchown(fd, meta->uid, meta->gid) < 0)
		return error_sys(err, "cannot give %s its owner", policy_shown(path, shown));
	if (fchmod(fd, meta->mode) < 0)
		return error_sys(err, "cannot give %s its mode", policy_shown(path, shown));
	for (size_t i = 0; i < meta->n_xattrs; i++) {
		int r = apply_xattr(&meta->xattrs[i], fd, path, err);

		if (r < 0)
			return r;
	}
	if (futimens(fd, meta->times) < 0)
		return error_sys(err, "cannot give %s its time", policy_shown(path, shown));
	return 0;
}

int meta_apply_symlink(
	const struct meta *meta, int dir_fd, const char *name, const char *path, struct error *err)
{
	char shown[POLICY_SHOWN];

	if (meta->n_xattrs > 0)
		return policy_refuse(
			path, err, "a symlink cannot have the xattr %.64s", meta->xattrs[0].name);
	if ((meta->uid || meta->gid) &&
		fchownat(dir_fd, name, meta->uid, meta->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, "cannot give %s its owner", policy_shown(path, shown));
	if (utimensat(dir_fd, name, meta->times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, "cannot give %s its time", policy_shown(path, shown));
	return 0;
}
