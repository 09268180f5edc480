#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mqk-test: parallel timeout=240 kernels=stock,host
#
# The tutorial: what a page says is typed and seen, literally; its programs are
# short, and use nothing but libmqk.
#
# shellcheck disable=SC2016 # scripts in single quotes

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/lib/tap.sh"

build=${MQK_BUILD:-$top/build}
pages=$top/Documentation/tutorial
[ -e /dev/mqk/default ] || tap_skip_all "the module is not loaded"
cd "$top" || exit 1
PATH=$build/bin:$PATH

lessons=$(cd "$pages" && echo [0-9]-*.rst)
tap_equal "there are six lessons" "$(echo "$lessons" | wc -w)" 6
long=$(awk 'FNR == 61 { print FILENAME }' "$pages"/*.c)
tap_equal "no program has more than 60 lines" "$long" ""
other=$(grep -hE '^# *include' "$pages"/*.c | sort -u |
	grep -vxE '#include <(mqk/mqk|stdio|stdlib|string|unistd|signal)\.h>')
tap_equal "they include libmqk and the C library only" "$other" ""
for page in $lessons; do
	named=$(grep -oE '<[a-z-]+\.c>`_' "$pages/$page" | sort -u | tr -d '<>`_')
	tap_check "$page says what is in its programs" \
		test "$(echo "$named" | wc -w)" -eq 2
	for program in $named; do
		tap_check "$page: ${program%.c} is built from what it shows" \
			test "$build/tutorial/${program%.c}" -nt "$pages/$program"
		sources="${sources:-} $program"
	done
	# Each line of C that the page quotes stands in one of them.
	missing=$(sed -n 's/^    \(mqk_[a-z_]*(.*\)$/\1/p' "$pages/$page" | sed 's/[,;]*$//' |
		while read -r line; do
			cat "$pages"/*.c | tr -s '\n\t ' ' ' | grep -qF "$line" || echo "$line"
		done)
	tap_equal "$page quotes its programs" "$missing" ""
done
missing=$(cd "$pages" && for program in *.c; do
	case " $sources " in *" $program "*) ;; *) echo "$program" ;; esac
done)
tap_equal "every program is in a lesson" "$missing" ""
if command -v python3 >/dev/null && command -v bash >/dev/null; then
	for page in $lessons; do
		tap_check "$page, typed as it is written" \
			timeout 180 python3 "$top/selftests/lib/tutorial.py" "$pages/$page"
	done
	# What is typed, and what is seen, is really compared.
	work=$(mktemp -d "${TMPDIR:-/tmp}/mqk-tutorial.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	printf '.. terminal 1\n\n::\n\n    $ echo one\n    two\n' >"$work/wrong.rst"
	printf '.. terminal 1\n\n::\n\n    $ echo one; echo two\n    one\n' >"$work/more.rst"
	for page in wrong more; do
		tap_check "a page that is $page is noticed" sh -c \
			'! timeout 60 python3 "$1" "$2"' - "$top/selftests/lib/tutorial.py" "$work/$page.rst"
	done
else
	tap_skip "the lessons, typed as they are written" "no python3 or no bash"
fi
tap_end
