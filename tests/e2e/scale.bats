#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Hundreds on one host: all of them live, and afterwards nothing is left.

load helpers

small_n=100
debian_n=50
if [ -n "${MACHINE_GUEST:-}" ]; then # about 8 times slower
	small_n=20
	debian_n=5
fi

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

# Descriptors of keeper and manager by target, without the numbers of what comes and goes.
descriptors()
{
	local pid
	for pid in "$(vesseld_pid)" "$(manager_pid)"; do
		find "/proc/$pid/fd" -type l -printf '%l\n' | sed -E 's/(socket|pipe):\[[0-9]+\]/\1/; s/[0-9]+$//'
	done | sort | uniq -c
}

# What must be as before: FILE is where it is kept.
traces_keep()
{
	host_snapshot >"$1.host"
	netns_snapshot >"$1.netns"
	find "$state_dir" | sort >"$1.files"
	descriptors >"$1.descriptors"
}

traces_as_before()
{
	[ -z "$(host_snapshot | comm -13 "$1.host" -)" ] &&
		netns_snapshot | cmp -s - "$1.netns" &&
		find "$state_dir" | sort | cmp -s - "$1.files" &&
		descriptors | cmp -s - "$1.descriptors"
}

# Waits 5 s for it, longer where all is emulated, then says what differs.
traces_gone()
{
	local seconds=5
	[ -z "${MACHINE_GUEST:-}" ] || seconds=30
	wait_until $seconds traces_as_before "$1" && return
	host_snapshot | comm -13 "$1.host" - >&2
	netns_snapshot | diff "$1.netns" - >&2
	find "$state_dir" | sort | diff "$1.files" - >&2
	descriptors | diff "$1.descriptors" - >&2
	return 1
}

names()
{
	seq -f "$1%g" "$2"
}

running()
{
	vessel list -H --state "$2" -o name "$1*" | wc -l
}

# timed WHAT COMMAND...: how long it took goes to the log.
timed()
{
	local what=$1 start=$EPOCHREALTIME
	shift
	"$@" || return
	awk -v s="$start" -v e="$EPOCHREALTIME" -v w="$what" 'BEGIN { printf "# %s: %.1f s\n", w, e - s }' >&3
}

answer_all()
{
	local ve
	for ve in "$@"; do
		[ "$(vessel exec -n "$ve" -- hostname)" = "$ve" ] || { echo "$ve does not answer" >&2; return 1; }
	done
}

@test "100 VEs on the small template: created, started, answering, stopped, destroyed" {
	local mounts all before=$BATS_TEST_TMPDIR/before
	mapfile -t all < <(names ve $small_n)
	traces_keep "$before"
	mounts=$(wc -l </proc/self/mountinfo)
	timed "$small_n created" vessel create "${all[@]}" --template small
	timed "$small_n started, --wait" vessel start --all --wait --timeout 120
	[ "$(running ve running)" -eq $small_n ]
	# the host's mount table does not grow with VEs
	[ -n "${VESSEL_TEST_SHARED:-}" ] || [ "$(wc -l </proc/self/mountinfo)" -eq "$mounts" ]
	run grep -c "$VESSEL_INSTANCE" <(grep -v " /run/netns/$VESSEL_NETNS " /proc/self/mountinfo)
	[ "$output" = 0 ]
	timed "$small_n answered" answer_all "${all[@]}"
	# nobody has another's ids
	[ "$(vessel list --json | jq '[.[].first_id] | unique | length')" -eq $small_n ]
	timed "$small_n stopped" vessel stop --all
	[ "$(running ve stopped)" -eq $small_n ]
	[ "$(vessel list --json | jq '[.[].exit.how] | unique | join(",")' -r)" = poweroff ]
	timed "$small_n destroyed" vessel destroy --all --yes
	[ "$(vessel list -H -o name | wc -l)" -eq 0 ]
	traces_gone "$before"
}

@test "50 Debian VEs at once are all running, with the kernel's default inotify limits" {
	[ "$(cat /proc/sys/fs/inotify/max_user_instances)" -eq 128 ]
	local all ve said bad=
	import_debian
	traces_keep "$BATS_FILE_TMPDIR/debian"
	mapfile -t all < <(names deb $debian_n)
	vessel create "${all[@]}" --template debian-12 --memory 256M
	timed "$debian_n Debian started, --wait" vessel start 'deb*' --wait --timeout 300
	[ "$(running deb running)" -eq $debian_n ]
	for ve in "${all[@]}"; do
		said=$(vessel exec -n "$ve" -- systemctl is-system-running) || bad+=" $ve:$said"
	done
	[ -z "$bad" ] || { echo "not running:$bad" >&2; vessel exec -n deb1 -- systemctl --failed --no-pager >&2; false; }
}

@test "20 Debian VEs hold their template's pages once" {
	local pids
	mapfile -t pids < <(vessel list --json 'deb*' | jq -r '.[].pid' | head -20)
	[ "${#pids[@]}" -eq $((debian_n < 20 ? debian_n : 20)) ]
	run python3 "$here/shared-pages.py" "${pids[@]}"
	echo "# ${lines[0]}" >&3
	[ "$status" -eq 0 ] || { echo "$output" >&2; false; }
}

@test "50 Debian VEs stop by their own shutdown, and nothing is left of them" {
	timed "$debian_n Debian stopped" vessel stop 'deb*' --timeout 90
	[ "$(running deb stopped)" -eq $debian_n ]
	[ "$(vessel list --json 'deb*' | jq '[.[].exit.how] | unique | join(",")' -r)" = poweroff ]
	vessel destroy 'deb*' --yes
	traces_gone "$BATS_FILE_TMPDIR/debian"
}

@test "resident memory of keeper and manager does not drift over start and stop" {
	local n=${VESSEL_CYCLES:-1000} i
	[ -z "${MACHINE_GUEST:-}" ] || n=30
	vessel create web1 --template small
	rss() { awk '/^Rss:/ { s += $2 } END { print s }' "/proc/$(vesseld_pid)/smaps_rollup" "/proc/$(manager_pid)/smaps_rollup"; }
	for ((i = 0; i < 10; i++)); do
		vessel start web1 && vessel stop web1 --force
	done
	local before after
	before=$(rss)
	for ((i = 0; i < n; i++)); do
		vessel start web1 && vessel stop web1 --force
	done
	after=$(rss)
	echo "resident: $before KiB after 10 cycles, $after KiB after $n more"
	grep -q fsanitize "$build/Makefile" || [ $((after - before)) -le 64 ]
	vessel destroy web1
}
