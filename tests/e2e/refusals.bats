#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What vessel refuses: the rows of refusals.table, and refusals that need a host of their own. After
# each one host and state are as before. Hostile archives are in template.bats.

load helpers

# This file's ids are for two: first to last for the vesseld of all tests, the others for a second.
last_id=$((first_id + 65536 * 200 - 1))
other_ids=$((last_id + 1))-$((last_id + 65536 * 100))
# Addresses that no other build's run of this file has, and what its vesseld always runs with.
net=10.$((130 + file_number))
options=(--ids "$first_id-$last_id" --addresses "$net.0.0/16,fd00:$file_number::/64")

setup_file()
{
	vesseld_start "${options[@]}"
	in_host ip addr add 192.0.2.1/24 dev lo
	in_host ip addr add 2001:db8::1/64 dev lo nodad
	import_busybox
	vessel create stopped running paused disabled protected --template small
	vessel start running paused --wait
	vessel pause paused
	vessel set disabled --disabled yes
	vessel set protected --protect yes
}

teardown_file()
{
	vessel set protected --protect no
	vesseld_stop
	host_unchanged
}

setup()
{
	scratch=$root_dir/$VESSEL_INSTANCE/scratch
	mkdir -p "$scratch"
	second=${VESSEL_INSTANCE}b
}

teardown()
{
	[ -z "${bystander:-}" ] || kill "$bystander" 2>/dev/null || true
	second_stop
	! mountpoint -q "$scratch/mnt" || umount "$scratch/mnt"
	rm -rf "$scratch"
}

group()
{
	local long etc
	long=$(printf 'a%.0s' {1..1100})
	etc=$(grep -aoE '/[a-z/]*/vessel%s%s/vessel.json' "$build/vesseld" | cut -d% -f1)
	STATE=$state_dir RUN=$run_dir SCRATCH=$scratch LONG=$long FIXTURES=$fixtures FIRST=$first_id \
		ONE=$((first_id + 65535)) LAST=$last_id \
		SECOND=$second OTHER=$other_ids NET=$net \
		ETC=${etc%-}-$second PATH=$build:$PATH \
		nsenter --net="/run/netns/$VESSEL_NETNS" "$here/refusals.py" run "$1" >&2
}

client()
{
	"$here/clients.py" "$run_dir" "$(manager_pid)" "$@"
}

# A second vesseld: second_start STATE_DIR [COMMAND...] prefixes its start by a command.
second_start()
{
	local dir=$1
	shift
	mkdir -p "$dir"
	chmod 700 "$dir"
	nsenter --net="/run/netns/$VESSEL_NETNS" "$@" "$build/vesseld" --instance "$second" --state-dir "$dir" ${second_cgroup:+--cgroup "$second_cgroup"} \
		--ids "$other_ids" >"$scratch/second.log" 2>&1 3>&- 4>&- &
	echo $! >"$scratch/second.pid"
	wait_until 10 vessel --instance "$second" list || { cat "$scratch/second.log" >&2; return 1; }
}

second_stop()
{
	[ -e "$scratch/second.pid" ] || return 0
	local pid
	pid=$(cat "$scratch/second.pid")
	vessel --instance "$second" destroy --all --force --yes 2>/dev/null || true
	kill -TERM "$pid" 2>/dev/null || true
	wait_until 10 vesseld_gone "$pid" || kill -KILL "$pid"
	rm -rf "$scratch/second.pid" "/run/vessel-$second"
}

second_refused()
{
	local want=$1 line=$2
	shift 2
	VESSEL_INSTANCE=$second refused "$want" "$line" "$@"
}

files()
{
	(cd "$1" && find . -path ./layer -prune -o -path ./trash -prune -o -name console.log -prune -o -print | sort &&
		sha256sum ve/*/config.json template/*)
}

@test "every group of the table is run here" {
	run diff <("$here/refusals.py" list | sort) \
		<(sed -n 's/^\tgroup "\(.*\)"$/\1/p' "$BATS_TEST_FILENAME" | sort)
	[ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }
}

@test "names are refused" {
	group "names"
}

@test "what is not there is refused" {
	group "unknown things"
}

@test "bad command lines are refused" {
	group "words"
}

@test "every setting refuses what is out of its range or of the wrong kind" {
	group "settings"
	local name
	for name in $(vessel create --help | sed -n '/^Settings/,$s/^ *--\([a-z-]*\) .*/\1/p'); do
		[ "$(grep -c "^\$ vessel set stopped --$name " "$here/refusals.table")" -ge 3 ]
	done
}

@test "addresses and ports that somebody has are refused" {
	group "network"
}

@test "every command is refused in the wrong states" {
	group "states"
}

@test "a VE whose record is damaged is set aside and refused" {
	local pid
	vessel create broken --template small
	pid=$(vesseld_pid)
	kill -TERM "$pid"
	wait_until 10 vesseld_gone "$pid"
	echo '{"format":1,' >"$state_dir/ve/broken/config.json"
	vesseld_run "${options[@]}"
	group "broken"
}

@test "inits that cannot be one are refused" {
	group "inits"
}

@test "programs that cannot be run are refused" {
	group "programs"
}

@test "vesseld refuses bad options, bad files and hosts that are taken" {
	group "vesseld"
}

@test "a limit that this host cannot enforce is refused when asked for, and no default" {
	local cgroup why
	if on_pure_v2; then
		# Processes in the parent's own parent: the kernel lets nobody enable memory below.
		cgroup=/$second
		mkdir "$(v2_mount)$cgroup"
		sleep 1000 3>&- 4>&- &
		local sleeper=$!
		echo "$sleeper" >"$(v2_mount)$cgroup/cgroup.procs"
		second_cgroup=$cgroup/vessel second_start "$scratch/state"
		set -- memory 64M
		cgroup=$cgroup/vessel
	else
		# A hierarchy that is mounted nowhere, as on a host whose init did not.
		local mount
		mount=$(awk '$3 == "cgroup" && ("," $4 ",") ~ /,pids,/ { print $2; exit }' /proc/mounts)
		second_start "$scratch/state" unshare -m --propagation private \
			sh -c "umount '$mount' && exec \"\$@\"" sh
		set -- pids 100
		cgroup=/vessel-$second
	fi
	VESSEL_INSTANCE=$second vessel template build small --busybox
	why="this host cannot limit $1: the kernel's $1 controller is not available in cgroup $cgroup (boot with cgroup_enable=$1, or have it delegated)"
	second_refused 5 "vessel: cannot create web: $why" create web --template small "--$1" "$2"
	VESSEL_INSTANCE=$second vessel create web --template small
	second_refused 5 "vessel: cannot set web: $why" set web "--$1" "$2"
	VESSEL_INSTANCE=$second vessel start web --wait
	second_refused 5 "vessel: cannot set web: $why" set web "--$1" "$2" --live
	[ "$(vessel --instance "$second" show --json web | jq ".[0].limits.$1.enforced")" = false ]
	VESSEL_INSTANCE=$second vessel set web "--$1" none # which is what it has
	VESSEL_INSTANCE=$second vessel restart web --wait
	second_stop
	if on_pure_v2; then
		kill "$sleeper"
		wait "$sleeper" || true
		find "$(v2_mount)/$second" -depth -type d -exec rmdir {} +
	fi
}

@test "no limit of memory: the default of swap stays unset, a limit asked for is refused or enforced" {
	local why="this host's memory controller (cgroup v1) only limits memory and swap together: limit memory too, or set swap to none"
	local both=true
	on_pure_v2 || both=false
	vessel create boundless --template small --memory none --start --wait
	[ "$(show_json boundless .limits.memory.limit)" = null ]
	[ "$(show_json boundless .limits.swap.enforced)" = "$both" ]
	vessel set boundless --memory 128M
	[ "$(show_json boundless .limits.swap.enforced)" = true ]
	[ "$(show_json boundless .limits.swap.limit)" = 0 ]
	if on_pure_v2; then
		vessel set boundless --swap 64M
		vessel set boundless --memory none
		[ "$(show_json boundless .limits.swap.limit)" = 67108864 ]
	else
		vessel set boundless --swap 64M
		refused 5 "vessel: cannot set boundless: $why" set boundless --memory none
		[ "$(show_json boundless .limits.swap.limit)" = 67108864 ]
		refused 5 "vessel: cannot create boundless2: $why" create boundless2 --template small --memory none --swap 1M
		vessel set boundless --memory none --swap none
	fi
	vessel restart boundless --wait
	vessel destroy boundless --force --yes
}

@test "a state directory whose file system cannot be idmapped is refused with the remedy" {
	mkdir -p "$scratch/mnt" "$scratch/upper" "$scratch/work" "$scratch/lower"
	mount -t overlay overlay -o "lowerdir=$scratch/lower,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/mnt"
	second_start "$scratch/mnt/state"
	export VESSEL_INSTANCE=$second
	vessel template build small --busybox
	vessel create web --template small
	local before
	before=$(files "$scratch/mnt/state")
	refused 5 "vessel: cannot start web: this kernel cannot map ids on the file system of the state directory (overlayfs): put it on ext4, xfs or btrfs (vesseld --state-dir)" start web
	[ "$(files "$scratch/mnt/state")" = "$before" ]
	[ "$(state_of web)" = stopped ]
	run vessel doctor
	[ "$status" -eq 5 ]
	[[ "$output" == *"put the state directory on ext4, xfs or btrfs"* ]]
}

# The daemon's state of one check of doctor.
check_state()
{
	vessel doctor --json | jq -r --arg name "$1" '.[] | select(.name == $name) | .state'
}

@test "doctor asks the host: what it finds is what is there" {
	mkdir -p "$scratch/proc"
	echo core >"$scratch/proc/core_pattern"
	echo 1 >"$scratch/proc/instances"
	# shellcheck disable=SC2016 # expanded by the inner shell
	second_start "$scratch/state" unshare --mount sh -c '
		mount --bind "$0/core_pattern" /proc/sys/kernel/core_pattern &&
		mount --bind "$0/instances" /proc/sys/fs/inotify/max_user_instances && exec "$@"' "$scratch/proc"
	export VESSEL_INSTANCE=$second
	[ "$(check_state "core dumps")" = ok ]
	[ "$(check_state "inotify instances")" = limited ]
	echo '|/bin/program %p' >"$scratch/proc/core_pattern"
	echo 128 >"$scratch/proc/instances"
	[ "$(check_state "core dumps")" = limited ]
	[ "$(check_state "inotify instances")" = ok ]
}

@test "ids that a process of the host runs with are given to no VE" {
	local block=$((last_id + 1))
	local other_ids=$block-$((block + 65536 * 2 - 1))
	second_start "$scratch/state"
	export VESSEL_INSTANCE=$second
	vessel template build small --busybox
	setpriv --reuid $((block + 77)) --clear-groups sleep 1000 3>&- 4>&- &
	bystander=$!
	runs() { grep -qP "^Uid:\t$((block + 77))\t" "/proc/$bystander/status"; }
	wait_until 5 runs
	vessel create web1 --template small
	[ "$(show_json web1 .first_id)" -eq $((block + 65536)) ]
	run vessel create web2 --template small
	[ "$status" -ne 0 ]
	kill "$bystander"
	wait "$bystander" || true
	vessel create web2 --template small # positive control
	[ "$(show_json web2 .first_id)" -eq "$block" ]
}

@test "on a full disk all fails cleanly, nothing is lost, and it works again when there is room" {
	local before line
	modprobe -q loop || true
	mkdir -p "$scratch/mnt"
	truncate -s 24M "$scratch/disk"
	mkfs.ext4 -q -m 0 "$scratch/disk"
	mount -o loop "$scratch/disk" "$scratch/mnt"
	second_start "$scratch/mnt/state"
	export VESSEL_INSTANCE=$second
	vessel template build small --busybox
	vessel create web run --template small
	vessel start run --wait
	dd if=/dev/zero of="$scratch/mnt/fill" bs=64k 2>/dev/null || true
	sync "$scratch/mnt/fill"
	dd if=/dev/zero of="$scratch/mnt/fill2" bs=1k 2>/dev/null || true
	before=$(files "$scratch/mnt/state")

	line="ENOSPC (the file system is full)"
	refused 1 "vessel: cannot create new: cannot create directory .new-new: $line" create new --template small
	refused 1 "vessel: cannot change web: cannot write config.json: .config.json.new: cannot write: $line" set web --memory 512M
	refused 1 "vessel: cannot change run: cannot write config.json: .config.json.new: cannot write: $line" set run --memory 512M
	refused 1 "vessel: cannot import template x: cannot make a directory for the import: $line" template build x --busybox
	refused 1 "vessel: cannot start web: the file system of the state directory is full" start web
	[ "$(files "$scratch/mnt/state")" = "$before" ]
	[ "$(state_of web)" = stopped ]
	[ "$(show_json run .limits.memory.limit)" = 1073741824 ]
	vessel exec run true
	run vessel exec run sh -c 'echo x >/file'
	[ "$status" -eq 1 ]
	run vessel stop run --force # what it has used cannot be written down
	[ "$status" -eq 1 ]
	wait_until 5 is_state run stopped # it is cleared away after the answer
	[ -z "$(find /sys/fs/cgroup -path "*/vessel-$second/ve/*" -type d)" ]

	rm "$scratch/mnt/fill" "$scratch/mnt/fill2"
	vessel create new --template small
	vessel set web --memory 512M
	vessel template build x --busybox
	vessel start web run new --wait
	[ "$(show_json web .limits.memory.limit)" = 536870912 ]
	vessel destroy new web run --force
	gone() { [ -z "$(ls "$scratch/mnt/state/trash")" ]; }
	wait_until 5 gone
}

@test "a client that sends garbage is dropped" {
	client dropped
}

@test "a client that sends half a message disturbs nobody" {
	client half
}

@test "a client that sends 100 MB is dropped and costs no memory" {
	client huge
}

@test "a client that never reads disturbs nobody and costs no memory" {
	client never_reads
}

@test "descriptors that are too many, or of the wrong kind, are refused and closed" {
	client descriptors
}

@test "every parameter of every method refuses what is of the wrong type" {
	client parameters
}

@test "over the read-only socket every method that changes something is refused" {
	client read_only
}

@test "a thousand idle clients lock nobody out" {
	client idle
}

@test "a process with an id of a VE is refused, whatever the socket's mode" {
	run client as_uid 65534 # the mode alone
	[ "$output" = refused ]
	chmod 666 "$run_dir/vessel.sock"
	run client as_uid $((first_id - 1))
	[ "$output" = answered ]
	run client as_uid "$first_id"
	[ "$output" = refused ]
	run client as_uid "$last_id"
	[ "$output" = refused ]
	run client as_uid $((last_id + 1))
	[ "$output" = answered ]
	chmod 660 "$run_dir/vessel.sock"
}
