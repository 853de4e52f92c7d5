/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * acl.h - POSIX ACLs in the form that the kernel takes as an extended attribute.
 *
 * Archives bring them in two forms: as text (SCHILY.acl.*, which libarchive parses) and as the
 * raw attribute (SCHILY.xattr.system.posix_acl_*). Either way the ids inside obey the same rule as
 * the ids of files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive_entry;
struct error;
struct policy;

#define ACL_XATTR_ACCESS  "system.posix_acl_access"
#define ACL_XATTR_DEFAULT "system.posix_acl_default"

/* Encodes the entry's ACL of libarchive's type (ARCHIVE_ENTRY_ACL_TYPE_ACCESS or _DEFAULT). *ret
 * is owned by the caller, and NULL if the entry has none beyond its mode. Returns 1
 * if users or groups have only a name: these are noted in policy->acl_names, and acl_resolve() puts
 * their ids in later. */
int acl_encode(const struct policy *policy, const char *path, struct archive_entry *entry, int type,
	void **ret, size_t *ret_size, struct error *err);

/* Checks, and with squashing changes, the ids in an attribute that came raw. */
int acl_check(
	const struct policy *policy, const char *path, void *data, size_t size, struct error *err);

int acl_resolve(
	const struct policy *policy, const char *path, void *data, size_t size, struct error *err);
