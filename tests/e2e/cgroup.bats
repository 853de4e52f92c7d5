#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What vessel takes of cgroup v2 works: birth in a cgroup, the kill in one write, peaks, events and
# pressure, the level above the guest's own, delegation. That limits hold is in limits.bats.

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

teardown()
{
	[ ! -d "${trace:-}" ] || rmdir "$trace"
	! mountpoint -q "$BATS_TEST_TMPDIR/tracing" || umount "$BATS_TEST_TMPDIR/tracing"
	vessel destroy --all --force --yes || true
}

# The VE's directory in the v2 tree, on every host.
group_of()
{
	cgroup_dir "$1" none
}

# How often a process was moved into one of the VE's v2 cgroups, by the kernel's account.
moved_into()
{
	grep -c "dst_root=0 .*dst_path=$(show_json "$1" .cgroup)/" "$trace/trace" || true
}

@test "init and what exec runs are born in their cgroup: nothing is moved there" {
	vessel create a --template small
	mkdir "$BATS_TEST_TMPDIR/tracing"
	mount -t tracefs none "$BATS_TEST_TMPDIR/tracing"
	trace=$BATS_TEST_TMPDIR/tracing/instances/$VESSEL_INSTANCE
	mkdir "$trace"
	echo 1 >"$trace/events/cgroup/cgroup_attach_task/enable"
	vessel start a --wait
	vessel exec a -- grep -qx 0::/.vessel /proc/self/cgroup
	grep -qx "0::$(show_json a .cgroup)/guest" "/proc/$(pid_of a)/cgroup"
	[ "$(moved_into a)" -eq 0 ] || { cat "$trace/trace" >&2; false; }
	sleep 1000 3>&- & # positive control: one that is moved is seen
	echo $! >"$(group_of a)/guest/cgroup.procs"
	[ "$(moved_into a)" -eq 1 ]
	kill $!
}

@test "stop --force ends a fork storm at once by cgroup.kill, no process by its pid" {
	vessel create a --template small --start --wait
	local dir log=$BATS_TEST_TMPDIR/strace tracer
	dir=$(group_of a)
	# Each forks the next and ends: whoever kills by a list of pids comes too late. Paced, for init reaps.
	vessel exec -n a -- sh -c 'f() { sleep 0.03; f & }; (for i in $(seq 8); do f & done) >/dev/null 2>&1'
	sort "$dir/guest/.vessel/cgroup.procs" >"$BATS_TEST_TMPDIR/procs"
	sleep 0.5
	[ -n "$(sort "$dir/guest/.vessel/cgroup.procs" | comm -13 "$BATS_TEST_TMPDIR/procs" -)" ] # positive control
	strace -f -qq -o "$log" -e trace=openat,kill,tgkill,pidfd_send_signal \
		-p "$(vesseld_pid)" -p "$(manager_pid)" 3>&- &
	tracer=$!
	traced() { ! grep -q '^TracerPid:[[:space:]]0$' "/proc/$(manager_pid)/status"; }
	wait_until 10 traced
	vessel stop a --force
	kill -INT $tracer
	wait $tracer || true
	grep -q '"cgroup.kill", O_WRONLY' "$log" || { cat "$log" >&2; false; }
	run grep -E ' (kill|tgkill|pidfd_send_signal)\(' "$log"
	[ "$status" -ne 0 ] || { echo "$output" >&2; false; }
	is_state a stopped
	[ ! -e "$dir" ]
}

@test "a peak of memory is kept when the memory is given back" {
	vessel create a --template small --memory 256M --start --wait
	local peak file
	vessel exec a -- sh -c 'cat > /root/touch-memory; chmod 755 /root/touch-memory' <"$fixtures/touch-memory"
	[ "$(show_json a .limits.memory.peak)" -lt $((100 << 20)) ]
	vessel exec a -- /root/touch-memory 100
	peak=$(show_json a .limits.memory.peak)
	[ "$peak" -ge $((100 << 20)) ]
	[ "$(show_json a .limits.memory.used)" -lt $((100 << 20)) ]
	file=memory.peak
	on_pure_v2 || file=memory.max_usage_in_bytes
	[ "$(cat "$(cgroup_dir a memory)/$file")" -eq "$peak" ]
}

# The sum of what the files of that name below a directory have behind a key. Before Linux 6.11 a
# refused fork is counted where it was tried alone.
counted()
{
	find "$1" -name "$2" -exec awk -v key="$3" '$1 == key { sum += $2 } END { print sum + 0 }' {} +
}

@test "hits and totals are the kernel's own counts of the VE, and no other's" {
	vessel create a b --template small --pids 30 --cpus 0.3 --start --wait
	vessel exec -n a -- sh -c '(while :; do :; done) >/dev/null 2>&1 &'
	vessel exec -n a -- sh -c 'for i in $(seq 50); do sleep 100 & done' || true
	throttled() { [ "$(show_json a .limits.cpus.hits)" -gt 0 ]; }
	wait_until 10 throttled
	vessel pause a # what counts stands still
	local pids events=pids.events
	pids=$(show_json a .limits.pids.hits)
	[ "$pids" -gt 0 ]
	[ ! -e "$(cgroup_dir a pids)/pids.events.local" ] || events=pids.events.local
	[ "$pids" -eq "$(counted "$(cgroup_dir a pids)" $events max)" ]
	[ "$(show_json a .limits.cpus.hits)" -eq "$(awk '$1 == "nr_throttled" { print $2 }' "$(cgroup_dir a cpu)/cpu.stat")" ]
	[ "$(show_json a '.limits.cpus.total * 1000000 | round')" -eq "$(cpu_time a)" ]
	[ "$(show_json b .limits.pids.hits)" -eq 0 ]
	awk -v a="$(cpu_time a)" -v b="$(cpu_time b)" 'BEGIN { exit !(b < a) }'
}

# Microseconds for which some task had to wait, in the text of a pressure file.
waited()
{
	sed -n 's/^some .*total=//p'
}

@test "pressure is each VE's own, and it can read its own" {
	vessel create a b --template small --cpus 0.5 --start --wait
	vessel exec -n a -- sh -c 'for i in 1 2 3; do (while :; do :; done) >/dev/null 2>&1 & done'
	pressed() { [ "$(waited <"$(group_of a)/cpu.pressure")" -gt 3000000 ]; }
	wait_until 60 pressed
	sees() { [ "$(vessel exec -n a -- cat /sys/fs/cgroup/cpu.pressure | waited)" -gt 2000000 ]; } # summed up every 2 s
	wait_until 20 sees
	[ "$(vessel exec b -- cat /sys/fs/cgroup/cpu.pressure | waited)" -lt 1000000 ]
	local file
	for file in memory io; do
		vessel exec a -- grep -q '^full ' /sys/fs/cgroup/$file.pressure
	done
}

@test "delegated is what the kernel's list names, and nothing else" {
	vessel create a --template small --start --wait
	local dir first file
	dir=$(group_of a)
	first=$(show_json a .first_id)
	[ "$(stat -c '%u %g' "$dir/guest")" = "$first $first" ]
	run diff <(find "$dir/guest" -maxdepth 1 -type f -uid "$first" -printf '%f\n' | sort) \
		<(while read -r file; do [ ! -e "$dir/guest/$file" ] || echo "$file"; done </sys/kernel/cgroup/delegate | sort)
	[ "$status" -eq 0 ] || { echo "$output" >&2; false; }
	[ "$(stat -c %u "$dir/guest/cgroup.procs")" = "$first" ] # positive control: there is something
	[ -z "$(find "$dir/guest" -maxdepth 1 -type f ! -uid "$first" ! -uid 0)" ]
	[ -z "$(find "$dir" -maxdepth 1 ! -uid 0 ! -name guest)" ] # nor above
}

# Which files that limit or end something a VE's root can write, in a directory inside.
writable()
{
	vessel exec -n "$1" -- sh -c 'cd "$0" && for f in *.max *.high *.min *.low *.weight cgroup.max.* cgroup.freeze; do
		[ -e "$f" ] && cat "$f" >/root/value && cat /root/value >"$f" && echo "$f"; done; true' "$2" 2>/dev/null
}

@test "the level that carries the limits is above all that a guest's root sees or writes" {
	vessel create a --template small --pids 40 --memory 128M --cpus 0.9 --start --wait
	local dir before
	dir=$(group_of a)
	limits_of() { find "$dir" -maxdepth 1 -name '*.max*' | sort | xargs tail -n +1; }
	before=$(limits_of)
	# mounted once more, the tree still begins at the guest's own level
	vessel exec a -- sh -c 'mkdir /mnt/again && mount -t cgroup2 none /mnt/again'
	[ "$(vessel exec a -- stat -c %i /mnt/again)" = "$(stat -c %i "$dir/guest")" ]
	vessel exec a -- mkdir /mnt/again/own
	[ "$(writable a /mnt/again)" = "" ]
	[[ "$(writable a /mnt/again/own)" == *cgroup.max.depth* ]] # positive control
	vessel exec a -- rmdir /mnt/again/own
	[ "$(limits_of)" = "$before" ]
}

@test "below its own level a guest limits as it likes, and within what it has" {
	on_pure_v2 || skip "controllers are on v1 here: the guest's v2 tree has none"
	vessel create a --template small --pids 40 --start --wait
	vessel exec -n a -- sh -c 'cd /sys/fs/cgroup && mkdir rest own &&
		for p in $(cat cgroup.procs); do echo $p > rest/cgroup.procs 2>/dev/null; done
		echo +pids > cgroup.subtree_control && echo 4 > own/pids.max'
	forks() { vessel exec -n a -- sh -c "echo \$\$ > /sys/fs/cgroup/$1/cgroup.procs && for i in \$(seq $2); do sleep 2 & done" 2>/dev/null; }
	forks rest 8 # positive control
	run forks own 8
	[ "$status" -ne 0 ]
	[ "$(show_json a .limits.pids.used)" -le 40 ]
	vessel exec -n a -- sh -c 'echo max > /sys/fs/cgroup/own/pids.max'
	run forks own 60
	[ "$status" -ne 0 ]
	[ "$(cat "$(group_of a)/pids.current")" -le 40 ]
}

# With the rights of the host's root and in the VE's cgroup namespace: what then refuses is nsdelegate.
with_its_namespace()
{
	nsenter -t "$(pid_of a)" -C -- sh -c "$1" 2>&1
}

@test "nsdelegate: from the VE's namespace neither its limits are written nor its processes moved out" {
	grep -q ' cgroup2 [^ ]*nsdelegate' /proc/mounts || skip "the v2 tree is mounted without nsdelegate"
	vessel create a b --template small --start --wait
	local file pid there
	file=$(group_of a)/guest/pids.max
	there=$(group_of b)/guest/cgroup.procs
	cat "$file" >"$BATS_TEST_TMPDIR/value"
	cat "$BATS_TEST_TMPDIR/value" >"$file" # positive control
	run with_its_namespace "cat '$BATS_TEST_TMPDIR/value' > '$file'"
	[ "$status" -ne 0 ]
	[[ "$output" == *"not permitted"* ]] || { echo "$output" >&2; false; }
	vessel exec -n a -- sh -c 'sleep 1000 >/dev/null 2>&1 &'
	pid=$(tail -1 "$(group_of a)/guest/.vessel/cgroup.procs")
	run with_its_namespace "echo $pid > '$there'"
	[ "$status" -ne 0 ]
	grep -q "$(show_json a .cgroup)/guest" "/proc/$pid/cgroup"
	echo "$pid" >"$there" # positive control
	grep -q "$(show_json b .cgroup)/guest" "/proc/$pid/cgroup"
}
