#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What an operator reads and chooses by: list and its filters, plans, pending changes, waiting,
# events, and the commands on many VEs at once.

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

setup()
{
	events_pid=
}

teardown()
{
	[ -z "$events_pid" ] || kill "$events_pid" 2>/dev/null || true
	vessel destroy --all --force --yes 2>/dev/null || true
}

# events_begin OPTION...: into $BATS_TEST_TMPDIR/events, from the moment that a first one has come.
events_begin()
{
	"$build/vessel" events "$@" >"$BATS_TEST_TMPDIR/events" 3>&- &
	events_pid=$!
}

heard()
{
	grep -qE -- "$1" "$BATS_TEST_TMPDIR/events"
}

# The last states of VE a.
went()
{
	[ "$(sed -n 's/.* a: state: //p' "$BATS_TEST_TMPDIR/events" | tail -n "$(wc -w <<<"$1")" | paste -sd' ')" = "$1" ]
}

@test "list chooses by name, glob, state, label and process, and sorts by any column" {
	vessel create web1 --template small --label role=web --label tier=1 --memory 64M
	vessel create web2 --template small --label role=web --memory 256M
	vessel create db --template small --label role=db --memory 128M
	vessel start web2 --wait
	[ "$(vessel list -H -o name | paste -sd' ')" = "db web1 web2" ]
	[ "$(vessel list -H -o name 'web*' | paste -sd' ')" = "web1 web2" ]
	[ "$(vessel list -H -o name --state running)" = web2 ]
	[ "$(vessel list -H -o name --state running --state stopped | paste -sd' ')" = "db web1 web2" ]
	[ -z "$(vessel list -H -o name --state paused --state broken)" ]
	[ "$(vessel list -H -o name --label role=web --label tier=1)" = web1 ]
	[ "$(vessel list -H -o name --label tier=1 --label role=web)" = web1 ]
	[ "$(vessel list -H -o name -s -memory | paste -sd' ')" = "web2 db web1" ]
	[ "$(vessel list -H -o name --pid "$(show_json web2 .pid)")" = web2 ]
	[ -z "$(vessel list -H -o name --pid $$)" ]
	[ "$(vessel list --json --label role=db | jq -r '.[] | .name + .labels.role')" = dbdb ]
	vessel list >"$BATS_TEST_TMPDIR/list"
	[[ "$(head -1 "$BATS_TEST_TMPDIR/list")" == NAME* ]]
	vessel stop web2 --force # what it uses would change between the two
	[ "$(vessel list --json | jq -c .)" = "$(vessel show --json --all | jq -c .)" ]
}

@test "a plan is copied at create, and set --plan overwrites what it names and nothing else" {
	echo '{"format": 1, "settings": {"memory": 33554432, "pids": 77}}' >"$state_dir/plan/tiny.json"
	vessel create a --template small --plan tiny --cpus 0.5
	[ "$(show_json a '| [.plan, .limits.memory.limit, .limits.pids.limit, .limits.cpus.limit] | join(" ")')" = "tiny 33554432 77 0.5" ]
	vessel create b --template small --memory 64M
	[ "$(show_json b '.limits.pids.limit')" = 1024 ]
	vessel set b --plan tiny
	[ "$(show_json b '| [.plan, .limits.memory.limit, .limits.pids.limit] | join(" ")')" = "tiny 33554432 77" ]
	rm "$state_dir/plan/tiny.json"
	refused 3 "vessel: cannot create c: no plan tiny (it would be plan/tiny.json in the state directory)" create c --template small --plan tiny
}

@test "what cannot change while a VE runs waits for its next start, and is listed until then" {
	vessel create a --template small --start --wait
	run --separate-stderr vessel set a --hostname other --memory 64M
	[ "$status" -eq 0 ]
	[ "$stderr" = "a: kept for the next start: hostname" ]
	[ "$(show_json a '.pending | join(" ")')" = hostname ]
	[ "$(vessel exec a hostname)" = a ]
	[ "$(show_json a .limits.memory.limit)" = 67108864 ]
	run --separate-stderr vessel set a --hostname none
	[ "$status" -eq 0 ]
	[ -z "$stderr" ] # as it runs
	[ "$(show_json a '.pending | length')" = 0 ]
	vessel set a --hostname other
	vessel restart a --wait
	[ "$(show_json a '.pending | length')" = 0 ]
	[ "$(vessel exec a hostname)" = other ]
}

@test "a limit that is named is set, also where the record has had it all the time" {
	vessel create a --template small --memory 128M --start --wait
	vessel set a --memory 256M --live
	[ "$(show_json a .limits.memory.limit)" = 268435456 ]
	vessel set a --memory 128M
	[ "$(show_json a .limits.memory.limit)" = 134217728 ]
}

# A guest that says nothing of itself is up after a second.
@test "start --timeout ends the waiting, not the VE" {
	vessel create slow --template small
	refused 1 "vessel: cannot start slow: it is not ready after 0 s, and goes on starting" start slow --wait --timeout 0
	wait_until 20 is_state slow running
	[ "$(show_json slow .ready)" != null ]
}

@test "events: each change of state, an OOM kill and a refused fork, as they come" {
	vessel create a --template small --memory 32M --pids 16
	events_begin -f
	wait_until 10 sh -c "'$build/vessel' start a && '$build/vessel' stop a --force; grep -q starting '$BATS_TEST_TMPDIR/events'"
	vessel start a --wait
	vessel pause a
	vessel resume a
	vessel exec a -- sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1' 2>/dev/null || true
	wait_until 5 heard ' a: oom: '
	vessel exec a -- sh -c 'for i in $(seq 30); do sleep 2 & done; wait' 2>/dev/null || true
	wait_until 5 heard ' a: limit: .*pids'
	vessel stop a --force
	wait_until 5 went "starting running paused running stopping stopped"
}

@test "events without -f is the next one" {
	vessel create a --template small
	events_begin --json
	wait_until 10 sh -c "'$build/vessel' start a && '$build/vessel' stop a --force; ! kill -0 $events_pid"
	local status_seen=0
	wait "$events_pid" || status_seen=$?
	events_pid=
	[ "$status_seen" -eq 0 ]
	[ "$(jq -r 'length, .[0].ve' "$BATS_TEST_TMPDIR/events" | paste -sd' ')" = "1 a" ]
}

@test "a glob or --all passes over what is so already, and destroys only when told yes" {
	vessel create a b c --template small
	vessel start a --wait
	vessel start --all --wait
	[ "$(vessel list -H -o state | sort -u)" = running ]
	refused 4 "vessel: cannot start a: it is running" start a
	run vessel destroy '*' --force </dev/null
	[ "$status" -eq 2 ]
	[ "$(vessel list -H -o name | wc -l)" -eq 3 ]
	vessel stop '*' --force
	vessel destroy '*' --yes
	[ -z "$(vessel list -H -o name)" ]
}
