#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_overlay.sh DRIVER - as root: ids on disk are those that the VE sees, caps work, the upper
# takes writes, directories of the template can be renamed.
set -euo pipefail

driver=$(realpath "$1")
scratch=$(mktemp -d "${SCRATCH:-/var/tmp}/overlay.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir -p low/dir low/bin top/dir disk/upper disk/work
echo low >low/dir/file
echo top >top/dir/other
chown 1000:1000 low/dir/file
cp /usr/sbin/capsh low/bin/capsh
setcap cap_net_raw=ep low/bin/capsh

say() { echo "$1: $2"; [ "$2" = "$3" ] || { echo "  expected $3"; exit 1; }; }

inside=$("$driver" overlay 1048576 disk top low -- sh -c '
	cat dir/file dir/other; stat -c %u:%g dir dir/file
	echo new >dir/new; chown 7:8 dir/new; echo more >>dir/file
	mv dir moved && ls moved | tr "\n" " "; stat -c "%u:%g" moved/new
	getcap bin/capsh')
say inside "$(tr "\n" " " <<<"$inside")" "low top 0:0 1000:1000 file new other 7:8 bin/capsh cap_net_raw=ep "
say new "$(stat -c %u:%g disk/upper/moved/new)" 7:8
say copied "$(stat -c %u:%g disk/upper/moved/file)" 1000:1000
say directory "$(stat -c %u:%g disk/upper/moved)" 0:0
say work "$(stat -c %u:%g disk/work/work)" 0:0
say template "$(cat low/dir/file)" low

# Again over the same disk, and on what cannot be idmapped.
say again "$("$driver" overlay 2097152 disk top low -- stat -c %u:%g moved/new)" 7:8
mkdir tmpfs && mount -t overlay -o "lowerdir=$PWD/low:$PWD/top" none tmpfs
r=0; message=$("$driver" overlay 1048576 disk tmpfs -- true 2>&1) || r=$?
umount tmpfs
say status "$r" 5
echo "refusal: $message"
grep -q "$scratch" /proc/self/mountinfo && { echo "mounts are left"; exit 1; }
echo ok
