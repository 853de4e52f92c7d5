# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# instance.bash - a private vesseld below build/, for the demo and for ./dev shell. Its host's network
# is a namespace that goes with it: the host's own keeps its rules and settings.

instance_start()
{
	export VESSEL_INSTANCE=$2
	build=$(cd "$1" && pwd)
	PATH=$build:$PATH
	state=${DEMO_STATE:-$build/$VESSEL_INSTANCE}
	mkdir -p "$state"
	unshare --net sh -c 'busybox ip link set lo up && exec "$@"' sh \
		vesseld --instance "$VESSEL_INSTANCE" --state-dir "$state/state" --ids "${DEMO_IDS:-$3}" \
		2>>"$state/vesseld.log" &
	daemon=$!
	trap instance_stop EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	local i
	for ((i = 0; i < 100; i++)); do
		vessel list >/dev/null 2>&1 && return
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.05
	done
	echo "vesseld did not come up; its last words:" >&2
	tail -5 "$state/vesseld.log" >&2
	exit 1
}

instance_stop()
{
	trap '' INT TERM
	vessel destroy --all --force --yes >/dev/null 2>&1
	kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
	rm -rf "$state"
}
