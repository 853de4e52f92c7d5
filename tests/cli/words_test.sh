#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# words_test.sh - the man page and the completion name every command and option that --help names,
# and libvessel.a shows no name but vessel_*.
here=$(dirname "$0")/../..
man=$here/man/vessel.1
completion=$here/completion/vessel.bash
failed=0
[ -x ./vessel ] || exit 77

# missing FILE WHAT WORD
missing()
{
	echo "$1 does not name $2 $3" >&2
	failed=1
}

# mdoc writes "--name" as "Fl -name".
options_of()
{
	./vessel "$@" --help | grep -oE '^ +(-[A-Za-z], )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'
}

while read -r command; do
	[ -n "$command" ] || continue
	grep -qE "^\.(It|Ic).* Ic $command( |\$)|^\.It Ic $command( |\$)" "$man" ||
		missing "$man" command "$command"
	for word in $command; do
		grep -qE "(^|[ (|'\"])$word([ )|'\"]|\$)" "$completion" ||
			missing "$completion" command "$word"
	done
	# shellcheck disable=SC2086 # a command may be two words
	for option in $(options_of $command); do
		grep -qE "Fl -${option#--}( |\$)" "$man" || missing "$man" option "$command $option"
		grep -qE -- "(^|[ '\"])$option([ '\"=]|\$)" "$completion" ||
			missing "$completion" option "$command $option"
	done
done <<END
$(./vessel --help | sed -nE 's/^  ([a-z]+( [a-z]+)?)  .*/\1/p')
END

if command -v nm >/dev/null; then
	names=$(nm -g --defined-only libvessel.a | awk 'NF == 3 && $3 !~ /^vessel_/ { print $3 }')
	[ -z "$names" ] || missing libvessel.a "only vessel_*, but" "$names"
fi
exit $failed
