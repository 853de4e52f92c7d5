#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The comparison of the host before and after finds what is left: one of each kind, left on purpose.

load helpers

setup()
{
	host_snapshot >"$BATS_FILE_TMPDIR/host.before"
	host_unchanged # nothing is left yet
}

teardown()
{
	netns_delete "$VESSEL_NETNS"
}

# What is left carries the instance's name, as what vessel makes does.
found()
{
	local kind=$1
	run host_unchanged
	[ "$status" -ne 0 ]
	[[ "$output" == *"$kind "*"$VESSEL_INSTANCE"* ]] || { echo "$output" >&2; return 1; }
}

@test "a mount" {
	mkdir -p "$root_dir/$VESSEL_INSTANCE"
	mount -t tmpfs none "$root_dir/$VESSEL_INSTANCE"
	found mount
	umount "$root_dir/$VESSEL_INSTANCE"
	rmdir "$root_dir/$VESSEL_INSTANCE"
	host_unchanged
}

@test "a cgroup" {
	mkdir "$(v2_mount)/vessel-$VESSEL_INSTANCE"
	found cgroup
	rmdir "$(v2_mount)/vessel-$VESSEL_INSTANCE"
	host_unchanged
}

@test "a process with its namespaces" {
	[ -z "${VESSEL_TEST_SHARED:-}" ] || skip "the comparison is of this instance's things alone"
	unshare --fork --pid --net --kill-child sleep 1000 "0$(tr -dc 0-9 <<<"$VESSEL_INSTANCE")" 3>&- &
	local child=$!
	run host_unchanged
	kill -KILL $child
	wait $child || true
	[ "$status" -ne 0 ]
	[[ "$output" == *"process "*"sleep 1000"* ]]
	[[ "$output" == *"namespace net:"* ]]
	host_unchanged
}

@test "a link" {
	ip link add "v$VESSEL_INSTANCE" type dummy 2>/dev/null || ip link add "v$VESSEL_INSTANCE" type veth
	found link
	ip link delete "v$VESSEL_INSTANCE"
	host_unchanged
}

@test "a link and a table in what is the host's network to vesseld" {
	netns_add "$VESSEL_NETNS"
	netns_snapshot >"$BATS_FILE_TMPDIR/netns.before"
	netns_as_before
	in_host ip link add v0 type veth
	run ! netns_as_before
	in_host ip link delete v0
	netns_as_before
	in_host nft add table inet t
	run ! netns_as_before
	found file # the namespace itself
	netns_delete "$VESSEL_NETNS"
	host_unchanged
}

@test "a run directory" {
	mkdir "/run/vessel-$VESSEL_INSTANCE"
	found file
	rmdir "/run/vessel-$VESSEL_INSTANCE"
	host_unchanged
}
