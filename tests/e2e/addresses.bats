#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Where addresses come from: the instance's ranges, chosen once or named, that nobody else's overlap.

load helpers

# Half of the ids for a second instance.
id_blocks=$((id_blocks / 2))
other=$VESSEL_INSTANCE-b
other_ids=$((first_id + 65536 * id_blocks))

setup_file()
{
	vesseld_start
	import_busybox
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

# A second instance on the same host.
other_vesseld=(nsenter --net="/run/netns/$VESSEL_NETNS" "$build/vesseld" --instance "$other"
	--state-dir "$root_dir/$VESSEL_INSTANCE/other" --ids "$other_ids-$((other_ids + 65535))")

refused_start()
{
	local line=$1
	shift
	run timeout 30 "${other_vesseld[@]}" "$@"
	[ "$status" -eq 4 ] && [ "$output" = "vesseld: $line" ] || { echo "$status: $output" >&2; return 1; }
}

ranges()
{
	cat "$state_dir/addresses"
}

@test "ranges are chosen once, and are the same after a restart" {
	local before
	before=$(ranges)
	[[ "$before" =~ ^10\.[0-9]+\.0\.0/16,fd[0-9a-f]{2}:[0-9a-f]+:[0-9a-f]+::/64$ ]]
	kill -TERM "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	vesseld_run
	[ "$(ranges)" = "$before" ]
}

@test "ranges that overlap a running instance's, or what the host has, are refused" {
	local own pid accepted=1
	own=$(ranges)
	own=${own%%,*}
	refused_start "the addresses ${own%.0/16}.0/24 overlap with $own of the running instance vessel-$VESSEL_INSTANCE: give one of them other --addresses" \
		--addresses "${own%.0/16}.0/24"
	in_host ip link add up0 type veth peer name up1
	in_host ip addr add 198.18.5.1/24 dev up0
	in_host ip addr add 198.18.9.9/32 dev up0
	in_host ip link set up1 up
	in_host ip link set up0 up
	refused_start "the range 198.18.0.0/21 overlaps the host's route to 198.18.5.0/24" --addresses 198.18.0.0/21
	refused_start "the range 198.18.9.0/24 overlaps the host's route to 198.18.9.9/32" --addresses 198.18.9.0/24
	in_host ip link delete up0
	rm -rf "/run/vessel-$other"
	"${other_vesseld[@]}" --addresses 198.18.0.0/21 3>&- 4>&- & # nothing of it now
	pid=$!
	wait_until 20 vessel --instance "$other" list || accepted=0
	kill -TERM $pid
	wait_until 20 vesseld_gone $pid
	[ $accepted -eq 1 ]
}

# The IPv4 address of a VE.
ip_of()
{
	show_json "$1" '.ip[0]'
}

@test "each VE gets an address of each range, and one that was freed rests" {
	local first
	vessel create one two --template small
	[ "$(show_json one '.ip | length')" -eq 2 ]
	[ "$(ip_of one)" != "$(ip_of two)" ]
	first=$(ip_of one)
	vessel destroy one
	vessel create one --template small
	[ "$(ip_of one)" != "$first" ]
	first=$(ip_of two)
	vessel set two --ip auto
	[ "$(ip_of two)" = "$first" ]
	vessel rename two three
	[ "$(ip_of three)" = "$first" ]
	refused 4 "vessel: cannot create two: $first is the address of three" create two --template small --ip "$first"
	vessel destroy one three
}

@test "creates at once never get the same address" {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		vessel create "many$i" --template small 3>&- 4>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(vessel list --json | jq -r '.[].ip[]' | sort -u | wc -l)" -eq 16 ]
	vessel destroy 'many*' --yes
}

@test "doctor tells what a network needs" {
	vessel doctor --json | jq -e 'map(select(.name == "links" or .name == "packet filter")) | length == 2 and all(.state == "ok")'
	in_host nft 'add table ip foreign; add chain ip foreign FORWARD { type filter hook forward priority 0; policy drop; }'
	vessel doctor --json | jq -e 'any(.name == "firewall" and .state == "limited" and .value == "foreign FORWARD")'
	in_host nft delete table ip foreign
	vessel doctor --json | jq -e 'any(.name == "firewall" and .state == "ok")'
}

@test "the interface with a default route forwards, also one that comes late" {
	in_host ip link add up0 type veth peer name up1
	in_host sysctl -qw net.ipv4.conf.up0.forwarding=0
	in_host ip addr add 198.18.5.1/24 dev up0
	in_host ip link set up1 up
	in_host ip link set up0 up
	in_host ip route add default via 198.18.5.2
	forwards() { [ "$(in_host sysctl -n net.ipv4.conf.up0.forwarding)" -eq 1 ]; }
	wait_until 20 forwards
	vessel doctor --json | jq -e 'any(.name == "forwarding of IPv4" and .value == "up0: on")'
	in_host ip link delete up0
}

@test "an address for a VE that was started without any waits for its next start, and says so" {
	vessel create bare --template small --ip none --start
	vessel set bare --ip 198.18.7.7 2>"$BATS_TEST_TMPDIR/said"
	grep -q "next start" "$BATS_TEST_TMPDIR/said"
	[ "$(show_json bare '.pending | join(" ")')" = ip ]
	[ "$(vessel exec bare -- ls /sys/class/net)" = lo ]
	vessel restart bare
	[ "$(show_json bare '.pending | length')" -eq 0 ]
	vessel exec -n bare -- ip addr show dev eth0 | grep -F "inet 198.18.7.7/32 "
	kill -KILL "$(manager_pid)"
	wait_until 10 vessel set bare --ip +198.18.7.8
	[ "$(show_json bare '.pending | length')" -eq 0 ]
	vessel exec -n bare -- ip addr show dev eth0 | grep -F "inet 198.18.7.8/32 "
	vessel destroy bare --force
}
