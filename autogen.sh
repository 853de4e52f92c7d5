#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes ./configure from a checkout. Needs autoconf, automake, pkg-config and autoconf-archive.
set -eu
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --force --install --warnings=all
