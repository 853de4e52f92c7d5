# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# helpers.bash - loaded by every .bats file: a private vesseld on an instance of its own, and the
# comparison of the host before and after.
#
# Each file: `load helpers`, setup_file() { vesseld_start [OPTION...]; }, teardown_file() {
# vesseld_stop; host_unchanged; }. Tests run commands with `vessel ...`, a function below.

bats_require_minimum_version 1.5.0
shopt -s extglob

here=${BATS_TEST_FILENAME%/*}
build=${VESSEL_BUILD:-$here/../../build}
fixtures=${VESSEL_FIXTURES:-$here/../../build/fixtures}
root_dir=${VESSEL_TEST_DIR:-$build/e2e}
# shellcheck source=tests/e2e/host.bash
. "${BASH_SOURCE[0]%/*}/host.bash"

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1}

# One id range, cgroup and pair of directories per file, so that files run side by side and a failed
# one cannot reach the next; and per build, as far as chance goes: 150 ranges fit into 32 bits.
id_blocks=400
files_top=25
# Every test reads this file anew: it starts no process that it can do without, since those take long on
# an emulated machine.
file_number=$files_top # of another folder
test_files=("$here"/*.bats)
for i in "${!test_files[@]}"; do
	[ "${test_files[i]##*/}" != "${BATS_TEST_FILENAME##*/}" ] || file_number=$((i + 1))
done
unset test_files i
export VESSEL_BUILD_NUMBER=${VESSEL_BUILD_NUMBER:-$(cd "$build" && pwd | cksum | cut -d' ' -f1)}
build_number=$VESSEL_BUILD_NUMBER
[ "$file_number" -le "$files_top" ] # more of them need smaller ranges

export VESSEL_INSTANCE
VESSEL_INSTANCE=$(printf 't%03d%02d' $((build_number % 1000)) "$file_number")
state_dir=$root_dir/$VESSEL_INSTANCE/state
run_dir=/run/vessel-$VESSEL_INSTANCE
first_id=$((1048576 + (build_number % 6 * files_top + file_number - 1) * 65536 * id_blocks))

# The network namespace that is the host's to every vesseld of a file, also of crash.py: what vesseld
# does to links, rules and sysctls of its host reaches nobody's own. Gone with vesseld_stop.
export VESSEL_NETNS=$VESSEL_INSTANCE

vessel()
{
	"$build/vessel" "$@"
}

# netns_add NAME...: as `ip netns add`, which would leave a mount of its own behind.
netns_add()
{
	local name
	for name in "$@"; do
		netns_delete "$name" # of a run that was killed
		for _ in 1 2 3; do # another file's netns_delete may come between
			mkdir -p /run/netns && : >"/run/netns/$name" && break
		done
		unshare --net="/run/netns/$name" ip link set lo up
	done
}

# No error where there is none.
netns_delete()
{
	local name
	for name in "$@"; do
		[ -e "/run/netns/$name" ] || continue
		umount "/run/netns/$name"
		rm -f "/run/netns/$name"
	done
	rmdir /run/netns 2>/dev/null || true # unless others are there
}

# in_netns NAME COMMAND...: not by `ip netns exec`, which hides the cgroups below /sys.
in_netns()
{
	nsenter --net="/run/netns/$1" -- "${@:2}"
}

# In what is the host's network to vesseld.
in_host()
{
	in_netns "$VESSEL_NETNS" "$@"
}

# What vesseld must leave as it was in there.
netns_snapshot()
{
	in_host ip -o link | awk -F': ' '{ print "link " $2 }'
	in_host nft list tables | sed 's/^/nftables /'
	in_host ip rule | sed 's/^/rule /'
}

netns_as_before()
{
	netns_snapshot | cmp -s - "$BATS_FILE_TMPDIR/netns.before"
}

# The host before anything is done to it, and what a vesseld needs of it.
vesseld_prepare()
{
	host_snapshot >"$BATS_FILE_TMPDIR/host.before"
	mkdir -p "${state_dir%/state}"
	netns_add "$VESSEL_NETNS"
}

# Starts vesseld and waits until it answers. Its words go to vesseld.log.
vesseld_start()
{
	vesseld_prepare
	vesseld_run "$@"
}

# Starts it (again) without making anything ready for it.
vesseld_run()
{
	[ -e "$BATS_FILE_TMPDIR/netns.before" ] || netns_snapshot >"$BATS_FILE_TMPDIR/netns.before"
	# The umask of its units: VEs must not depend on a kinder one.
	(umask 077 && exec nsenter --net="/run/netns/$VESSEL_NETNS" "$build/vesseld" --instance "$VESSEL_INSTANCE" --state-dir "$state_dir" \
		--ids "$first_id-$((first_id + 65536 * id_blocks - 1))" "$@" \
		>>"$root_dir/$VESSEL_INSTANCE/vesseld.log" 2>&1 3>&- 4>&-) &
	echo $! >"$root_dir/$VESSEL_INSTANCE/vesseld.pid"
	local i
	for ((i = 0; i < 200; i++)); do
		vessel list >/dev/null 2>&1 && return
		kill -0 "$(vesseld_pid)" 2>/dev/null || break
		sleep 0.05
	done
	echo "vesseld did not come up:" >&2
	tail -20 "$root_dir/$VESSEL_INSTANCE/vesseld.log" >&2
	return 1
}

vesseld_pid()
{
	cat "$root_dir/$VESSEL_INSTANCE/vesseld.pid"
}

# The jobs that stand at the step of --hold.
held()
{
	pgrep -r T -P "$(vesseld_pid)"
}

vesseld_log()
{
	cat "$root_dir/$VESSEL_INSTANCE/vesseld.log"
}

# The manager is the keeper's child that is called so.
manager_pid()
{
	pgrep -P "$(vesseld_pid)" -f -- --manager | head -1
}

# Ends every VE and the daemon; what the daemon then leaves is what host_unchanged finds, and in its
# network namespace, which goes with it, this.
vesseld_stop()
{
	local pid status=0 seconds=5
	[ -z "${MACHINE_GUEST:-}" ] || seconds=30
	vessel list >/dev/null 2>&1 || vesseld_run || true # where a test has failed between two of them
	vessel destroy --all --force --yes 2>/dev/null || true
	pid=$(vesseld_pid)
	kill -TERM "$pid" 2>/dev/null || true
	wait_until 10 vesseld_gone "$pid" || kill -KILL "$pid"
	if grep -E 'ERROR: AddressSanitizer|runtime error:' "$root_dir/$VESSEL_INSTANCE/vesseld.log" >&2; then
		status=1
	fi
	if ! wait_until $seconds netns_as_before; then
		echo "left behind in the host's network namespace:" >&2
		netns_snapshot | diff "$BATS_FILE_TMPDIR/netns.before" - >&2
		status=1
	fi
	netns_delete "$VESSEL_NETNS"
	rm -f "$BATS_FILE_TMPDIR/netns.before"
	[ -n "${KEEP_STATE:-}" ] || rm -rf "${root_dir:?}/$VESSEL_INSTANCE"
	return "$status"
}

vesseld_gone()
{
	! kill -0 "$1" 2>/dev/null
}

# wait_until SECONDS COMMAND...: polls every 50 ms.
wait_until()
{
	local end=$((SECONDS + $1)) && shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -le "$end" ] || { echo "waited in vain: $*" >&2; return 1; }
		sleep 0.05
	done
}

state_of()
{
	vessel list -H -o state "$1"
}

is_state()
{
	[ "$(state_of "$1")" = "$2" ]
}

# A member of show --json by jq's path: show_json web1 .limits.pids.hits
show_json()
{
	vessel show --json "$1" | jq -r ".[0]$2"
}

# Runs with another init than the one of that pid: asked once, for a state and a pid asked one after
# the other may be of two lives.
restarted()
{
	vessel show --json "$1" | jq -e --argjson old "$2" '.[0] | .state == "running" and .pid and .pid != $old'
}

# By a column, here and elsewhere: jq starts slowly, on an emulated machine above all.
pid_of()
{
	vessel list -H -o pid "$1"
}

# The VE's cgroup directory that holds a controller, v1 or v2.
cgroup_dir()
{
	local ve=$1 controller=$2 mount
	mount=$(awk -v c="$controller" '$3 == "cgroup" && ("," $4 ",") ~ ("," c ",") { print $2; exit }' /proc/mounts)
	[ -n "$mount" ] || mount=$(v2_mount)
	printf '%s%s' "$mount" "$(show_json "$ve" .cgroup)"
}

v2_mount()
{
	awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}

on_pure_v2()
{
	! awk '$3 == "cgroup" { found = 1 } END { exit !found }' /proc/mounts
}

# CPU time of a VE in microseconds, read from the host's side.
cpu_time()
{
	if on_pure_v2; then
		awk '$1 == "usage_usec" { print $2 }' "$(cgroup_dir "$1" cpu)/cpu.stat"
	else
		echo $(($(cat "$(cgroup_dir "$1" cpuacct)/cpuacct.usage") / 1000))
	fi
}

import_busybox()
{
	vessel template show small >/dev/null 2>&1 || vessel template build small --busybox
}

import_debian()
{
	local name=${1:-debian-12}
	vessel template show "$name" >/dev/null 2>&1 ||
		vessel template import "$name" "$fixtures/$name.tar"
}

# refused STATUS LINE COMMAND...: the command ends with that status and exactly that line on stderr.
refused()
{
	local want=$1 line=$2
	shift 2
	run --separate-stderr vessel "$@"
	# shellcheck disable=SC2154
	[ "$status" -eq "$want" ] || { echo "status $status, not $want: $stderr" >&2; return 1; }
	[ "$stderr" = "$line" ] || { printf 'stderr:\n%s\nnot:\n%s\n' "$stderr" "$line" >&2; return 1; }
}
