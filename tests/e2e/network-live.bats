#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Network settings that change under traffic, rules that somebody takes away, limits that hold, and
# counters that a bill is made from.

load helpers
load network

longest=200 # ms without a number in a stream
off=0.1     # of a rate
[ -z "${MACHINE_GUEST:-}" ] || longest=1500 off=0.2 # an emulated one is seldom in time

setup_file()
{
	network_start
	import_busybox
	vessel create a b --template small --start --wait
}

teardown_file()
{
	network_stop
	host_unchanged
}

teardown()
{
	talkers_end
}

# Numbers from the VE to the outside and from there to the VE, there and back, in both families.
streams_begin()
{
	serve outside 7100
	serve a 7100
	streams=()
	stream out4 a "$out4"
	stream out6 a "$out6"
	stream in4 outside "$(address a 4)"
	stream in6 outside "$(address a 6)"
	wait_until "$soon" streams_begun
}

# The servers have heard of each.
streams_begun()
{
	[ "$(grep -c tcp "$BATS_TEST_TMPDIR/outside.7100")" -eq 2 ] &&
		[ "$(grep -c tcp "$BATS_TEST_TMPDIR/a.7100")" -eq 2 ]
}

stream()
{
	talk_on "stream.$1" "$2" stream "$3" 7100
	streams+=("$1:$talker")
}

# They have had no reset and no gap.
streams_end()
{
	local stream pid count gap status=0
	sleep 0.3
	for stream in "${streams[@]}"; do
		pid=${stream#*:}
		pkill -TERM -P "$pid" || true
		wait "$pid" || status=1
		read -r count gap <"$BATS_TEST_TMPDIR/stream.${stream%:*}" || status=1
		echo "${stream%:*}: $count numbers, none for $gap ms"
		cat "$BATS_TEST_TMPDIR/stream.${stream%:*}.error"
		[ "${count:-0}" -ge 20 ] && [ "${gap:-9999}" -le "$longest" ] || status=1
	done
	return "$status"
}

@test "addresses, published ports, NAT and rates change, and streams go on" {
	streams_begin
	serve a 7080
	vessel set a --ip +10.99.0.9,+fd99::9
	seen "$out4" outside tcp 10.99.0.9 7080
	seen "$out6" outside tcp fd99::9 7080
	vessel set a --publish +8091:7080
	seen "$out4" outside tcp "$host4" 8091
	vessel set a --publish +8092:7080
	seen "$out6" outside tcp "$host6" 8092
	vessel set a --connections 1000 --isolate yes
	vessel set a --rate-in 50M --rate-out 50M
	vessel set a --rate-in none --rate-out 60M
	vessel set a --rate-out none --isolate no
	vessel set a --nat no
	vessel set a --nat yes
	vessel set a --publish=-8091:7080
	unheard outside tcp "$host4" 8091
	seen "$out4" outside tcp "$host4" 8092
	vessel set a --publish none
	vessel set a --ip=-10.99.0.9,-fd99::9
	unheard outside tcp 10.99.0.9 7080
	unheard outside tcp fd99::9 7080
	[ "$(show_json a '.net[0].address | length')" -eq 2 ]
	streams_end
}

@test "an address that is given is one to send from, and taken is none any more" {
	local before
	serve outside 7011
	vessel set a --nat no
	before=$(drops a spoofed)
	talk a forge 10.99.0.9 "$out4" 7011
	wait_until "$soon" dropped a spoofed -eq $((before + 1))
	vessel set a --ip +10.99.0.9
	vessel exec -n a -- ip addr show dev eth0 | grep -F "inet 10.99.0.9/32 "
	talk a forge 10.99.0.9 "$out4" 7011
	wait_until "$soon" heard outside 7011 10.99.0.9
	vessel set a --ip=-10.99.0.9
	run ! vessel exec -n a -- sh -c 'ip addr | grep 10.99.0.9'
	talk a forge 10.99.0.9 "$out4" 7011
	wait_until "$soon" dropped a spoofed -eq $((before + 2))
	[ "$(wc -l <"$BATS_TEST_TMPDIR/outside.7011")" -eq 1 ]
	vessel set a --nat yes
}

restored()
{
	[ "$(vesseld_log | grep -c network-restored)" -gt "$1" ]
}

rules()
{
	in_host nft -s list table inet "$table"
	in_host nft -s list table arp "$table"
}

# Somebody else's, with its handles, which only what is made anew has other ones of.
other()
{
	in_host nft -a list table inet other | sed 's/packets.*bytes [0-9]*//'
}

# The rules that close what is closed are there.
guards()
{
	in_host nft list chain inet "$table" forward_from | grep -q drop
}

rules_as()
{
	rules | cmp -s - "$1"
}

@test "rules that another flushes or deletes are back within a second, streams go on, other tables stay" {
	local table=vessel-$VESSEL_INSTANCE begun n way
	vessel set a --publish 8091:7080
	serve a 7080
	rules >"$BATS_TEST_TMPDIR/rules"
	streams_begin
	for way in "flush ruleset" "delete table inet $table" "flush table inet $table"; do
		in_host nft 'add table inet other; add chain inet other c { type filter hook input priority 5; }; add rule inet other c counter'
		n=$(vesseld_log | grep -c network-restored || true)
		# shellcheck disable=SC2086 # words
		in_host nft $way
		begun=${EPOCHREALTIME/.}
		[ "$way" != "flush ruleset" ] || in_host nft add table inet other
		other >"$BATS_TEST_TMPDIR/other"
		wait_until "$soon" guards
		echo "$way: restored after $(((${EPOCHREALTIME/.} - begun) / 1000)) ms"
		[ -n "${MACHINE_GUEST:-}" ] || [ $((${EPOCHREALTIME/.} - begun)) -lt 1000000 ]
		wait_until "$soon" rules_as "$BATS_TEST_TMPDIR/rules"
		wait_until "$soon" restored "$n"
		seen "$out4" outside tcp "$host4" 8091
		other | diff "$BATS_TEST_TMPDIR/other" -
	done
	streams_end
	in_host nft delete table inet other
	vessel set a --publish none
	# Nothing was done for a table that is nobody's.
	n=$(vesseld_log | grep -c network-restored)
	in_host nft 'add table inet other; delete table inet other'
	sleep 0.5
	run ! restored "$n"
}

# mbits WHERE: what that sink has said.
mbits()
{
	cat "$BATS_TEST_TMPDIR/sink.$1"
}

# Both ways at once for five seconds.
pump_both()
{
	talk_on sink.a a sink 7200
	talk_on sink.outside outside sink 7200
	local sinks=("${talkers[@]: -2}") pumps
	wait_until "$soon" listens a 7200
	wait_until "$soon" listens outside 7200
	talk_on pump.in outside pump "$(address a 4)" 7200 5
	talk_on pump.out a pump "$out4" 7200 5
	pumps=("${talkers[@]: -2}")
	wait "${pumps[@]}"
	wait "${sinks[@]}"
	echo "Mbit/s: in $(mbits a), out $(mbits outside)"
}

# shaped WHERE WANTED: what that sink took, near enough.
shaped()
{
	awk -v v="$(mbits "$1")" -v w="$2" -v off="$off" 'BEGIN { exit !(v >= w * (1 - off) && v <= w * (1 + off)) }' ||
		{ echo "$1: $(mbits "$1") Mbit/s, not $2" >&2; return 1; }
}

@test "10 Mbit/s are 10 Mbit/s, both ways at once; what is set live holds at once and over a restart" {
	vessel set a --rate-in 10M --rate-out 10M
	pump_both
	shaped a 10
	shaped outside 10
	vessel set a --rate-out 20M
	vessel restart a --wait
	pump_both
	shaped a 10
	shaped outside 20
	vessel set a --rate-in none --rate-out none
	pump_both
	awk -v a="$(mbits a)" -v b="$(mbits outside)" 'BEGIN { exit !(a > 30 && b > 30) }' # positive control
}

@test "a VE that has filled its share of connections gets no more, and its neighbour does" {
	local crowded
	serve outside 7000
	vessel set a --connections 16
	crowded=$(drops a crowded)
	talk a fill "$out4" 40
	wait_until "$soon" dropped a crowded -gt "$crowded"
	unheard a udp "$out4" 7000
	seen "$host4" b udp "$out4" 7000
	[ "$(drops b crowded)" -eq 0 ]
	vessel set a --connections none
	seen "$host4" a udp "$out4" 7000
	vessel set a --connections default
}

# Bytes in and out, packets in and out, and drops of a kind, of the VE a.
counted()
{
	vessel show --json a | jq -r '.[0].net[0] | [.in.bytes, .out.bytes, .in.packets, .out.packets, .drops.spoofed] | @tsv'
}

# No count is below what it was in the file; then it is kept there.
not_less()
{
	counted >"$1.now"
	paste "$1" "$1.now" | awk '{ for (i = 1; i <= 5; i++) if ($(i + 5) < $i) exit 1 }' ||
		{ echo "before and after:" && cat "$1" "$1.now"; return 1; } >&2
	mv "$1.now" "$1"
}

@test "what is counted goes on over the ends of the manager, the daemon and the VE" {
	local count=$BATS_TEST_TMPDIR/count old out space
	serve outside 7000
	talk a forge 198.51.100.7 "$out4" 7000
	wait_until "$soon" dropped a spoofed -gt 0
	vessel exec a -- sh -c "dd if=/dev/zero bs=64k count=32 2>/dev/null | nc -w $soon $out4 7000 >/dev/null" || true
	counted >"$count"
	out=$(cut -f2 "$count")
	[ "$out" -gt $((2 << 20)) ]
	[ "$(cut -f5 "$count")" -gt 0 ]
	old=$(manager_pid)
	kill -KILL "$old"
	back() { [ -n "$(manager_pid)" ] && [ "$(manager_pid)" != "$old" ] && vessel list; }
	wait_until "$soon" back
	not_less "$count"
	vessel restart a --wait
	not_less "$count"
	talk a ask tcp "$out4" 7000
	not_less "$count"
	space=$(space a)
	kill -TERM "$(vesseld_pid)"
	wait_until "$soon" vesseld_gone "$(vesseld_pid)"
	talk "$space" ask tcp "$out4" 7000 # the rules and the link do without a daemon
	vesseld_run
	not_less "$count"
	vessel stop a
	not_less "$count"
	kill -TERM "$(vesseld_pid)"
	wait_until "$soon" vesseld_gone "$(vesseld_pid)"
	vesseld_run
	not_less "$count"
	vessel start a --wait
	talk a ask tcp "$out4" 7000
	not_less "$count"
	[ "$(cut -f2 "$count")" -lt $((out * 2)) ] # and nothing was counted twice
}

@test "what a stopped VE sent in its last moments is counted" {
	local before after
	serve outside 7000
	before=$(show_json a '.net[0].out.bytes')
	vessel exec -n a -- sh -c "dd if=/dev/zero bs=64k count=16 2>/dev/null | nc -w $soon $out4 7000 >/dev/null; kill -9 -1" || true
	vessel stop a --force
	after=$(show_json a '.net[0].out.bytes')
	[ $((after - before)) -gt $((1 << 20)) ]
	vessel start a --wait
}

@test "links that nobody owns are removed by the next manager" {
	local prefix old
	prefix=$(show_json a '.net[0].host_interface' | sed 's/[0-9]*$//')
	in_host ip link add "${prefix}1" type veth peer name other1
	in_host ip link add "${prefix}x" type veth peer name other2 # none of ours: no number
	old=$(manager_pid)
	kill -KILL "$old"
	gone() { ! in_host ip link show "${prefix}1" 2>/dev/null; }
	wait_until "$soon" gone
	in_host ip link delete "${prefix}x"
	serve outside 7000
	seen "$host4" a tcp "$out4" 7000
}
