#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What is under way when something else happens: a restart whose manager ends, an end whose record
# cannot be written, two imports of one name. That jobs are killed at every step is crash.bats.

load helpers

setup_file()
{
	local t=$BATS_FILE_TMPDIR/t
	vesseld_start
	import_busybox
	mkdir -p "$t/sbin" "$t/bin" "$t/etc"
	cp /bin/busybox "$t/bin/busybox"
	ln -s busybox "$t/bin/sh"
	# It ends as its files say: a second after it is asked, by itself, or not at all.
	cat >"$t/sbin/init.sh" <<'END'
#!/bin/sh
trap 'busybox sleep 1; exit' TERM
echo >>/lives
[ ! -e /loop ] || busybox reboot -f
[ ! -e /hog ] || exec busybox dd if=/dev/zero of=/dev/null bs=64M count=1
[ ! -e /end ] || { busybox sleep 0.8; exit 3; }
while :; do busybox sleep 0.1; done
END
	chmod 755 "$t/sbin/init.sh"
	tar -C "$t" -c . | vessel template import shell -
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

teardown()
{
	[ -z "${events_pid:-}" ] || kill "$events_pid" || true
	vessel destroy --all --force --yes || true
}

make()
{
	vessel create "$1" --template shell --init /sbin/init.sh
	[ $# -eq 1 ] || : >"$state_dir/ve/$1/disk/upper/$2"
}

lives()
{
	wc -l <"$state_dir/ve/$1/disk/upper/lives"
}

lived_longer_than()
{
	[ "$(lives "$1")" -gt "$2" ]
}

another_manager()
{
	[ -n "$(manager_pid)" ] && [ "$(manager_pid)" != "$1" ] && vessel list
}

manager_killed()
{
	local old
	old=$(manager_pid)
	kill -KILL "$old"
	wait_until 10 another_manager "$old"
}

@test "a restart goes on when its manager is killed while the guest is asked" {
	make a
	vessel start a --wait
	local init
	init=$(pid_of a)
	"$build/vessel" restart a 3>&- &
	wait_until 5 is_state a stopping
	manager_killed
	wait_until 20 restarted a "$init"
	jq -e .run "$state_dir/ve/a/config.json"
	[ "$(lives a)" -eq 2 ]
}

@test "a restart goes on with the next vesseld when the whole daemon is ended meanwhile" {
	make a
	vessel start a --wait
	local init client status_seen=0
	init=$(pid_of a)
	"$build/vessel" restart a 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	client=$!
	wait_until 5 is_state a stopping
	kill -TERM "$(vesseld_pid)"
	wait $client || status_seen=$?
	[ "$status_seen" -ne 0 ]
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	vesseld_run
	wait_until 20 restarted a "$init"
}

@test "a stop is not undone by the next manager" {
	make a
	vessel start a --wait
	"$build/vessel" stop a 3>&- &
	wait_until 5 is_state a stopping
	manager_killed
	wait_until 20 is_state a stopped
	[ "$(jq .run "$state_dir/ve/a/config.json")" = false ]
	manager_killed
	is_state a stopped
}

@test "a guest that reboots again and again does so under each new manager, and stop ends it" {
	make a loop
	vessel start a || true
	local n i
	for i in 1 2 3; do
		wait_until 10 lived_longer_than a 5 # long enough for the pause between two lives
		n=$(lives a)
		manager_killed
		wait_until 10 lived_longer_than a $((n + 2))
	done
	vessel stop a --force || true
	wait_until 10 is_state a stopped
	[ "$(jq .run "$state_dir/ve/a/config.json")" = false ]
}

@test "restart --wait tells of force, like restart" {
	make a
	vessel set a --stop-timeout 0
	vessel start a --wait
	run --separate-stderr vessel restart a
	[ "$status" -eq 0 ]
	[[ $stderr == *force* ]] || return 1
	run --separate-stderr vessel restart a --wait
	[ "$status" -eq 0 ]
	[[ $stderr == *force* ]] || return 1
}

@test "who waits for a guest that dies is told so, also when its end cannot be recorded" {
	local client status_seen=0
	make a end
	timeout 20 "$build/vessel" start a --wait 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	client=$!
	# Init lives for less than the second after which it would count as up: nothing slow in between.
	until [[ "$(<"$state_dir/ve/a/config.json")" =~ \"run\":\ *true ]]; do kill -0 $client; done
	mkdir "$state_dir/ve/a/.config.json.new" # where the next record would be written
	wait $client || status_seen=$?
	[ "$status_seen" -eq 1 ]
	grep -q "cannot start a: its init has ended (exit 3)" "$BATS_TEST_TMPDIR/said"
	is_state a stopped
	vesseld_log | grep -q "a: clear away: .*config.json.*EISDIR" # positive control
	rmdir "$state_dir/ve/a/.config.json.new"
}

@test "a broken VE that runs is not renamed" {
	make a
	vessel start a --wait
	cp "$state_dir/ve/a/config.json" "$BATS_TEST_TMPDIR/config.json"
	echo '{' >"$state_dir/ve/a/config.json"
	manager_killed
	is_state a broken
	run --separate-stderr vessel rename a b
	[ "$status" -eq 4 ]
	[ "$stderr" = "vessel: cannot rename a: it is broken (vessel stop a)" ]
	cp "$BATS_TEST_TMPDIR/config.json" "$state_dir/ve/a/config.json"
	vessel stop a --force
	manager_killed
	vessel rename a b # positive control
}

@test "an OOM kill that ends its VE is an event" {
	make a hog
	vessel set a --memory 16M
	"$build/vessel" events -f >"$BATS_TEST_TMPDIR/events" 3>&- &
	events_pid=$!
	# Again until the listener is there: init itself is what is killed.
	oom_heard() { vessel start a; grep -q ' a: oom: ' "$BATS_TEST_TMPDIR/events"; }
	wait_until 20 oom_heard
}

@test "of two imports of one name at once, one is refused" {
	local i first second outcome=""
	mkfifo "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	"$build/vessel" template import two - <"$BATS_TEST_TMPDIR/1" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	first=$!
	exec 7>"$BATS_TEST_TMPDIR/1"
	"$build/vessel" template import two - <"$BATS_TEST_TMPDIR/2" 2>>"$BATS_TEST_TMPDIR/said" 3>&- 7>&- &
	second=$!
	exec 8>"$BATS_TEST_TMPDIR/2"
	two_imports() { [ "$(find "$state_dir/layer" -maxdepth 1 -name '.import-*' | wc -l)" -eq 2 ]; }
	wait_until 10 two_imports
	tar -C /etc -c hosts >&7
	exec 7>&-
	tar -C /etc -c hostname >&8
	exec 8>&-
	for i in $first $second; do
		wait "$i" && outcome+="ok " || outcome+="$? "
	done
	[ "$outcome" = "ok 4 " ] || [ "$outcome" = "4 ok " ]
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = "vessel: cannot import template two: template two is there already (see --replace)" ]
	vessel template remove two
}

@test "each request that changes something leaves one line in the log, also one that is refused" {
	local n line
	make a
	logs_one()
	{
		n=$(vesseld_log | wc -l)
		vessel "${@:2}" </dev/null >/dev/null 2>&1 || true
		line=$(vesseld_log | tail -n "+$((n + 1))" | grep -F "(uid 0, pid " || true)
		[[ $line == *"$1"* && $line != *$'\n'* ]] || { echo "$*: '$line'"; return 1; }
	}
	logs_one 'cannot run a program in a: it is stopped' exec a true
	logs_one 'cannot signal a: it is stopped' kill -s TERM a
	logs_one 'cannot attach to the console of a: it is stopped' console a
	logs_one 'cannot import template Bad: bad name' template import Bad -
	logs_one 'cannot remove template Bad: bad name' template remove Bad
	vessel start a --wait
	logs_one 'a: kill HUP (' kill -s HUP a
}
