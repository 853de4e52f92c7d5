/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * import_report.c - what the confined half of an import says, as far as it is believed.
 *
 * The child may be under an archive's control when it speaks: its text is cleaned, its numbers are
 * checked before they reach a record.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "template/import_child.h"

int import_report_failed(const struct import_report *report, struct error *err)
{
	const struct error *error = &report->error;
	char text[ERROR_TEXT];

	memcpy(text, error->text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	text_clean(text, strlen(text));
	if (error->kind >= ERROR_USAGE && error->kind <= ERROR_DENIED)
		return error_refuse(err, error->kind, "%s", text);
	return error_set(
		err, error->code > 0 && error->code < 4096 ? error->code : EIO, "%s", text);
}

int import_report_done(const struct import_report *report, const struct import_bounds *bounds,
	struct import_result *ret, struct error *err)
{
	const struct import_result *result = &report->result;
	const char *digest = result->digest;

	if (digest[SHA256_TEXT - 1] || strspn(digest, "0123456789abcdef") != SHA256_TEXT - 1)
		return error_set(err, EPROTO, "the import sent no digest");
	if (result->bytes > bounds->bytes || result->entries > bounds->entries ||
		result->bytes > INT64_MAX || result->entries > INT64_MAX) /* JSON has no more */
		return error_set(err, EPROTO, "the import counted more than it may bring");
	*ret = *result;
	return 0;
}
