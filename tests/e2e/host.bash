# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# host.bash - what a host has, and whether it is as it was. Sourced by helpers.bash for a file of tests
# and by tests/suite for all of them; `build` and, for a file, `root_dir` and VESSEL_INSTANCE are set.

# What a host must have as before: one line a thing. With VESSEL_TEST_SHARED only what carries the
# instance's name, for a host on which others work.
host_snapshot()
{
	{
		awk '{ print "mount " $5 " " $4 }' /proc/self/mountinfo
		awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts | while read -r mount; do
			find "$mount" -mindepth 1 -type d 2>/dev/null
		done | grep -v /process_api | sed 's/^/cgroup /'
		readlink /proc/[0-9]*/ns/{mnt,pid,net,ipc,uts,user,cgroup} 2>/dev/null | sort -u | sed 's/^/namespace /'
		ip -o link 2>/dev/null | awk -F': ' '{ print "link " $2 }'
		nft list tables 2>/dev/null | sed 's/^/nftables /'
		losetup -a 2>/dev/null | sed 's/^/loop /'
		processes | sed 's/^/process /'
		ls -d /run/vessel* /run/netns/* /var/lib/vessel* ${root_dir:+"$root_dir"/t*} 2>/dev/null | sed 's/^/file /'
	} | { if [ -n "${VESSEL_TEST_SHARED:-}" ]; then grep -F -- "$VESSEL_INSTANCE" || true; else cat; fi; } | sort -u
}

# Processes that only vessel can have left: run from the build, in a cgroup of an instance, or in
# another pid namespace. What else comes and goes on a host is its own matter.
processes()
{
	ps -ww -eo pid=,pidns=,cgroup=,args= | awk -v ours="$(readlink /proc/self/ns/pid | tr -dc 0-9)" \
		-v build="$build/" '
		/\/bats-core\/|bats |tests\/e2e\/run|tests\/suite/ { next }
		($2 != "-" && $2 != ours) || $3 ~ /\/vessel/ || index($4, build) == 1 {
			pid = $1; $1 = $2 = ""; print pid, $0
		}'
}

# host_unchanged [BEFORE]: compares with a snapshot, that of vesseld_start unless said otherwise, giving
# the kernel 5 s to clean up; prints what differs.
host_unchanged()
{
	local before=${1:-$BATS_FILE_TMPDIR/host.before} end=$((SECONDS + 5))
	local after=${before%.before}.after
	while :; do
		host_snapshot >"$after"
		# Only what was added: a process of the host that ended meanwhile is none of ours.
		[ -n "$(comm -13 "$before" "$after")" ] || return 0
		[ "$SECONDS" -le "$end" ] || break
		sleep 0.1
	done
	echo "left behind on the host:" >&2
	comm -13 "$before" "$after" >&2
	return 1
}
