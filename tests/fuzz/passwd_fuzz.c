/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * passwd_fuzz.c - a VE's /etc/passwd and /etc/group, which are its tenant's: no text of them may
 * give an id that no process may have, nor a word that is not a string.
 *
 * The input is the user, passwd and group, each ended by a 0x01.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/passwd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = strndup((const char *)data, size);
	char *rest = text;
	const char *user = strsep(&rest, "\x01");
	const char *passwd = strsep(&rest, "\x01");
	const char *group = strsep(&rest, "\x01");
	struct account account;
	struct error err = { 0 };

	if (account_find(passwd, group, user, &account, &err) < 0) {
		if (!err.text[0])
			abort();
		return 0;
	}
	if (!account.name || !account.home || !account.shell || account.uid == (uid_t)-1 ||
		account.gid == (gid_t)-1 || account.n_groups > ACCOUNT_GROUPS_MAX)
		abort();
	for (size_t i = 0; i < account.n_groups; i++)
		if (account.groups[i] == (gid_t)-1)
			abort();
	account_done(&account);
	return 0;
}
