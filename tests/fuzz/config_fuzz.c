/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config_fuzz.c - a VE's record, which an operator may edit: what is taken is written so that it is
 * taken again, and from then on written the same (the first time, keys that were not there come
 * last).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "runtime/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The record written anew, or NULL if it is refused. */
static char *rewrite(const char *text, size_t length)
{
	cleanup_json struct json *record = NULL;
	cleanup_json struct json *again = NULL;
	struct ve_config config;
	struct error err = { 0 };
	char *printed = NULL;

	if (json_parse(text, length, &record, &err) < 0 ||
		config_from_json(record, &config, &err) < 0) {
		if (!err.text[0])
			abort(); /* a refusal says why */
		return NULL;
	}
	again = config_to_json(&config);
	if (!again || json_print(again, true, &printed) < 0)
		abort();
	config_done(&config);
	return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *first = rewrite((const char *)data, size);
	cleanup_free char *second = NULL;
	cleanup_free char *third = NULL;

	/* with all keys there it may be larger than what may be parsed */
	if (!first || strlen(first) > JSON_TEXT_MAX - 4096)
		return 0;
	second = rewrite(first, strlen(first));
	third = second ? rewrite(second, strlen(second)) : NULL;
	if (!third || strcmp(second, third) != 0)
		abort();
	return 0;
}
