#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# fake_test.sh - the command line against a vesseld of paper.
command -v python3 >/dev/null || exit 77
[ -x ./vessel ] || exit 77
VESSEL=./vessel exec python3 "$(dirname "$0")/fake_test.py"
