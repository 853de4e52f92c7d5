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

# The man page writes "-" as "\-".
in_man()
{
	sed 's/\\-/-/g; s/\\f[BIR]/ /g' "$man" | grep -qE -- "$1"
}

options_of()
{
	./vessel "$@" --help | grep -oE '^ +(-[A-Za-z], )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'
}

while read -r command; do
	[ -n "$command" ] || continue
	in_man "^\.B vessel $command( |\$)" || missing "$man" command "$command"
	grep -q "^$command:" "$completion" || missing "$completion" command "$command"
	# shellcheck disable=SC2086 # a command may be two words
	for option in $(options_of $command); do
		in_man "(^|[ \"])$option([] \"]|\$)" || missing "$man" option "$command $option"
		grep -qE -- "(^|[[:space:]:'])$option([ ')|]|\$)" "$completion" ||
			missing "$completion" option "$command $option"
	done
done <<END
$(./vessel --help | sed -nE 's/^  ([a-z]+( [a-z]+)?)  .*/\1/p')
END

# fields NAME COMMAND...: the completion's list of fields is what the command says there are.
fields()
{
	list=$1
	shift
	there=$(./vessel "$@" -o nothing 2>&1 | sed -n 's/.*(there are: \(.*\))$/\1/p' | tr -d , | tr ' ' '\n' | sort)
	named=$(bash -c '. "$0"; printf "%s\n" ${!1}' "$completion" "$list" | sort)
	[ -n "$there" ] && [ "$there" = "$named" ] || missing "$completion" "the fields of" "$*"
}
fields _vessel_fields list
fields _vessel_template_fields template list

if command -v nm >/dev/null; then
	names=$(nm -g --defined-only libvessel.a | awk 'NF == 3 && $3 !~ /^vessel_/ { print $3 }')
	[ -z "$names" ] || missing libvessel.a "only vessel_*, but" "$names"
fi
exit $failed
