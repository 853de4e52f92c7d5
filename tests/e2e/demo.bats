#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# ./dev demo shows what it says: its figures are read as a newcomer reads them.

load helpers

setup_file()
{
	host_snapshot >"$BATS_FILE_TMPDIR/host.before"
	DEMO_INSTANCE=$VESSEL_INSTANCE DEMO_STATE=$root_dir/demo DEMO_IDS=$first_id-$((first_id + 65536 * id_blocks - 1)) \
		"$here/../demo/run" "$build" >"$BATS_FILE_TMPDIR/demo" 2>&1
}

teardown_file()
{
	host_unchanged
	[ ! -e "$root_dir/demo" ]
}

# part TITLE: what the demo prints below a headline.
part()
{
	awk -v title="$1" '/^# / { on = index($0, title) } on' "$BATS_FILE_TMPDIR/demo"
}

# between LOW HIGH: a number on stdin is.
between()
{
	awk -v low="$1" -v high="$2" '{ exit !($1 >= low && $1 <= high) }'
}

@test "a VE is made, started and used" {
	part "A template" | grep -qE '^small +'
	part "A VE made from it" | grep -qE '^web1 +running +[0-9.]+ +small +[0-9.]+/0\.5 +[0-9.]+[KM]/64\.0M +[0-9]+/50 '
	part "A machine of its own" | grep -qx web1
	part "A machine of its own" | grep -qE "init runs as user [1-9][0-9]{5,} of this host"
}

# How exactly a limit is reached is for limits.bats: a demo may have a busy host.
@test "the CPU limit is measured, also after its change" {
	part "The CPU limit holds" | sed -n 's/^  \(.*\) CPU used, 0.50 allowed$/\1/p' | between 0.05 0.55
	part "A limit changes" | sed -n 's/^  \(.*\) CPU used, 1.00 allowed$/\1/p' | between 0.1 1.1
}

@test "the limits of memory and processes end what goes beyond, and nothing else" {
	local killed
	killed=$(part "The memory limit holds" | grep -c 'exit status')
	[ "$killed" -eq 1 ]
	part "The memory limit holds" | grep -q '(exit status 137: killed)'
	part "The process limit holds" | grep -q "can't fork"
	part "What the VE used" | grep -E '^memory ' | awk '{ print $6 }' | between 1 1000
	part "What the VE used" | grep -E '^pids ' | awk '{ print $6 }' | between 1 1000
}

@test "at the end it is stopped and gone, and no command failed unannounced" {
	part "Stopped by its own" | grep -qE '^web1 +stopped '
	grep -q '^# Done\.' "$BATS_FILE_TMPDIR/demo"
	# 137 of the memory and 2 of the refused fork are the demo's own
	[ "$(grep -c '(exit status' "$BATS_FILE_TMPDIR/demo")" -eq 2 ]
}
