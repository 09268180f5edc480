# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What a test script in selftests/scripts needs to write TAP:
#
#	. "$(dirname "$0")/../lib/tap.sh"
#	tap_check "depth is 3" test "$(depth q)" -eq 3
#	tap_skip "quota of a group" "no cgroup v2 here"
#	tap_end

tap_number=0
tap_failed=0

echo "TAP version 13"

tap_ok()
{
	tap_number=$((tap_number + 1))
	echo "ok $tap_number $1"
}

# tap_fail NAME [WHY]
tap_fail()
{
	tap_number=$((tap_number + 1))
	tap_failed=$((tap_failed + 1))
	[ -z "${2:-}" ] || echo "# $2"
	echo "not ok $tap_number $1"
}

# tap_skip NAME REASON
tap_skip()
{
	tap_number=$((tap_number + 1))
	echo "ok $tap_number $1 # SKIP $2"
}

# tap_check NAME COMMAND...: passes if the command does.
tap_check()
{
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		tap_ok "$tap_name"
	else
		tap_status=$?
		printf '%s\n' "$tap_output" | sed 's/^/# /'
		tap_fail "$tap_name" "status $tap_status: $*"
	fi
}

# tap_equal NAME GOT WANTED
tap_equal()
{
	if [ "$2" = "$3" ]; then
		tap_ok "$1"
	else
		tap_fail "$1" "got '$2', wanted '$3'"
	fi
}

# tap_skip_all REASON: nothing in this script can run here.
tap_skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

tap_end()
{
	echo "1..$tap_number"
	[ "$tap_failed" -eq 0 ]
	exit
}
