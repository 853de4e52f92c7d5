/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * passwd.h - who a user of a VE is, from the text of its /etc/passwd and /etc/group.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct error;

#define ACCOUNT_GROUPS_MAX 256

struct account {
	char *name, *home, *shell; /* never NULL; name is "" where a number has no entry */
	uid_t uid;
	gid_t gid;
	gid_t groups[ACCOUNT_GROUPS_MAX]; /* supplementary, the first one included */
	size_t n_groups;
};

/* `user` is a name, a number, or two numbers "uid:gid" (then with no further group); NULL is 0.
 * Digits are always a number, never a name (CVE-2016-3697). Texts may be NULL (no such file); what
 * does not parse in them is passed over. An unknown name is ERROR_NOT_FOUND. A number without an
 * entry is its own group, lives in / and has /bin/sh. */
int account_find(const char *passwd, const char *group, const char *user, struct account *ret,
	struct error *err);
void account_done(struct account *account);
