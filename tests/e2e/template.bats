#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Templates: what is kept, what is refused, that nothing half done remains.

load helpers

setup_file()
{
	vesseld_start
	"$here/archives.py" "$root_dir/$VESSEL_INSTANCE/archives"
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

setup()
{
	archives=$root_dir/$VESSEL_INSTANCE/archives
	reference=$root_dir/$VESSEL_INSTANCE/reference # a real file system: a tmpfs has no user xattrs
}

# What a failed test leaves must not fail the next.
teardown()
{
	rm -rf "$reference"
	vessel destroy --all --force --yes || true
	vessel template list -H -o name | xargs -r "$build/vessel" template remove
}

layers()
{
	find "$state_dir/layer" "$state_dir/template" -mindepth 1 -maxdepth 1 | sort
}

# An archive is refused with a line that holds `words`, and leaves nothing.
import_refused()
{
	local words=$1 archive=$2 before
	shift 2
	before=$(layers)
	run --separate-stderr vessel template import bad "$archives/$archive" "$@"
	[ "$status" -eq 2 ] || { echo "status $status: $stderr" >&2; return 1; }
	# shellcheck disable=SC2154
	[[ "$stderr" == "vessel: cannot import template bad: "*"$words"* ]] || { echo "$stderr" >&2; return 1; }
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$(layers)" = "$before" ]
}

@test "ids, modes, times, hard links, links, xattrs, ACLs and capabilities are kept" {
	vessel template import rich "$archives/rich.tar"
	mkdir "$reference"
	tar --xattrs --xattrs-include='*' --acls --numeric-owner -xpf "$archives/rich.tar" -C "$reference"
	"$here/compare-trees.py" "$reference" "$state_dir"/layer/sha256-*
}

@test "a real Debian is imported as tar unpacks it" {
	vessel template import debian-12 "$fixtures/debian-12.tar"
	mkdir "$reference"
	# Without --acls: mmdebstrap writes ACLs as xattrs, which tar then leaves out.
	tar --xattrs --xattrs-include='*' --numeric-owner -xpf "$fixtures/debian-12.tar" -C "$reference"
	"$here/compare-trees.py" "$reference" "$state_dir"/layer/sha256-*
	[ "$(vessel template show --json debian-12 | jq -r '.[0].layers[0]')" = "sha256:$(sha256sum <"$fixtures/debian-12.tar" | cut -d' ' -f1)" ]
}

@test "gzip, xz, zstd and bzip2 give the same layer as plain tar" {
	local f digest=
	for f in small.tar small.tar.gz small.tar.xz small.tar.zst small.tar.bz2; do
		vessel template import x "$archives/$f" --replace
		[ -z "$digest" ] || [ "$(vessel template show --json x | jq -r '.[0].layers[0]')" = "$digest" ]
		digest=$(vessel template show --json x | jq -r '.[0].layers[0]')
	done
	vessel template import y - <"$archives/small.tar.gz"
	[ "$(find "$state_dir/layer" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	vessel template remove x y
	[ "$(find "$state_dir/layer" -mindepth 1 -maxdepth 1 | wc -l)" -eq 0 ]
}

@test "a digest that was asked for must match" {
	local sum
	sum=$(sha256sum <"$archives/small.tar" | cut -d' ' -f1)
	vessel template import x "$archives/small.tar.gz" --sha256 "$sum"
	vessel template remove x
	import_refused "sha256" small.tar --sha256 "$(printf '%064d' 0)"
}

@test "names that leave the root are refused" {
	import_refused "../escape" dotdot.tar
	import_refused "through a symlink" through-symlink.tar
	import_refused "hard link" hardlink-out.tar
}

@test "devices, overlay xattrs and whiteouts are refused" {
	import_refused "device" device.tar
	import_refused "xattr" overlay-xattr.tar
	import_refused "device" whiteout.tar
}

@test "an entry that changes its type the second time is refused" {
	import_refused "type" type-change.tar
}

@test "ids beyond a VE's range are refused, or squashed when asked" {
	import_refused "65536" big-id.tar
	vessel template import big "$archives/big-id.tar" --squash
	[ "$(stat -c %u "$state_dir"/layer/sha256-*/file)" = 65534 ]
	vessel template remove big
}

@test "truncated, empty and foreign files are refused" {
	import_refused "" truncated.tar
	import_refused "" truncated.tar.gz
	import_refused "" empty
	import_refused "" noise
	import_refused "" archive.zip
}

@test "bounds on bytes, ratio and entries hold, are named and can be moved" {
	import_refused "--max-ratio" bomb.tar.gz
	import_refused "--max-bytes" small.tar --max-bytes 1K
	import_refused "f: has more content than its header says" untold.tar --max-bytes 6000
	import_refused "--max-entries" many.tar --max-entries 10
	vessel template import many "$archives/many.tar" --max-entries 100000
	vessel template remove many
}

@test "a template in use cannot be removed; a name imported again moves and VEs keep theirs" {
	vessel template build small --busybox
	vessel create web1 --template small
	refused 4 "vessel: cannot remove template small: VE web1 is made from it" template remove small
	local old
	old=$(show_json web1 '.layers[0]')
	vessel template import small "$archives/init.tar" --replace
	[ "$(show_json web1 '.layers[0]')" = "$old" ]
	vessel start web1 --wait
	vessel exec web1 -- true
	vessel destroy web1 --force
	vessel template remove small
}

@test "an import interrupted by its client's death or a full stop leaves nothing" {
	local before
	before=$(layers)
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	"$build/vessel" template import cut - <"$BATS_TEST_TMPDIR/pipe" 3>&- &
	local pid=$!
	exec 9>"$BATS_TEST_TMPDIR/pipe"
	head -c 100000 "$archives/many.tar" >&9
	under_way() { [ "$(layers)" != "$before" ]; }
	wait_until 10 under_way
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	exec 9>&-
	same() { [ "$(layers)" = "$before" ]; }
	wait_until 10 same
	run vessel template show cut
	[ "$status" -eq 3 ]
}

@test "a failed build leaves nothing" {
	run vessel template build never --suite no-such-suite
	[ "$status" -ne 0 ]
	run vessel template show never
	[ "$status" -eq 3 ]
	gone() { [ -z "$(find "$state_dir/layer" -maxdepth 1 -name '*import*')" ]; }
	wait_until 5 gone
}
