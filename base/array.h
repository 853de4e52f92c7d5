/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * array.h - the number of rows in a table that the compiler can see whole.
 */
#pragma once

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
