/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting.c - the table of a VE's settings, and what is done with one value of each type.
 *
 * A new setting is one row here and one member of struct settings. Ranges are checked at every
 * entrance: the command line, a plan, and a record that an operator has edited.
 */
#include "setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "runtime/setting_type.h"

#define MIB       (UINT64_C(1) << 20)
#define SIZE_TOP  (UINT64_C(1) << 60) /* fits JSON's integers and the kernel's page counters */
#define CPUS_TOP  8192000             /* NR_CPUS_MAX of x86, in thousandths */
#define PIDS_TOP  (UINT64_C(1) << 22) /* PID_MAX_LIMIT */
#define PTYS_TOP  4096                /* kernel.pty.max: one pool for the host */
#define STOP_TOP  86400
#define CONNS_TOP (UINT64_C(1) << 20) /* each new one costs a walk over those there are */
#define KILOBIT   UINT64_C(1000)
#define GIGABIT   UINT64_C(1000000000)
#define PATH_TOP  1023
#define HOST_TOP  64 /* __NEW_UTS_LEN */
#define SENTENCE  1024
#define LIST_TEXT 32768

static const char *const autostart_words[] = {
	[AUTOSTART_NO] = "no",
	[AUTOSTART_YES] = "yes",
	[AUTOSTART_LAST] = "last",
};

static const char *const profile_words[] = {
	[PROFILE_DEFAULT] = "default",
	[PROFILE_NESTING] = "nesting",
};
_Static_assert(ARRAY_SIZE(profile_words) == PROFILES, "every profile has a word");

static const char *const net_words[] = {
	[NET_NONE] = "none",
	[NET_ROUTED] = "routed",
};

static const char *const ip_words[] = { "auto" };
static const char *const dns_words[] = { "host" };

/* An absolute path without "." and "..": it is resolved inside the VE, but shown to people. */
static bool path_valid(const char *text)
{
	size_t length;

	if (*text != '/')
		return false;
	for (const char *at = text; *at == '/'; at += length) {
		length = strcspn(++at, "/");
		if (length == 0 || strncmp(at, "..", length) == 0)
			return false; /* "", "." and "..": both are beginnings of ".." */
	}
	return true;
}

bool hostname_valid(const char *text)
{
	char before = '.';

	for (; *text; before = *text++) {
		bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			      (*text >= '0' && *text <= '9');

		if (!letter && *text != '.' && *text != '-')
			return false;
		if (!letter && (before == '.' || (*text == '.' && before == '-')))
			return false;
	}
	return before != '.' && before != '-';
}

#define LIMIT(id)      offsetof(struct settings, limits.value[id])
#define MEMBER(m)      offsetof(struct settings, m)
#define WORDS(w)       .words = (w), .n_words = ARRAY_SIZE(w), .max = ARRAY_SIZE(w) - 1
#define RANGE(lo, top) .min = (lo), .max = (top)
#define LIST(items)    .count = MEMBER(n_##items), .max = LIST_TEXT
#define OR(flag, w)    .word = MEMBER(flag), .words = (w), .n_words = 1

/* clang-format off */
const struct setting settings_table[] = {
	{ "cpus", SETTING_CPUS, true, true, LIMIT(LIMIT_CPUS), RANGE(50, CPUS_TOP),
	  .limit = LIMIT_CPUS, .arg = "CPUS", .help = "CPU time, e.g. 1.5; from 0.05" },
	{ "cpu-weight", SETTING_COUNT, true, false, LIMIT(LIMIT_CPU_WEIGHT), RANGE(1, 10000),
	  .limit = LIMIT_CPU_WEIGHT, .arg = "N", .help = "share of contended CPU, 100 is ordinary" },
	{ "memory", SETTING_SIZE, true, true, LIMIT(LIMIT_MEMORY), RANGE(4 * MIB, SIZE_TOP),
	  .limit = LIMIT_MEMORY, .arg = "SIZE", .help = "RAM, e.g. 512M" },
	{ "swap", SETTING_SIZE, true, true, LIMIT(LIMIT_SWAP), RANGE(0, SIZE_TOP),
	  .limit = LIMIT_SWAP, .arg = "SIZE", .help = "swap on top of memory, e.g. 1G" },
	{ "pids", SETTING_COUNT, true, true, LIMIT(LIMIT_PIDS), RANGE(1, PIDS_TOP),
	  .limit = LIMIT_PIDS, .arg = "N", .help = "processes and threads" },
	{ "ptys", SETTING_COUNT, false, false, MEMBER(ptys), RANGE(2, PTYS_TOP),
	  .limit = -1, .arg = "N", .help = "pseudo terminals, of the host's kernel.pty.max" },
	{ "init", SETTING_STRING, false, false, MEMBER(init), RANGE(2, PATH_TOP),
	  .limit = -1, .valid = path_valid, .arg = "PATH", .help = "program run as the VE's init" },
	{ "hostname", SETTING_STRING, false, true, MEMBER(hostname), RANGE(1, HOST_TOP),
	  .limit = -1, .valid = hostname_valid, .arg = "NAME", .help = "host name; none: the VE's name" },
	{ "autostart", SETTING_WORD, true, false, MEMBER(autostart), WORDS(autostart_words),
	  .limit = -1, .arg = "no|yes|last", .help = "started with the host; last: if it ran before" },
	{ "protect", SETTING_BOOL, true, false, MEMBER(protect),
	  .limit = -1, .arg = "yes|no", .help = "refuse to destroy it" },
	{ "disabled", SETTING_BOOL, true, false, MEMBER(disabled),
	  .limit = -1, .arg = "yes|no", .help = "refuse to start it" },
	{ "description", SETTING_STRING, true, true, MEMBER(description), RANGE(0, SENTENCE),
	  .limit = -1, .arg = "TEXT", .help = "a line about the VE" },
	{ "label", SETTING_LABELS, true, true, MEMBER(labels), RANGE(0, LIST_TEXT),
	  .limit = -1, .arg = "K=V,...", .help = "labels; +K=V adds, -K removes" },
	{ "stop-timeout", SETTING_SECONDS, true, false, MEMBER(stop_timeout), RANGE(0, STOP_TOP),
	  .limit = -1, .arg = "SECONDS", .help = "how long stop waits before it forces" },
	{ "profile", SETTING_WORD, false, false, MEMBER(profile), WORDS(profile_words),
	  .limit = -1, .arg = "default|nesting", .help = "nesting: for containers inside the VE" },
	{ "net", SETTING_WORD, false, false, MEMBER(net), WORDS(net_words),
	  .limit = -1, .arg = "routed|none", .help = "how it is connected" },
	{ "ip", SETTING_ADDRESSES, true, true, MEMBER(ips), LIST(ips), OR(ip_auto, ip_words),
	  .limit = -1, .arg = "ADDR,...", .help = "addresses; auto: of the instance's ranges" },
	{ "dns", SETTING_ADDRESSES, false, true, MEMBER(dns), LIST(dns), OR(dns_host, dns_words),
	  .limit = -1, .arg = "ADDR,...", .help = "name servers; host: those of the host" },
	{ "search", SETTING_DOMAINS, false, true, MEMBER(search), LIST(search),
	  .limit = -1, .arg = "DOMAIN,...", .help = "domains that short names are looked up in" },
	{ "publish", SETTING_PUBLISHED, true, true, MEMBER(published), LIST(published),
	  .limit = -1, .arg = "[HOSTADDR:]PORT:PORT[/udp],...", .help = "ports of the host that lead to its own" },
	{ "nat", SETTING_BOOL, true, false, MEMBER(nat),
	  .limit = -1, .arg = "yes|no", .help = "private addresses leave the host as the host's" },
	{ "isolate", SETTING_BOOL, true, false, MEMBER(isolate),
	  .limit = -1, .arg = "yes|no", .help = "neither to nor from other VEs" },
	{ "connections", SETTING_COUNT, true, true, MEMBER(connections), RANGE(16, CONNS_TOP),
	  .limit = -1, .arg = "N", .help = "connections at once" },
	{ "rate-in", SETTING_RATE, true, true, MEMBER(rate_in), RANGE(8 * KILOBIT, 100 * GIGABIT),
	  .limit = -1, .arg = "RATE", .help = "bits a second to the VE, e.g. 100M" },
	{ "rate-out", SETTING_RATE, true, true, MEMBER(rate_out), RANGE(8 * KILOBIT, 100 * GIGABIT),
	  .limit = -1, .arg = "RATE", .help = "bits a second from the VE, e.g. 100M" },
};
/* clang-format on */

const size_t settings_count = ARRAY_SIZE(settings_table);
_Static_assert(ARRAY_SIZE(settings_table) <= 63, "a mask of rows fits JSON's integers");

const struct setting *setting_find(const char *name)
{
	for (size_t i = 0; i < settings_count; i++)
		if (strcmp(settings_table[i].name, name) == 0)
			return &settings_table[i];
	return NULL;
}

size_t setting_index(const struct setting *row)
{
	return (size_t)(row - settings_table);
}

int settings_init(struct settings *s, struct error *err)
{
	*s = (struct settings){
		.limits.value = {
			[LIMIT_CPUS] = PARSE_NONE,
			[LIMIT_CPU_WEIGHT] = 100,
			[LIMIT_MEMORY] = 1024 * MIB,
			[LIMIT_SWAP] = 0,
			[LIMIT_PIDS] = 1024,
		},
		.ptys = 256,
		.init = strdup("/sbin/init"),
		.autostart = AUTOSTART_LAST,
		.profile = PROFILE_DEFAULT,
		.description = strdup(""),
		.stop_timeout = 120,
		.net = NET_ROUTED,
		.ip_auto = true,
		.dns_host = true,
		.nat = true,
		.connections = 4096,
		.rate_in = PARSE_NONE,
		.rate_out = PARSE_NONE,
	};
	if (s->init && s->description)
		return 0;
	settings_done(s);
	return error_memory(err);
}

void settings_done(struct settings *s)
{
	free(s->init);
	free(s->hostname);
	free(s->description);
	labels_done(s);
	lists_done(s);
	*s = (struct settings){ 0 };
}

int settings_copy(struct settings *to, const struct settings *from, struct error *err)
{
	struct settings copy = *from;

	copy.init = copy.hostname = copy.description = NULL;
	copy.labels = NULL;
	copy.n_labels = 0;
	lists_forget(&copy);
	if (text_copy(&copy.init, from->init) < 0 ||
		text_copy(&copy.hostname, from->hostname) < 0 ||
		text_copy(&copy.description, from->description) < 0 ||
		labels_copy(&copy, from, err) < 0 || lists_copy(&copy, from, err) < 0) {
		settings_done(&copy);
		return error_memory(err);
	}
	*to = copy;
	return 0;
}

int setting_bad(const struct setting *row, const char *text, struct error *err)
{
	return error_refuse(err, ERROR_USAGE, "bad value '%s' for %s (%s: %s)", text, row->name,
		row->arg, row->help);
}

static const char *number_format(
	const struct setting *row, uint64_t value, char buffer[FORMAT_SIZE])
{
	if (row->type == SETTING_WORD)
		return row->words[value];
	if (row->type == SETTING_SIZE)
		return format_size(value, buffer);
	if (row->type == SETTING_CPUS)
		return format_thousandths(value, buffer);
	if (row->type == SETTING_RATE)
		return format_rate(value, buffer);
	if (value == PARSE_NONE)
		return "none";
	snprintf(buffer, FORMAT_SIZE, "%ju", (uintmax_t)value);
	return buffer;
}

int setting_put_number(struct settings *s, const struct setting *row, uint64_t value,
	const char *text, struct error *err)
{
	char low[FORMAT_SIZE], top[FORMAT_SIZE];

	if (value == PARSE_NONE && !row->may_none)
		return setting_bad(row, text, err);
	if (value != PARSE_NONE && (value < row->min || value > row->max))
		return error_refuse(err, ERROR_USAGE, "%s %s is out of range (%s to %s)", row->name,
			text, number_format(row, row->min, low), number_format(row, row->max, top));
	*setting_number(s, row) = value;
	return 0;
}

static int parse_number(
	struct settings *s, const struct setting *row, const char *text, struct error *err)
{
	static int (*const parsers[])(const char *text, uint64_t *ret) = {
		[SETTING_CPUS] = parse_thousandths,
		[SETTING_SIZE] = parse_size,
		[SETTING_COUNT] = parse_count,
		[SETTING_SECONDS] = parse_count,
		[SETTING_RATE] = parse_rate,
	};
	uint64_t value = PARSE_NONE;
	int r;

	if (strcmp(text, "none") == 0)
		return setting_put_number(s, row, PARSE_NONE, text, err);
	r = parsers[row->type](text, &value);
	if (r == -ERANGE)
		value = PARSE_NONE - 1; /* too large for 64 bits: above every row's range */
	else if (r < 0)
		return setting_bad(row, text, err);
	return setting_put_number(s, row, value, text, err);
}

static int parse_flag(
	struct settings *s, const struct setting *row, const char *text, struct error *err)
{
	if (parse_bool(text, setting_flag(s, row)) < 0)
		return setting_bad(row, text, err);
	return 0;
}

static int parse_word(
	struct settings *s, const struct setting *row, const char *text, struct error *err)
{
	for (size_t i = 0; i < row->n_words; i++)
		if (strcmp(row->words[i], text) == 0) {
			*setting_number(s, row) = i;
			return 0;
		}
	return setting_bad(row, text, err);
}

/* "none" is NULL where the row has a least length, and the empty string where it has not. */
static int parse_string(
	struct settings *s, const struct setting *row, const char *text, struct error *err)
{
	bool none = row->may_none && strcmp(text, "none") == 0;
	char **place = setting_text(s, row);
	char *copy = NULL;

	if (none && row->min == 0)
		text = "";
	if (!string_clean(text, row->max))
		return error_refuse(err, ERROR_USAGE,
			"bad value for %s: control characters, or more than %ju bytes", row->name,
			(uintmax_t)row->max);
	if (!(none && row->min > 0)) {
		if (strlen(text) < row->min || (row->valid && !row->valid(text)))
			return setting_bad(row, text, err);
		copy = strdup(text);
		if (!copy)
			return error_memory(err);
	}
	free(*place);
	*place = copy;
	return 0;
}

int setting_parse(
	struct settings *s, const struct setting *row, const char *text, struct error *err)
{
	static int (*const parsers[])(struct settings * s, const struct setting *row,
		const char *text, struct error *err) = {
		[SETTING_CPUS] = parse_number,
		[SETTING_SIZE] = parse_number,
		[SETTING_COUNT] = parse_number,
		[SETTING_SECONDS] = parse_number,
		[SETTING_BOOL] = parse_flag,
		[SETTING_WORD] = parse_word,
		[SETTING_STRING] = parse_string,
		[SETTING_LABELS] = labels_parse,
		[SETTING_RATE] = parse_number,
		[SETTING_ADDRESSES] = list_parse,
		[SETTING_DOMAINS] = list_parse,
		[SETTING_PUBLISHED] = list_parse,
	};

	return parsers[row->type](s, row, text, err);
}

static bool word_of_its_own(const struct setting *row, const char *text)
{
	for (size_t i = 0; i < row->n_words; i++)
		if (strcmp(row->words[i], text) == 0)
			return true;
	return false;
}

/* What "default" means: the plan's value, which nobody has asked for. */
static int take_default(struct settings *s, const struct setting *row, const struct settings *plan,
	struct error *err)
{
	struct settings builtin = { 0 };
	cleanup_free char *text = NULL;
	int r = 0;

	if (!plan)
		r = settings_init(&builtin, err);
	if (r == 0) {
		text = setting_format(plan ? plan : &builtin, row);
		r = text ? setting_parse(s, row, text, err) : error_memory(err);
	}
	if (r == 0)
		s->asked &= ~(UINT64_C(1) << setting_index(row));
	settings_done(&builtin);
	return r;
}

int setting_set(struct settings *s, const struct setting *row, const char *text,
	const struct settings *plan, struct error *err)
{
	int r;

	if (strcmp(text, "default") == 0 && !word_of_its_own(row, text))
		return take_default(s, row, plan, err);
	r = setting_parse(s, row, text, err);
	if (r == 0)
		s->asked |= UINT64_C(1) << setting_index(row);
	return r;
}

char *setting_format(const struct settings *s, const struct setting *row)
{
	char buffer[FORMAT_SIZE];
	const char *text;

	if (row->type == SETTING_LABELS)
		return labels_format(s);
	if (setting_is_list(row))
		return list_format(s, row);
	if (row->type == SETTING_BOOL)
		return strdup(*setting_flag(s, row) ? "yes" : "no");
	if (row->type != SETTING_STRING)
		return strdup(number_format(row, *setting_number(s, row), buffer));
	text = *setting_text(s, row);
	return strdup(text && *text ? text : "none");
}

bool setting_equal(const struct settings *a, const struct settings *b, const struct setting *row)
{
	const char *left, *right;

	if (row->type == SETTING_LABELS)
		return labels_equal(a, b);
	if (setting_is_list(row))
		return list_equal(a, b, row);
	if (row->type == SETTING_BOOL)
		return *setting_flag(a, row) == *setting_flag(b, row);
	if (row->type != SETTING_STRING)
		return *setting_number(a, row) == *setting_number(b, row);
	left = *setting_text(a, row);
	right = *setting_text(b, row);
	return strcmp(left ? left : "", right ? right : "") == 0;
}
