#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a VE reaches, who reaches it, and as whom it is seen: real traffic between two VEs, their host
# and an outside, in both families.

load helpers
load network

setup_file()
{
	network_start --allow-host 7010,7011/udp
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

# The outside's and the host's address of a family.
out()
{
	[ "$1" = 6 ] && echo "$out6" || echo "$out4"
}

host()
{
	[ "$1" = 6 ] && echo "$host6" || echo "$host4"
}

@test "each VE has an address of both families, which it keeps, and a link of the host that bears its name" {
	local ve link mac addresses
	[ "$(vessel list --json | jq -r '.[].net[].address[]' | sort -u | wc -l)" -eq 4 ]
	for ve in a b; do
		[[ "$(address $ve 4)" == 10.* && "$(address $ve 6)" == fd* ]]
		vessel exec -n $ve -- ip addr show dev eth0 | grep -F "inet $(address $ve 4)/32 "
		vessel exec -n $ve -- ip addr show dev eth0 | grep -F "inet6 $(address $ve 6)/128 "
		link=$(show_json $ve '.net[0].host_interface')
		in_host ip -o link show dev $ve | grep -F ": $link@" # by its other name
		in_host ip route get "$(address $ve 4)" | grep -F "dev $link "
		mac=$(show_json $ve '.net[0].mac')
		vessel exec -n $ve -- ip link show dev eth0 | grep -F "$mac"
	done
	addresses=$(show_json b '.net[0].address')
	vessel restart b --wait
	[ "$(show_json b '.net[0].mac')" = "$mac" ]
	[ "$(show_json b '.net[0].host_interface')" = "$link" ]
	[ "$(show_json b '.net[0].address')" = "$addresses" ]
	[ "$(jq -c '.settings.ip' "$state_dir/ve/b/config.json")" = "$(jq -c . <<<"$addresses")" ]
	[ "$(show_json b '.net[0].mode')" = routed ]
}

@test "its own programs ping and connect, with names for what it is" {
	local family
	serve outside 7000
	for family in 4 6; do
		vessel exec -n a -- ping -c 1 -W "$soon" "$(out $family)"
		vessel exec -n a -- ping -c 1 -W "$soon" "$(address b $family)"
		place outside busybox ping -c 1 -W "$soon" "$(address a $family)"
		place host busybox ping -c 1 -W "$soon" "$(address a $family)"
		[ "$(vessel exec a -- nc -w "$soon" "$(out $family)" 7000 </dev/null | head -1)" = "$(host $family)" ]
		vessel exec -n a -- grep -E "^$(address a $family)[[:space:]]+a[[:space:]]" /etc/hosts
	done
	vessel exec -n a -- ping -c 1 -W "$soon" 169.254.0.1
	vessel exec -n a -- ping -c 1 -W "$soon" a
}

@test "it is seen outside as the host, without NAT as itself, and reached by its own address" {
	local family protocol
	serve outside 7000
	serve a 7000
	for nat in yes no; do
		vessel set a --nat $nat
		for family in 4 6; do
			for protocol in tcp udp; do
				if [ $nat = yes ]; then
					seen "$(host $family)" a $protocol "$(out $family)" 7000
				else
					seen "$(address a $family)" a $protocol "$(out $family)" 7000
				fi
				seen "$(out $family)" outside $protocol "$(address a $family)" 7000
				seen "$(address b $family)" b $protocol "$(address a $family)" 7000
			done
		done
	done
	vessel set a --nat yes
}

# at IP MAC: so the outside has it.
at()
{
	in_netns "$outside" ip neigh show "$1" | grep -qF "lladdr $2 "
}

# The addresses that the host answers for, as they come.
proxied()
{
	[ "$(in_host ip neigh show proxy | awk '{ print $1 }' | sort | xargs)" = "$*" ]
}

@test "an address of a subnet that the host is in is announced, asked for, and given back" {
	local ip mac init
	mac=$(in_host ip -br link show up0 | awk '{ print $3 }')
	in_host ip neigh add proxy 192.0.2.99 dev up0 # somebody else's
	for ip in 192.0.2.77 2001:db8::77; do # another machine had them
		in_netns "$outside" ip neigh replace "$ip" lladdr 02:00:00:00:00:77 dev eth0 nud reachable
	done
	vessel create near --template small --ip 192.0.2.77,2001:db8::77 --start --wait
	for ip in 192.0.2.77 2001:db8::77; do
		wait_until "$soon" at "$ip" "$mac"
	done
	proxied 192.0.2.77 192.0.2.99 2001:db8::77
	serve outside 7000
	serve near 7000
	in_netns "$outside" ip neigh flush dev eth0 # who has never heard of them asks
	seen "$out4" outside tcp 192.0.2.77 7000
	seen "$out6" outside tcp 2001:db8::77 7000
	seen 192.0.2.77 near tcp "$out4" 7000 # a public address leaves as itself
	seen 2001:db8::77 near tcp "$out6" 7000
	vessel set near --ip 192.0.2.78
	wait_until "$soon" proxied 192.0.2.78 192.0.2.99
	seen "$(out 4)" outside tcp 192.0.2.78 7000
	# The next manager takes back what this one did not come to.
	init=$(pid_of near)
	kill -STOP "$(manager_pid)"
	kill -KILL "$init"
	kill -KILL "$(manager_pid)"
	wait_until "$soon" proxied 192.0.2.99
	in_netns "$outside" ip neigh flush dev eth0
	unheard outside tcp 192.0.2.78 7000
	in_host ip neigh del proxy 192.0.2.99 dev up0
	vessel destroy near --force
}

# refused WORDS -- COMMAND...: by status 4, with these words, and the subnet is as before.
refused()
{
	local words=$1
	run -4 "${@:3}"
	[[ $output == *": $words" ]]
}

@test "an address of another machine is refused, whoever is asked to give it" {
	local mac ip before
	mac=$(in_netns "$outside" ip -br link show eth0 | awk '{ print $3 }')
	before=$(vessel list -H -o name,state,addresses)
	for ip in "$out4" "$out6"; do
		refused "$ip is the address of another machine, $mac on up0" -- \
			vessel create taken --template small --ip "$ip"
		refused "$ip is the address of another machine, $mac on up0" -- vessel set b --ip "+$ip"
	done
	in_host ip neigh replace 192.0.2.55 lladdr 02:00:00:00:00:55 nud permanent dev up0
	refused "192.0.2.55 is the address of another machine, 02:00:00:00:00:55 on up0" -- vessel set b --ip +192.0.2.55
	in_host ip neigh show 192.0.2.55 | grep PERMANENT
	in_host ip neigh del 192.0.2.55 dev up0
	[ "$(vessel list -H -o name,state,addresses)" = "$before" ]
	# Positive control: one that nobody has; and its VE may be started while the machine is there.
	vessel create free --template small --ip 192.0.2.56
	in_netns "$outside" ip addr add 192.0.2.56/24 dev eth0
	vessel start free --wait
	in_netns "$outside" ip addr del 192.0.2.56/24 dev eth0
	vessel destroy free --force
}

@test "VEs reach one another; with isolate they do not, and the outside still does" {
	local family closed
	serve outside 7000
	serve a 7000
	serve b 7000
	vessel set b --publish 8085:7000
	for family in 4 6; do
		seen "$(address a $family)" a tcp "$(address b $family)" 7000
		seen "$(address a $family)" a tcp "$(host $family)" 8085
		seen "$(address b $family)" b tcp "$(address a $family)" 7000
	done
	closed=$(drops a closed)
	vessel set a --isolate yes
	for family in 4 6; do
		unheard a tcp "$(address b $family)" 7000
		unheard a tcp "$(host $family)" 8085
		unheard b udp "$(address a $family)" 7000
		seen "$(host $family)" a tcp "$(out $family)" 7000
		seen "$(out $family)" outside tcp "$(address a $family)" 7000
	done
	wait_until "$soon" dropped a closed -gt "$closed"
	vessel set a --isolate no
	for family in 4 6; do
		seen "$(address a $family)" a tcp "$(address b $family)" 7000
		seen "$(address b $family)" b udp "$(address a $family)" 7000
	done
	vessel set b --publish none
}

@test "the host's services are closed to VEs, save ICMP and what --allow-host names" {
	local family
	serve host 7009 7010 7011
	for family in 4 6; do
		seen "$(out $family)" outside tcp "$(host $family)" 7009 # positive control
		seen "$(out $family)" outside udp "$(host $family)" 7009
		unheard a tcp "$(host $family)" 7009
		unheard a udp "$(host $family)" 7009
		seen "$(address a $family)" a tcp "$(host $family)" 7010
		unheard a udp "$(host $family)" 7010
		seen "$(address a $family)" a udp "$(host $family)" 7011
		unheard a tcp "$(host $family)" 7011
		place a busybox ping -c 1 -W "$soon" "$(host $family)"
	done
	unheard a tcp 169.254.0.1 7009
	seen "$(address a 4)" a tcp 169.254.0.1 7010
}

@test "metadata services of the outside answer the host and no VE" {
	in_netns "$outside" ip addr add 169.254.169.254/32 dev lo
	in_netns "$outside" ip addr add fd00:ec2::254/128 dev lo
	in_host ip route add 169.254.169.254 via "$out4"
	in_host ip route add fd00:ec2::254 via "$out6"
	serve outside 7000
	local ip
	for ip in 169.254.169.254 fd00:ec2::254; do
		talk host ask tcp $ip 7000
		unheard a tcp $ip 7000
		unheard a udp $ip 7000
		in_host ip route del $ip
	done
}

@test "a published port is reached from outside, the host, another VE and the VE itself" {
	local family protocol at
	vessel set a --publish 8080:7080,8080:7080/udp
	serve a 7080
	for family in 4 6; do
		at=$(host $family)
		for protocol in tcp udp; do
			seen "$(out $family)" outside $protocol "$at" 8080
			seen "$at" host $protocol "$at" 8080
			seen "$(address b $family)" b $protocol "$at" 8080
			seen "$at" a $protocol "$at" 8080
			unheard outside $protocol "$at" 8081
		done
	done
	vessel set a --publish=-8080:7080/udp
	unheard outside udp "$host4" 8080
	seen "$out4" outside tcp "$host4" 8080
	vessel set a --publish none
	unheard outside tcp "$host4" 8080
	unheard outside tcp "$host6" 8080
}

@test "a port published at one of the host's addresses is not at the others" {
	in_host ip addr add 192.0.2.3/24 dev up0
	vessel set a --publish 192.0.2.3:8090:7080
	vessel set b --publish "$host4:8090:7081,[$host6]:8090:7081"
	serve a 7080
	serve b 7081
	seen "$out4" outside tcp 192.0.2.3 8090
	seen "$out4" outside tcp "$host4" 8090
	seen "$out6" outside tcp "$host6" 8090
	grep -c . "$BATS_TEST_TMPDIR/a.7080" | grep -x 1
	grep -c . "$BATS_TEST_TMPDIR/b.7081" | grep -x 2
	vessel set a b --publish none
	in_host ip addr del 192.0.2.3/24 dev up0
}

@test "a forged source reaches nobody and is counted; the VE's own reaches all" {
	local family forged source target before
	vessel set a --nat no
	serve outside 7011
	serve host 7011
	serve b 7011
	for family in 4 6; do
		forged=198.51.100.7
		[ $family = 4 ] || forged=2001:db8:7::7
		for source in $forged "$(address b $family)" "$(host $family)" "$(out $family)"; do
			for target in "$(out $family)" "$(host $family)" "$(address b $family)"; do
				[ "$source" != "$target" ] || continue
				before=$(drops a spoofed)
				talk a forge "$source" "$target" 7011
				wait_until "$soon" dropped a spoofed -eq $((before + 1))
			done
		done
		for target in "outside $(out $family)" "host $(host $family)" "b $(address b $family)"; do
			before=$(drops a spoofed)
			talk a forge "$(address a $family)" "${target#* }" 7011
			wait_until "$soon" heard "${target% *}" 7011 "$(address a $family)"
			[ "$(drops a spoofed)" -eq "$before" ]
		done
	done
	# Nobody has heard anything else.
	[ "$(cat "$BATS_TEST_TMPDIR"/{outside,host,b}.7011 | sort -u | wc -l)" -eq 2 ]
	[ "$(drops b spoofed)" -eq 0 ]
	vessel set a --nat yes
}

@test "none: a VE without a network has a loopback and nothing else" {
	vessel create lonely --template small --net none --start --wait
	[ "$(vessel exec lonely -- ls /sys/class/net)" = lo ]
	vessel exec -n lonely -- ping -c 1 -W "$soon" 127.0.0.1
	[ "$(show_json lonely '.net | length')" -eq 0 ]
	vessel set lonely --net routed 2>"$BATS_TEST_TMPDIR/said"
	grep -q "next start" "$BATS_TEST_TMPDIR/said"
	vessel restart lonely --wait
	vessel exec -n lonely -- ping -c 1 -W "$soon" "$out4"
	vessel destroy lonely --force
}

# Links of VEs, and whatever the table has, without what it counts. What shapes is there for all.
network_traces()
{
	in_host ip -o link | awk -F': ' '$2 !~ /ifb/ { print $2 }'
	in_host nft -s list ruleset
}

traces_as()
{
	network_traces | cmp -s - "$1"
}

@test "a VE that stops, or is destroyed running, leaves neither a link nor an element" {
	local before=$BATS_TEST_TMPDIR/before
	network_traces >"$before"
	vessel create c d --template small
	vessel set c --ip +10.99.0.7 --publish 8100:80 --connections 100 --rate-in 10M --rate-out 10M
	vessel set d --ip +10.99.0.8 --publish 8101:80 --isolate yes --nat no
	vessel start c d --wait
	run ! traces_as "$before" # positive control
	vessel stop c
	vessel destroy d --force
	wait_until "$soon" traces_as "$before"
	vessel start c --wait
	vessel destroy c --force
	wait_until "$soon" traces_as "$before"
}
