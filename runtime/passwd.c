/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * passwd.c - a parser of our own: libc's would load the VE's NSS modules (P07).
 *
 * The text is a tenant's. A line counts only if it has all its fields and its numbers are strictly
 * decimal; any other line is as if it were not there.
 */
#include "runtime/passwd.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

enum {
	PASSWD_NAME,
	PASSWD_PASSWORD,
	PASSWD_UID,
	PASSWD_GID,
	PASSWD_GECOS,
	PASSWD_HOME,
	PASSWD_SHELL,
	PASSWD_FIELDS
};
enum { GROUP_NAME, GROUP_PASSWORD, GROUP_GID, GROUP_MEMBERS, GROUP_FIELDS };

struct span {
	const char *start;
	size_t length;
};

#define NUMBER_LENGTH 10 /* digits of the largest id */

static bool span_is(struct span span, const char *word)
{
	return strlen(word) == span.length && memcmp(span.start, word, span.length) == 0;
}

static int span_id(struct span span, uid_t *ret)
{
	char number[NUMBER_LENGTH + 1];

	if (span.length == 0 || span.length > NUMBER_LENGTH)
		return -EINVAL;
	memcpy(number, span.start, span.length);
	number[span.length] = '\0';
	return parse_id(number, ret);
}

static char *span_copy(struct span span, const char *otherwise)
{
	return span.length ? strndup(span.start, span.length) : strdup(otherwise);
}

/* Takes the next line off *rest and splits it at colons into exactly n fields; false at the end of
 * the text. *ret_whole tells whether the number of fields was right. */
static bool next_line(const char **rest, struct span *fields, size_t n, bool *ret_whole)
{
	const char *at = *rest;
	const char *end;
	size_t i = 0;

	if (!at || !*at)
		return false;
	end = at + strcspn(at, "\n");
	*rest = *end ? end + 1 : end;
	for (;;) {
		size_t length = strcspn(at, ":\n");

		if (i < n)
			fields[i] = (struct span){ at, length };
		i++;
		at += length;
		if (at >= end)
			break;
		at++;
	}
	*ret_whole = i == n && fields[0].length > 0;
	return true;
}

/* Finds the entry by name, or by uid where name is NULL. */
static bool passwd_find(const char *text, const char *name, uid_t uid, struct span *fields,
	uid_t *ret_uid, gid_t *ret_gid)
{
	bool whole;

	while (next_line(&text, fields, PASSWD_FIELDS, &whole)) {
		if (!whole || span_id(fields[PASSWD_UID], ret_uid) < 0 ||
			span_id(fields[PASSWD_GID], ret_gid) < 0)
			continue;
		if (name ? span_is(fields[PASSWD_NAME], name) : *ret_uid == uid)
			return true;
	}
	return false;
}

static bool members_have(struct span members, const char *name)
{
	const char *end = members.start + members.length;

	for (const char *at = members.start; at < end;) {
		size_t length = 0;

		while (at + length < end && at[length] != ',')
			length++;
		if (span_is((struct span){ at, length }, name))
			return true;
		at += length + 1;
	}
	return false;
}

static void groups_add(struct account *account, gid_t gid)
{
	for (size_t i = 0; i < account->n_groups; i++)
		if (account->groups[i] == gid)
			return;
	if (account->n_groups < ARRAY_SIZE(account->groups))
		account->groups[account->n_groups++] = gid;
}

static void groups_find(const char *text, struct account *account)
{
	struct span fields[GROUP_FIELDS];
	bool whole;
	gid_t gid;

	while (next_line(&text, fields, GROUP_FIELDS, &whole))
		if (whole && span_id(fields[GROUP_GID], &gid) == 0 &&
			members_have(fields[GROUP_MEMBERS], account->name))
			groups_add(account, gid);
}

/* "uid", "uid:gid": 1 with a gid, 0 without, -EINVAL for anything else. */
static int parse_numbers(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	size_t length = strcspn(user, ":");
	int r = span_id((struct span){ user, length }, ret_uid);

	if (r < 0 || user[length] == '\0')
		return r;
	r = parse_id(user + length + 1, ret_gid);
	return r < 0 ? r : 1;
}

static int account_fill(
	struct account *account, const struct span *fields, bool found, struct error *err)
{
	static const struct span none;

	account->name = span_copy(found ? fields[PASSWD_NAME] : none, "");
	account->home = span_copy(found ? fields[PASSWD_HOME] : none, "/");
	account->shell = span_copy(found ? fields[PASSWD_SHELL] : none, "/bin/sh");
	if (!account->name || !account->home || !account->shell)
		return error_memory(err);
	return 0;
}

int account_find(const char *passwd, const char *group, const char *user, struct account *ret,
	struct error *err)
{
	struct account account = { 0 };
	struct span fields[PASSWD_FIELDS] = { 0 };
	bool numeric = !user || isdigit((unsigned char)*user);
	gid_t asked_gid = 0, gid = 0;
	uid_t uid = 0;
	int with_gid = user && numeric ? parse_numbers(user, &uid, &asked_gid) : 0;
	bool found;
	int r;

	if (with_gid < 0)
		return error_refuse(err, ERROR_USAGE, "bad user '%s' (NAME, UID or UID:GID)", user);
	account.uid = uid;
	account.gid = (gid_t)uid;
	found = passwd_find(passwd, numeric ? NULL : user, uid, fields, &uid, &gid);
	if (!found && !numeric)
		return error_refuse(err, ERROR_NOT_FOUND, "no user '%s' in the VE", user);
	if (found) {
		account.uid = uid;
		account.gid = gid;
	}
	if (with_gid)
		account.gid = asked_gid;
	r = account_fill(&account, fields, found, err);
	if (r < 0) {
		account_done(&account);
		return r;
	}
	groups_add(&account, account.gid);
	if (found && !with_gid)
		groups_find(group, &account);
	*ret = account;
	return 0;
}

void account_done(struct account *account)
{
	free(account->name);
	free(account->home);
	free(account->shell);
	*account = (struct account){ 0 };
}
