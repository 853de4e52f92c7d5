/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * import_child.c - the confined half of an import: unpacks, and reports.
 */
#include "template/import_child.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "template/acl_names.h"
#include "template/policy.h"
#include "template/sandbox.h"
#include "template/stream.h"
#include "template/unpack.h"

#define PROGRESS_MILLISECONDS 100

/* A lost parent means that nobody wants the layer any more. */
static void send_report(const struct import_report *report, int flags)
{
	ssize_t n = send(SANDBOX_REPORT_FD, report, sizeof(*report), flags | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
		_exit(1);
}

static void send_progress(const struct stream *stream, int64_t *last)
{
	struct import_report report = { .type = IMPORT_PROGRESS };
	struct timespec now;
	int64_t milliseconds;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	milliseconds = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (milliseconds < *last + PROGRESS_MILLISECONDS)
		return;
	*last = milliseconds;
	report.read = stream_packed(stream);
	report.entries = stream->policy->entries;
	send_report(&report, MSG_DONTWAIT); /* a busy parent misses one */
}

/* A warning that a name is not of this locale is none: names are bytes, and libarchive then keeps
 * them as they are. Any other warning means that something would be lost. */
static int next_entry(struct stream *stream, struct archive_entry **ret)
{
	int r = archive_read_next_header(stream->tar, ret);
	bool charset = r == ARCHIVE_WARN && archive_errno(stream->tar) == EILSEQ;

	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_OK || charset)
		return 1;
	return stream_error(stream, r == ARCHIVE_WARN ? archive_entry_pathname(*ret) : NULL);
}

static int unpack_all(struct stream *stream, struct unpack *unpack, struct error *err)
{
	struct archive_entry *entry;
	int64_t last = 0;
	int r;

	while ((r = next_entry(stream, &entry)) > 0) {
		send_progress(stream, &last);
		r = unpack_entry(unpack, stream->tar, entry, err);
		if (r < 0)
			return err->code ? r : stream_error(stream, archive_entry_pathname(entry));
	}
	return r < 0 ? r : unpack_finish(unpack, err);
}

static int unpack_stream(struct policy *policy, struct import_result *ret, struct error *err)
{
	struct acl_names names = { 0 };
	struct unpack unpack;
	struct stream stream;
	int r;

	policy->acl_names = &names;
	unpack_init(&unpack, SANDBOX_LAYER_FD, policy);
	r = stream_open(&stream, SANDBOX_ARCHIVE_FD, policy, err);
	if (r == 0)
		r = unpack_all(&stream, &unpack, err);
	if (r == 0)
		r = stream_finish(&stream, ret->digest);
	stream_done(&stream);
	unpack_done(&unpack);
	acl_names_done(&names);
	policy->acl_names = NULL;
	ret->bytes = policy->bytes;
	ret->entries = policy->entries;
	return r;
}

/* The order: namespace, word to the parent, its answer. End of file instead: it is gone. */
static int enter(int archive_fd, int report_fd, int layer_fd, struct error *err)
{
	struct import_report ready = { .type = IMPORT_READY };
	char go;
	int r = sandbox_prepare(archive_fd, report_fd, layer_fd, err);

	if (r < 0)
		return r;
	send_report(&ready, 0);
	if (recv(SANDBOX_REPORT_FD, &go, sizeof(go), 0) != sizeof(go))
		_exit(1);
	return sandbox_enter(err);
}

void import_child(int archive_fd, int report_fd, int layer_fd, const struct import_bounds *bounds,
	bool squash_ids)
{
	struct policy policy = { .bounds = *bounds, .squash_ids = squash_ids };
	struct import_report report = { .type = IMPORT_DONE };
	int r;

	setlocale(LC_ALL, "C"); /* names are bytes: another locale would change them */
	r = enter(archive_fd, report_fd, layer_fd, &report.error);
	if (r == 0)
		r = unpack_stream(&policy, &report.result, &report.error);
	if (r < 0)
		report.type = IMPORT_FAILED;
	send_report(&report, 0);
	_exit(0);
}
