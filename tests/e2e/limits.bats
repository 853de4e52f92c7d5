#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Limits hold: measured from the host's side, with a positive control each.

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
	bare_done
	vessel destroy --all --force --yes || true
}

# bare NAME FILE VALUE LOOPS: a cgroup that vessel has nothing to do with, with loops in it.
bare()
{
	local dir=/sys/fs/cgroup/$VESSEL_INSTANCE-bare-$1 i
	mkdir "$dir"
	echo "$3" >"$dir/$2"
	for ((i = 0; i < $4; i++)); do
		sh -c 'echo $$ >"$0/cgroup.procs"; while :; do :; done' "$dir" 3>&- &
	done
}

bare_done()
{
	local dir
	for dir in /sys/fs/cgroup/"$VESSEL_INSTANCE"-bare-*; do
		[ -d "$dir" ] || continue
		echo 1 >"$dir/cgroup.kill"
		wait_until 5 rmdir "$dir"
	done
}

# held_at VE QUOTA: the VE uses so many CPUs per thousand. Less may be the doing of others on this host,
# so that is measured again; more is ours at once. Under emulation a CPU is not a CPU: there it may also
# be within 20 percent of what a bare cgroup with that quota gets in the same seconds.
held_at()
{
	local measured
	if [ -n "${MACHINE_GUEST:-}" ]; then
		within "$(measure "$1" 10)" "$2" 5 || as_a_bare_one "$@"
		return
	fi
	for _ in 1 2 3; do
		measured=$(measure "$1" 10)
		! within "$measured" "$2" 5 || return 0
		[ "$measured" -lt "$2" ] || return 1
	done
	return 1
}

as_a_bare_one()
{
	bare quota cpu.max "$(($2 * 100)) 100000" 4
	sleep 1
	within "$(ratio "/sys/fs/cgroup/$VESSEL_INSTANCE-bare-quota/cpu.stat" "$(cpu_stat_file "$1")")" 1000 20 || return
	bare_done
}

burn()
{
	local ve=$1 n=$2 i
	for ((i = 0; i < n; i++)); do
		vessel exec -n "$ve" -- sh -c '(while :; do :; done) >/dev/null 2>&1 &'
	done
}

# CPUs per thousand that a VE used over SECONDS of wall time.
measure()
{
	used_of "$2" "$(cpu_stat_file "$1")"
}

# used_of SECONDS FILE
used_of()
{
	python3 - "$1" "$2" <<'END'
import sys, time
seconds, path = float(sys.argv[1]), sys.argv[2]
def used():
    text = open(path).read()
    if "usage_usec" in text:
        return int(text.split()[1]) * 1000
    return int(text)
a, t = used(), time.monotonic()
time.sleep(seconds)
b, u = used(), time.monotonic()
print(round((b - a) / 1e6 / (u - t)))
END
}

cpu_stat_file()
{
	if on_pure_v2; then
		echo "$(cgroup_dir "$1" cpu)/cpu.stat"
	else
		echo "$(cgroup_dir "$1" cpuacct)/cpuacct.usage"
	fi
}

# within VALUE WANTED PERCENT
within()
{
	awk -v v="$1" -v w="$2" -v p="$3" 'BEGIN { exit !(v >= w * (100 - p) / 100 && v <= w * (100 + p) / 100) }' ||
		{ echo "measured $1, wanted $2 within $3 percent" >&2; return 1; }
}

@test "half a CPU is half a CPU for four busy loops, idle host and loaded host, and follows set" {
	vessel create a --template small --cpus 0.5 --start --wait
	burn a 4
	sleep 1
	held_at a 500
	# A loaded host: as many loops as CPUs beside it.
	local loops=() i
	for ((i = 0; i < $(nproc); i++)); do
		timeout 120 sh -c 'while :; do :; done' 3>&- &
		loops+=($!)
	done
	held_at a 500
	kill "${loops[@]}"
	wait "${loops[@]}" 2>/dev/null || true
	vessel set a --cpus 0.1
	sleep 0.5
	held_at a 100
	[ "$(show_json a .limits.cpus.hits)" -gt 0 ]
	vessel set a --cpus none
	sleep 0.5
	[ "$(measure a 3)" -gt 700 ] # positive control: the limit was what held it
}

# How much more the second uses than the first, per thousand.
ratio()
{
	used_of 10 "$1" >"$BATS_TEST_TMPDIR/ratio" 3>&- &
	local second
	second=$(used_of 10 "$2")
	wait $!
	echo $((1000 * second / $(cat "$BATS_TEST_TMPDIR/ratio")))
}

@test "weights 100 and 300 share the CPUs one to three" {
	vessel create a --template small --cpu-weight 100 --start --wait
	vessel create b --template small --cpu-weight 300 --start --wait
	burn a "$(nproc)"
	burn b "$(nproc)"
	sleep 1
	local measured wanted=3000 percent=10
	measured=$(ratio "$(cpu_stat_file a)" "$(cpu_stat_file b)")
	if [ -n "${MACHINE_GUEST:-}" ] && ! within "$measured" "$wanted" 10; then
		vessel stop a b --force
		bare 100 cpu.weight 100 "$(nproc)"
		bare 300 cpu.weight 300 "$(nproc)"
		sleep 1
		wanted=$(ratio "/sys/fs/cgroup/$VESSEL_INSTANCE-bare-"{100,300}/cpu.stat) percent=20
	fi
	within "$measured" "$wanted" $percent
}

# How many OOM kills in the VE the kernel's log has, of this run and earlier ones.
kernel_kills()
{
	dmesg | grep -c "oom-kill:.*oom_memcg=$(show_json "$1" .cgroup)[,/]" || true
}

@test "touched memory and /dev/shm beyond the limit end in an OOM kill inside, written files do not" {
	vessel create a --template small --memory 128M --start --wait
	cp "$fixtures/touch-memory" "$BATS_TEST_TMPDIR/t"
	vessel exec a -- sh -c 'cat > /root/touch-memory; chmod 755 /root/touch-memory' <"$BATS_TEST_TMPDIR/t"
	[ "$(show_json a .limits.memory.hits)" -eq 0 ]
	local killed
	killed=$(kernel_kills a)
	vessel exec a -- /root/touch-memory 64 # positive control
	run vessel exec a -- /root/touch-memory 256
	[ "$status" -eq 137 ]
	local hits
	hits=$(show_json a .limits.memory.hits)
	[ "$hits" -ge 1 ]
	# Full to the brim, the VE has no room for another program: the shell itself empties the file.
	run vessel exec a -- sh -c \
		'dd if=/dev/zero of=/dev/shm/f bs=1M count=256 2>/dev/null; s=$?; : >/dev/shm/f; exit $s'
	[ "$status" -ne 0 ]
	[ "$(show_json a .limits.memory.hits)" -gt "$hits" ]
	hits=$(show_json a .limits.memory.hits)
	vessel exec a -- dd if=/dev/zero of=/root/f bs=1M count=256 2>/dev/null
	[ "$(show_json a .limits.memory.hits)" -eq "$hits" ]
	is_state a running
	[ "$(show_json a .limits.memory.peak)" -le $((128 << 20)) ]
	# hits are what the kernel counted, and what its log says
	[ $(($(kernel_kills a) - killed)) -eq "$hits" ]
	local counted
	if on_pure_v2; then
		counted=$(awk '$1 == "oom_kill" { print $2 }' "$(cgroup_dir a memory)/memory.events")
	else
		counted=$(awk '$1 == "oom_kill" { print $2 }' "$(cgroup_dir a memory)/memory.oom_control")
	fi
	[ "$hits" -eq "$counted" ]
	# and they go on over a restart
	vessel restart a --wait
	[ "$(show_json a .limits.memory.hits)" -eq "$hits" ]
}

@test "a fork bomb stops at the process limit and the host goes on" {
	vessel create a --template small --pids 64 --cpus 0.5 --start --wait
	quiet=$("$fixtures/fork-latency" 200)
	vessel exec -n a -- sh -c 'f() { f | f & }; f >/dev/null 2>&1 &' || true
	sleep 1
	[ "$(show_json a .limits.pids.hits)" -gt 0 ]
	[ "$(show_json a .limits.pids.used)" -le 64 ]
	bombed=$("$fixtures/fork-latency" 200)
	echo "p99 of fork+exec on the host: quiet $quiet us, bombed $bombed us"
	[ -n "${MACHINE_GUEST:-}" ] || [ "$bombed" -le $((quiet * 2)) ]
	is_state a running
	vessel stop a --force
	is_state a stopped
}

@test "limits are seen inside where programs look" {
	vessel create a --template small --memory 64M --pids 50 --cpus 0.5 --start --wait
	on_pure_v2 || skip "controllers are on v1 here: the guest's v2 tree has no memory.max"
	[ "$(vessel exec a -- cat /sys/fs/cgroup/memory.max)" = $((64 << 20)) ]
	vessel set a --memory 96M
	[ "$(vessel exec a -- cat /sys/fs/cgroup/memory.max)" = $((96 << 20)) ]
	run vessel exec a -- sh -c 'echo max > /sys/fs/cgroup/memory.max'
	[ "$status" -ne 0 ]
}

@test "a limit changed with --live lasts until the VE stops" {
	vessel create a --template small --memory 128M --start --wait
	vessel set a --memory 256M --live
	[ "$(show_json a .limits.memory.limit)" -eq $((256 << 20)) ]
	vessel restart a --wait
	[ "$(show_json a .limits.memory.limit)" -eq $((128 << 20)) ]
}
