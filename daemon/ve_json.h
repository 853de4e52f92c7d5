/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_json.h - the record of one VE as list, show and the interface's List print it.
 */
#pragma once

struct json;
struct ve;

struct network_counts;

/* counts: what links have counted, of one look for all VEs that are told of; NULL: nobody looked.
 */
struct json *ve_to_json(struct ve *ve, const struct network_counts *counts);
