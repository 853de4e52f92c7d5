/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * json_fuzz.c - libFuzzer: whatever is taken must print, and the print must be taken and print the
 * same again.
 *
 * clang -std=gnu17 -D_GNU_SOURCE -I. -g -O1 -fsanitize=fuzzer,address,undefined \
 *	tests/fuzz/json_fuzz.c base/json.c base/json_text.c base/text.c base/error.c -lyajl
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const char *text, size_t length, bool pretty)
{
	cleanup_json struct json *root = NULL;
	cleanup_json struct json *copy = NULL;
	struct error err = { 0 };
	char *printed = NULL;

	if (json_parse(text, length, &root, &err) < 0)
		return NULL;
	copy = json_copy(root);
	if (json_print(copy, pretty, &printed) < 0)
		abort();
	return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *first = print((const char *)data, size, size % 2);
	cleanup_free char *second = NULL;

	/* escapes may make the print larger than what may be parsed */
	if (!first || strlen(first) > JSON_TEXT_MAX)
		return 0;
	second = print(first, strlen(first), size % 2);
	if (!second || strcmp(first, second) != 0)
		abort();
	return 0;
}
