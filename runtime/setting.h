/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting.h - the table of a VE's settings.
 *
 * One row is one setting: command-line option, plan key and key in config.json (JSON output has `_`
 * for `-`). Parsing, printing, help, the man page test and the interface test read this table. A
 * limit's row points at cgroup/'s row.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"
#include "cgroup/limit.h"
#include "runtime/setting_net.h"

struct error;
struct json;

enum setting_type {
	SETTING_CPUS,    /* thousandths of a CPU, or PARSE_NONE */
	SETTING_SIZE,    /* bytes, or PARSE_NONE */
	SETTING_COUNT,   /* a number, PARSE_NONE where the row allows it */
	SETTING_SECONDS, /* a number of seconds */
	SETTING_BOOL,
	SETTING_WORD,   /* one of row->words, kept as its index */
	SETTING_STRING, /* at most row->max bytes; none is NULL, or "" where the row may be empty */
	SETTING_LABELS, /* K=V,... with +K=V and -K */
	SETTING_RATE,   /* bits a second, or PARSE_NONE */
	/* Lists, with +ITEM and -ITEM: items one after another at `offset`. */
	SETTING_ADDRESSES, /* struct ip */
	SETTING_DOMAINS,   /* char * */
	SETTING_PUBLISHED, /* struct published */
};

enum autostart { AUTOSTART_NO, AUTOSTART_YES, AUTOSTART_LAST };
enum profile { PROFILE_DEFAULT, PROFILE_NESTING, PROFILES };
enum net_mode { NET_NONE, NET_ROUTED };

struct label {
	char *key, *value;
};

/* Which settings were asked for by the operator (and must be enforced) is kept beside the values:
 * bit i of `asked` stands for row i. */
struct settings {
	struct limit_values limits; /* cpus, cpu-weight, memory, swap, pids */
	uint64_t ptys;
	char *init;                  /* path inside the VE; "/sbin/init" by default */
	char *hostname;              /* NULL: the VE's name */
	uint64_t autostart, profile; /* enum values */
	bool protect, disabled;
	char *description;
	struct label *labels;
	size_t n_labels;
	uint64_t stop_timeout; /* seconds */
	uint64_t net;          /* enum net_mode */
	struct ip *ips;        /* in the operator's order: the first of a family is the main one */
	size_t n_ips;
	bool ip_auto; /* wished, and not given yet: there are no ips */
	struct ip *dns;
	size_t n_dns;
	bool dns_host; /* the host's name servers: there are none in dns */
	char **search;
	size_t n_search;
	struct published *published;
	size_t n_published;
	bool nat, isolate;
	uint64_t connections;       /* or PARSE_NONE */
	uint64_t rate_in, rate_out; /* bits a second to and from the VE, or PARSE_NONE */
	uint64_t asked;
};

struct setting {
	const char *name;
	enum setting_type type;
	bool live;     /* applied to a running VE at once; otherwise at its next start */
	bool may_none; /* the word "none" is a value */
	size_t offset; /* into struct settings */
	uint64_t min, max;
	const char *const *words; /* of a list: the one that may stand for it ("auto") */
	size_t n_words;
	size_t count, word;              /* lists: where the number of items and a bool lie */
	int limit;                       /* enum limit_id, or -1 */
	bool (*valid)(const char *text); /* SETTING_STRING: what else it must be; may be NULL */
	const char *arg;                 /* "SIZE", for help */
	const char *help;
};

extern const struct setting settings_table[];
extern const size_t settings_count;

const struct setting *setting_find(const char *name);
/* Row number, for `asked` and bit masks. */
size_t setting_index(const struct setting *row);

/* The built-in plan `default` (CLI.md). Strings are owned by the struct. */
int settings_init(struct settings *s, struct error *err);
void settings_done(struct settings *s);
int settings_copy(struct settings *to, const struct settings *from, struct error *err);

/* Takes one value as the operator wrote it. `plan` gives what "default" means. Marks it asked.
 * ERROR_USAGE: "bad value 'lots' for memory (SIZE: RAM, e.g. 512M)". */
int setting_set(struct settings *s, const struct setting *row, const char *text,
	const struct settings *plan, struct error *err);

/* Items separated by commas, added with '+', removed with '-'. */
bool setting_is_list(const struct setting *row);

/* The value as text ("512M", "none"); the caller frees. */
char *setting_format(const struct settings *s, const struct setting *row);
bool setting_equal(const struct settings *a, const struct settings *b, const struct setting *row);

/* From and to the "settings" object of config.json or a plan: accepts numbers and words
 * ("memory": 536870912 or "512M"). Unknown keys are not touched. */
int settings_from_json(struct settings *s, const struct json *object, struct error *err);
void settings_to_json(const struct settings *s, struct json *object);

/* One value as show --json has it, under the JSON key: bytes, seconds, null for none; lists as
 * arrays of strings, a word that stands for one as its only item. */
void setting_to_json(
	const struct settings *s, const struct setting *row, struct json *object, const char *key);
