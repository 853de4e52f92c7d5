# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # tests/bench/run sets what is used here
#
# network.bash - parts of the benchmark to which LXC and runc have no counterpart: what the five
# hundredth VE with a network costs, and what a VE's link takes from a bare veth pair.

links=500 edge=20 # VEs; of them the first and the last that are timed
port=5999
declare -A traffic_ratio

# Of all tables: this network namespace is ours alone.
rules()
{
	nft -j list ruleset | jq '[.nftables[] | select(.rule)] | length'
}

# Each start alone; what lies between the first and the last is started unseen.
measure_links()
{
	local i as
	seq -f 'link%.0f' 0 "$links" | xargs "$build/vessel" create --template root --pids 1024 2>"$work/stderr" ||
		die "vessel cannot create" "$work/stderr"
	rm -f "$work"/figures/start_*.vessel
	measure start vessel link0 start_cold
	links_rules=$(rules)
	for ((i = 1; i <= links; i++)); do
		as=between
		[ "$i" -gt "$edge" ] || as=first
		[ "$i" -le $((links - edge)) ] || as=last
		measure start vessel "link$i" "start_$as"
	done
	links_rules=$(($(rules) - links_rules))
	print_links
	"$build/vessel" destroy 'link*' --force --yes 2>/dev/null
}

print_links()
{
	local first last
	first=$(figure "$work/figures/start_first.vessel" 50)
	last=$(figure "$work/figures/start_last.vessel" 50)
	links_ratio=$(ratio "$last" "$first")
	printf '\nwith a network of two addresses each, median of a start in ms\n\n'
	printf '%-30s %20s\n' "the first $edge VEs" "$first" \
		"the last $edge of $links" "$last (x$links_ratio)" \
		"rules of nftables added by all" "$links_rules"
}

# The same between two namespaces with nothing else in them.
bare_make()
{
	ip netns add bench-near
	ip netns add bench-far
	ip -n bench-near link add bare type veth peer name eth0 netns bench-far
	ip -n bench-near address add 10.99.0.1/30 dev bare
	ip -n bench-far address add 10.99.0.2/30 dev eth0
	ip -n bench-near link set bare up
	ip -n bench-far link set eth0 up
}

bare_remove()
{
	ip netns delete bench-near
	ip netns delete bench-far
}

# traffic HOW WHICH ADDRESS AMOUNT: one figure, seen from the host's end of the bare pair or the VE's.
traffic()
{
	local near=()
	[ "$2" = vessel ] || near=(ip netns exec bench-near)
	"${near[@]}" "$work/traffic" "$1" "$3" $port "$4" >>"$work/figures/traffic_$1.$2" 2>"$work/stderr" ||
		die "no traffic $1 the $2 end" "$work/stderr"
}

# Five rounds, each of which goes back and forth between the two.
measure_traffic()
{
	local address pid i how servers=()
	cc -O2 -o "$work/traffic" "$here/traffic.c"
	bare_make
	ip address add 10.97.0.1/32 dev lo # the host's own, for its side of what it says
	"$build/vessel" create traffic --template root --start 2>"$work/stderr" ||
		die "vessel cannot start a VE" "$work/stderr"
	pid=$(vessel_pid traffic)
	address=$("$build/vessel" show --json traffic | jq -r '.[0].net[0].address[0]')
	nsenter --net="/proc/$pid/ns/net" "$work/traffic" serve $port &
	servers+=($!)
	ip netns exec bench-far "$work/traffic" serve $port &
	servers+=($!)
	sleep 0.5
	for ((i = 0; i < 5; i++)); do
		for how in "to 4" "from 4" "ping 50000"; do
			traffic "${how% *}" bare 10.99.0.2 "${how#* }"
			traffic "${how% *}" vessel "$address" "${how#* }"
		done
	done
	kill "${servers[@]}"
	wait "${servers[@]}" 2>/dev/null || true
	bare_remove
	"$build/vessel" destroy traffic --force --yes 2>/dev/null
	print_traffic
}

print_traffic()
{
	local how what bare own
	printf '\none VE and its host, medians of 5 rounds in turn; ratio to a bare veth pair\n\n'
	printf '%-30s %20s %20s\n' '' 'bare pair' vessel
	for how in to from ping; do
		case $how in
		to) what="TCP to the VE, Mbit/s" ;;
		from) what="TCP from the VE, Mbit/s" ;;
		ping) what="UDP there and back, ns" ;;
		esac
		bare=$(percentile "$work/figures/traffic_$how.bare" 50)
		own=$(percentile "$work/figures/traffic_$how.vessel" 50)
		traffic_ratio[$how]=$(ratio "$own" "$bare")
		printf '%-30s %20s %20s\n' "$what" "$bare" "$own (x${traffic_ratio[$how]})"
	done
}
