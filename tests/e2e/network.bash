# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# network.bash - loaded after helpers.bash by network*.bats: an outside for the host of vesseld, and
# programs that talk in either, in the VEs and across (fixtures/traffic).
#
#     VE eth0 --- veN  host  up0 --- eth0  outside, the host's default router

outside=$VESSEL_INSTANCE-out
# shellcheck disable=SC2034 # for those who load this
host4=192.0.2.1 host6=2001:db8::1 out4=192.0.2.2 out6=2001:db8::2
soon=20      # seconds that what must come may take
silence=700  # ms after which what has not come does not
[ -z "${MACHINE_GUEST:-}" ] || silence=2000

# Makes the outside and starts vesseld with these options.
network_start()
{
	local netns
	vesseld_prepare
	netns_add "$outside"
	in_host ip link add up0 type veth peer name eth0 netns "$outside"
	in_host sysctl -qw net.ipv6.conf.all.forwarding=1 # what doctor asks for before 6.17
	for netns in "$VESSEL_NETNS up0 $host4 $host6 $out4 $out6" "$outside eth0 $out4 $out6"; do
		# shellcheck disable=SC2086 # words
		plug $netns
	done
	# The way back is the host for all that VEs may have; the rest is what NAT is for.
	in_netns "$outside" ip route add 10.0.0.0/8 via "$host4"
	in_netns "$outside" ip -6 route add fc00::/7 via "$host6"
	vesseld_run "$@"
}

# plug NETNS LINK IPV4 IPV6 [ROUTER4 ROUTER6]
plug()
{
	in_netns "$1" ip addr add "$3/24" dev "$2"
	in_netns "$1" ip addr add "$4/64" dev "$2" nodad
	in_netns "$1" ip link set "$2" up
	[ $# -gt 4 ] || return 0
	in_netns "$1" ip route add default via "$5"
	in_netns "$1" ip -6 route add default via "$6"
}

network_stop()
{
	local status=0
	vesseld_stop || status=$?
	netns_delete "$outside"
	return "$status"
}

# The network namespace of a VE that runs.
space()
{
	echo "/proc/$(pid_of "$1")/ns/net"
}

# place WHERE COMMAND...: in the network of `host`, `outside`, of a VE or of such a file. What a VE's own programs may
# do there is not asked by this: some tests go by `vessel exec`.
place()
{
	case $1 in
	host) in_host "${@:2}" ;;
	outside) in_netns "$outside" "${@:2}" ;;
	/*) nsenter --net="$1" -- "${@:2}" ;;
	*) nsenter --net="$(space "$1")" -- "${@:2}" ;;
	esac
}

# talk WHERE VERB WORD...: fixtures/traffic there.
talk()
{
	place "$1" "$fixtures/traffic" "${@:2}"
}

# serve WHERE PORT...: servers until talkers_end; what they heard is in $BATS_TEST_TMPDIR/WHERE.PORT.
serve()
{
	local where=$1 port
	for port in "${@:2}"; do
		talk_on "$where.$port" "$where" serve "$port"
	done
	for port in "${@:2}"; do
		wait_until "$soon" listens "$where" "$port"
	done
}

# heard WHERE PORT SOURCE: its server, a datagram from there.
heard()
{
	grep -qx "udp $3" "$BATS_TEST_TMPDIR/$1.$2"
}

listens()
{
	place "$1" ss -Hltn "sport = :$2" | grep -q .
}

# talk_on FILE WHERE VERB WORD...: goes on beside the test; sets talker to its pid.
talk_on()
{
	talk "${@:2}" >"$BATS_TEST_TMPDIR/$1" 2>"$BATS_TEST_TMPDIR/$1.error" 3>&- 4>&- &
	talker=$!
	talkers+=("$talker")
}

talkers=()
talkers_end()
{
	[ ${#talkers[@]} -eq 0 ] || kill_all "${talkers[@]}"
	talkers=()
}

kill_all()
{
	local pid
	for pid in "$@"; do
		pkill -TERM -P "$pid" || true
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait "$@" 2>/dev/null || true
}

# The VE's address of a family, 4 or 6.
address()
{
	local address
	for address in $(vessel list -H -o addresses "$1" | tr , ' '); do
		case $2:$address in
		4:*.* | 6:*:*) echo "$address" && return ;;
		esac
	done
	return 1
}

# drops VE REASON: so many packets.
drops()
{
	show_json "$1" ".net[0].drops.$2"
}

# dropped VE REASON TEST N: their number is so, -eq or -gt; it may take a moment to.
dropped()
{
	test "$(drops "$1" "$2")" "$3" "$4"
}

# seen WANTED WHERE PROTOCOL IP PORT: who asks there from here is taken for this one.
seen()
{
	local got
	got=$(talk "$2" ask "$3" "$4" "$5") || return 1
	[ "$got" = "$1" ] || { echo "$2 to $4:$5/$3: seen as $got, not $1" >&2; return 1; }
}

# unheard WHERE PROTOCOL IP PORT: nobody answers there.
unheard()
{
	! talk "$1" ask "$2" "$3" "$4" "$silence" 2>/dev/null || { echo "$1 reached $3:$4/$2" >&2; return 1; }
}
