/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance.h - one vesseld and all that is its own: paths, cgroup, ids.
 *
 * From /etc/vessel[-NAME]/vessel.json (optional) and the command line, which wins. Keeper and
 * manager read it the same way; the cgroup path in use is kept in the run directory and reused.
 * Ranges of addresses that nobody named are chosen once and kept in the state directory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cgroup/tree.h"
#include "netns/filter.h"
#include "netns/ip.h"

struct error;

#define INSTANCE_RANGES 16
#define INSTANCE_OPEN   64

struct instance {
	char *name;                            /* "" for the system's instance */
	char *state_dir, *run_dir;             /* absolute */
	char *cgroup;                          /* "/vessel-demo" */
	uid_t first_id;                        /* of the range that VEs get their 65,536 from */
	uint32_t id_blocks;                    /* how many such blocks */
	bool choose_ranges;                    /* "auto": those of the file, or new ones */
	struct prefix ranges[INSTANCE_RANGES]; /* that VEs get their addresses from */
	size_t n_ranges;
	struct filter_port open[INSTANCE_OPEN]; /* of the host, that every VE may reach */
	size_t n_open;
	uint32_t jobs; /* at most this many at once; 4 per CPU by default */
	char *hold;    /* test hook: jobs stop themselves (SIGSTOP) before the step of this name */
	int state_fd, run_fd;
};

enum vesseld_role {
	ROLE_BOTH,
	ROLE_KEEPER,
	ROLE_MANAGER,
	ROLE_HELP,
	ROLE_VERSION,
	ROLE_STEPS,
	ROLE_CHECK
};

/* The command line alone, as words; NULL where nothing was said. Borrowed from argv or the file. */
#define INSTANCE_OPTIONS_MAX 16
struct instance_words {
	const char *value[INSTANCE_OPTIONS_MAX]; /* by row of the options table */
};

/* Reads argv: no abbreviations, the last one of a repeated option counts. */
int instance_parse_arguments(int argc, char **argv, struct instance_words *ret,
	enum vesseld_role *ret_role, struct error *err);

/* Fills in from the text of vessel.json what the command line left open. *ret_file owns the words
 * that came from it. An unknown key is an error. */
struct json;
int instance_parse_file(const char *text, size_t length, struct instance_words *words,
	struct json **ret_file, struct error *err);

/* Words into values, defaults for the rest (but the cgroup, which stays NULL). */
int instance_apply(const struct instance_words *words, struct instance *ret, struct error *err);

/* Options with their help text, printed from the same table. */
void instance_print_help(FILE *file);

/* Parses argv over the configuration file; opens and creates the directories: the state directory
 * 0700 and refused if it is open to others, the run directory 0755 (the sockets' own modes decide).
 * Of the roles above ROLE_MANAGER nothing is opened. */
int instance_open(int argc, char **argv, struct instance *ret, enum vesseld_role *ret_role,
	struct error *err);
void instance_done(struct instance *instance);

/* Registers the ids and ranges of addresses host-wide (/run/vessel-ids/NAME, locked); an overlap
 * with another running instance is ERROR_STATE naming it. Fills in ranges that are to be chosen.
 * Returns the descriptor that holds the lock. */
int instance_lock_ids(struct instance *instance, struct error *err);
/* The same for the manager of a keeper that holds the lock: its options may be other ones. */
int instance_register(struct instance *instance, struct error *err);
/* Takes the registration away, and the directory with the last one. */
void instance_remove_ids(const struct instance *instance);

/* instance_ranges.c: what an instance gives addresses from. `others` are the ranges of other
 * running instances. Chooses, durably, what is to be chosen and was not yet; refuses (ERROR_STATE)
 * ranges that overlap a route or an address of the host. */
int instance_find_ranges(
	struct instance *instance, const struct prefix *others, size_t n_others, struct error *err);
/* Fills in what was chosen before. 1: all ranges are known; 0: they are to be chosen yet. */
int instance_load_ranges(struct instance *instance, struct error *err);
/* Whether the host has IPv6, and new interfaces of its have it. */
bool instance_has_ipv6(void);
