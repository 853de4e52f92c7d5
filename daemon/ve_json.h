/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_json.h - the record of one VE as list, show and the interface's List print it.
 */
#pragma once

struct json;
struct ve;

struct json *ve_to_json(struct ve *ve);
