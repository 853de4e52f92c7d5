/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sha256.h - the digest of a stream, by nettle (which libarchive brings along).
 */
#pragma once

#include <nettle/sha2.h>
#include <stddef.h>

#define SHA256_TEXT 65 /* 64 hex digits and NUL */

void sha256_text(struct sha256_ctx *context, char ret[SHA256_TEXT]);
