/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config.h - the record of a VE, ve/<name>/config.json: the only truth about wishes.
 *
 *   {"format":1, "uuid":"…", "created":"…Z", "template":"debian-12", "layers":["sha256:…"],
 *    "plan":"default", "first_id":1048576, "overlay":"redirect_dir=on,…", "run":false,
 *    "asked":["memory"], "settings":{"memory":"512M",…}, "totals":{…}}
 *
 * Plain JSON that an operator may edit while the daemon is down: no checksum, unknown keys are
 * kept. What does not parse, or an unknown format, makes that VE broken and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/usage.h"
#include "netns/filter.h"
#include "netns/traffic.h"
#include "runtime/setting.h"

#define CONFIG_FORMAT 1
#define UUID_TEXT     37 /* 36 characters and NUL */
#define VE_IDS        65536

/* How the last run ended, for show. */
struct ve_exit {
	char how[12]; /* poweroff, reboot, exit, signal, killed, lost; "" if it never ran */
	int status;   /* exit status or signal number */
	int64_t time;
};

/* Of links that are gone; "net" in the record's totals. */
struct net_totals {
	struct traffic traffic;
	uint64_t dropped[FILTER_REASONS]; /* packets */
};

struct ve_config {
	char uuid[UUID_TEXT];
	int64_t created;
	char *template; /* NULL: none */
	char **layers;  /* digests, topmost first */
	size_t n_layers;
	char *plan;
	uid_t first_id;
	char *overlay; /* overlay options, an on-disk decision */
	bool run;      /* meant to run */
	struct settings settings;
	struct usage totals; /* of runs that have ended */
	struct net_totals net;
	/* The cgroup (its inode) whose counters are in the totals already: whoever clears away a
	 * run may be killed before it is gone, and is repeated. 0: none. */
	uint64_t counted;
	struct ve_exit exit;
	struct json *record; /* as read, to keep keys that we do not know; may be NULL */
};

void config_done(struct ve_config *config);
int config_copy(struct ve_config *to, const struct ve_config *from, struct error *err);

int config_from_json(const struct json *record, struct ve_config *ret, struct error *err);
struct json *config_to_json(const struct ve_config *config);

/* Reads ve/<name>/config.json below the state directory. */
int config_load(int state_fd, const char *name, struct ve_config *ret, struct error *err);

/* Durable (file_replace). */
int config_store(int ve_dir_fd, const struct ve_config *config, struct error *err);

/* A fresh random UUID (version 4). */
int uuid_new(char ret[UUID_TEXT], struct error *err);
