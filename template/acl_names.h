/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * acl_names.h - users and groups that ACLs in an archive name without a number.
 *
 * tar --acls writes names, whatever it was told about numeric owners. They can only be the
 * template's own, and its passwd and group may come last in the archive: so a name is noted when it
 * is met and looked up when everything is unpacked. Both files are the archive's word, read by the
 * confined child and by nobody else (property P07).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct acl_name {
	char *name;
	uint32_t number; /* that stands for it */
	int64_t uid;     /* -1: the template's passwd does not have it */
	int64_t gid;
};

struct acl_names {
	struct acl_name **list; /* by number */
	size_t n;
	void *tree; /* the same by name, tsearch(3): an archive can hold very many ACLs */
};

void acl_names_done(struct acl_names *names);

/* Notes a name and returns a number that stands for it: above all ids, below ACL_UNDEFINED_ID. */
int acl_names_add(struct acl_names *names, const char *name, uint32_t *ret, struct error *err);

/* Does the number stand for a name? */
bool acl_names_is(uint32_t number);

/* Looks all names up in etc/passwd and etc/group below the root; one that is not there knows
 * nobody. */
int acl_names_load(struct acl_names *names, int root_fd, struct error *err);

/* The name's id; -ENOENT if it has none. ret_name is borrowed. */
int acl_names_find(const struct acl_names *names, uint32_t number, bool group, int64_t *ret,
	const char **ret_name);
