#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Hundreds on one host: all of them live, and afterwards nothing is left.

load helpers

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

same_descriptors()
{
	[ "$(descriptors)" = "$1" ]
}

names()
{
	seq -f "$1%g" "$2"
}

@test "100 VEs on the small template: created, started, answering, stopped, destroyed" {
	local before mounts n=100 fds
	[ -z "${MACHINE_GUEST:-}" ] || n=30
	fds=$(descriptors)
	find "$state_dir" | sort >"$BATS_TEST_TMPDIR/files.before"
	mounts=$(wc -l </proc/self/mountinfo)
	# shellcheck disable=SC2046
	vessel create $(names ve $n) --template small
	vessel start --all --wait --timeout 120
	[ "$(vessel list -H --state running -o name | wc -l)" -eq $n ]
	[ "$(wc -l </proc/self/mountinfo)" -eq "$mounts" ]
	# shellcheck disable=SC2046
	for ve in $(names ve $n); do
		[ "$(vessel exec -n "$ve" -- hostname)" = "$ve" ]
	done
	# nobody has another's ids
	[ "$(vessel list --json | jq '[.[].first_id] | unique | length')" -eq $n ]
	vessel stop --all
	[ "$(vessel list -H --state stopped -o name | wc -l)" -eq $n ]
	vessel destroy --all --yes
	[ "$(vessel list -H -o name | wc -l)" -eq 0 ]
	files_as_before() { find "$state_dir" | sort | diff - "$BATS_TEST_TMPDIR/files.before"; }
	wait_until 5 files_as_before
	wait_until 5 same_descriptors "$fds"
}

@test "50 Debian VEs at once are all running, with the kernel's default inotify limits" {
	[ "$(cat /proc/sys/fs/inotify/max_user_instances)" -eq 128 ]
	local n=50 mem
	if [ -n "${MACHINE_GUEST:-}" ]; then n=6; fi
	import_debian
	# shellcheck disable=SC2046
	vessel create $(names deb $n) --template debian-12 --memory 256M
	mem=$(awk '/^Cached:/ { print $2 }' /proc/meminfo)
	vessel start 'deb*' --wait --timeout 300
	local ve bad=
	# shellcheck disable=SC2046
	for ve in $(names deb $n); do
		[ "$(vessel exec -n "$ve" -- systemctl is-system-running)" = running ] || bad+=" $ve"
	done
	[ -z "$bad" ] || { echo "not running:$bad" >&2; false; }
	# 20 and more share their template's pages: libc is in the page cache once, so resident shared
	# file pages of all together stay far below n times one.
	one=$(vessel exec -n deb1 -- stat -c %i /usr/lib/x86_64-linux-gnu/libc.so.6 2>/dev/null || echo 0)
	echo "page cache grew by $(($(awk '/^Cached:/ { print $2 }' /proc/meminfo) - mem)) KiB for $n VEs (inode $one)"
	vessel stop 'deb*' --timeout 60
	[ "$(vessel list -H --state stopped -o name 'deb*' | wc -l)" -eq $n ]
	vessel destroy 'deb*' --yes
}

@test "resident memory of keeper and manager does not drift over start and stop" {
	local n=${VESSEL_CYCLES:-200} i
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
