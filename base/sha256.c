/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sha256.c - a digest in the hexadecimal form that layers are named by.
 */
#include "sha256.h"

#include <stdint.h>

void sha256_text(struct sha256_ctx *context, char ret[SHA256_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[SHA256_TEXT - 1] = '\0';
}
