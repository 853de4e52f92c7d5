/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * parse.h - from an operator's words to numbers and names, and back.
 *
 * All parsers take the whole string (no trailing rubbish, no leading space, no sign), return 0 or
 * -EINVAL/-ERANGE, and leave *ret alone on failure. They fill no error: only the caller knows what
 * the word was for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PARSE_NONE UINT64_MAX /* the word "none" where a limit may be lifted */

/* "512M", "1.5G", "4096": suffixes K M G T of 1024; "MB" and "MiB" are refused. */
int parse_size(const char *text, uint64_t *ret);

/* "100M", "1.5G", "8000": suffixes K M G T of 1000, for what is counted in bits a second. */
int parse_rate(const char *text, uint64_t *ret);

/* A plain decimal number. */
int parse_count(const char *text, uint64_t *ret);

/* A decimal fraction in thousandths: "0.5" is 500, "2" is 2000; at most three decimals. */
int parse_thousandths(const char *text, uint64_t *ret);

/* "yes" or "no". */
int parse_bool(const char *text, bool *ret);

/* A uid or gid: digits only, below 4294967295 (property P11). */
int parse_id(const char *text, uid_t *ret);

/* A signal: "TERM", "SIGTERM", "15", "RTMIN+3". */
int parse_signal(const char *text, int *ret);

/* The name of a VE, template or plan: a host name label, [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?
 * (templates and plans may also hold '.' and '_' inside: name_valid_object). */
#define NAME_LENGTH 63
bool name_valid(const char *text);
bool name_valid_object(const char *text);

/* No control characters, valid UTF-8, at most `max` bytes (property P09). */
bool string_clean(const char *text, size_t max);

/* "1.5G" for 1610612736; "none" for PARSE_NONE. buffer: a number of 20 digits or 8 characters. */
#define FORMAT_SIZE 24
const char *format_size(uint64_t bytes, char buffer[FORMAT_SIZE]);
const char *format_rate(uint64_t bits, char buffer[FORMAT_SIZE]);
const char *format_thousandths(uint64_t thousandths, char buffer[FORMAT_SIZE]);

/* RFC 3339 in UTC with seconds, "2026-11-22T11:46:21Z", from seconds since the epoch. */
#define FORMAT_TIME 32
const char *format_time_utc(int64_t seconds, char buffer[FORMAT_TIME]);
int parse_time_utc(const char *text, int64_t *ret);
