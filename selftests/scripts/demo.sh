#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mqk-test: timeout=240 kernels=stock,host
#
# The demo on a cut-down index: its own verdict, its table, and that the verdict
# can be a bad one.

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/lib/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/mqk-demo-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
report=${BUILD:-$top/build}/bin/mqk-demo-report
[ -x "$report" ] || tap_skip_all "the demo is not built"
perl -MCompress::Raw::Zlib -e 1 2>/dev/null || tap_skip_all "no perl with Compress::Raw::Zlib"

records=2000
"$top/tools/demo/demo" --limit $records --keep "$work/demo" >"$work/out" 2>"$work/err"
status=$?
sed 's/^/# /' "$work/out" "$work/err"
last=$(tail -n 1 "$work/out")
expected=$(awk '$1 != "records" { n += $2 } END { print n }' "$work/demo/counted")

tap_equal "exit status" "$status" 0

# The number of redelivered messages depends on when the consumer was killed.
redelivered=$(printf '%s\n' "$last" | sed -n 's/.* \([0-9]*\) redelivered,.*/\1/p')
tap_equal "last line" "$last" \
	"demo: $records published, $expected expected, $expected delivered, $redelivered redelivered, 0 lost, 0 duplicated"
tap_check "what the killed consumer held came again" test "${redelivered:-0}" -ge 20

queues=$(awk '!/^#/ && NF { print $1 }' "$top/tools/demo/queues")
for queue in $queues; do
	count=$(awk -v name="$queue" '$1 == name { print $2 }' "$work/demo/counted")
	row=$(awk -v name="$queue" '$1 == name && NF >= 8 { print $2, $3, $5, $6; exit }' "$work/out")
	tap_equal "row of queue $queue" "$row" "$count $count 0 0"
done
tap_equal "one consumer was killed" "$(grep -c ', killed$' "$work/out")" 1
tap_equal "one consumer read copies" "$(awk '$2 == "process" && $4 == "copy"' "$work/out" | wc -l)" 1
# shellcheck disable=SC2016 # fields of awk
tap_check "two consumers shared a queue" awk '
	$1 == "all" && $2 == "process" && $6 > 0 { n++ } END { exit n != 2 }' "$work/out"
for carrier in 'mqk, in place' 'AF_UNIX SEQPACKET'; do
	tap_check "rate of $carrier" grep -q "^$carrier  *$records  *$records  *0  *0  *0 " "$work/out"
done
if grep -q '^mqueue: left out' "$work/err"; then
	tap_skip "rate of POSIX mqueue" "$(grep '^mqueue: left out' "$work/err")"
else
	tap_check "rate of POSIX mqueue" grep -q "^POSIX mqueue  *$records  *$records  *0  *0  *0 " "$work/out"
fi

# A record more in what was expected is a lost one, a sum that differs too.
verdict()
{
	"$report" "$top/tools/demo/queues" "$work/demo" >"$work/verdict" 2>&1
	echo "$? $(sed -n 's/.* \([0-9]* lost, [0-9]* duplicated\)$/\1/p' "$work/verdict")"
}
cp "$work/demo/expect/base" "$work/base"
awk -v records=$records '
	FNR == NR { have[$1] = 1; next }
	END { for (i = 0; i < records; i++) if (!(i in have)) { print i, "00000000"; exit } }' \
	"$work/base" /dev/null >>"$work/demo/expect/base"
tap_equal "a message that did not come is lost" "$(verdict)" "1 1 lost, 0 duplicated"
sed '1s/ .*/ 00000000/' "$work/base" >"$work/demo/expect/base"
tap_equal "a damaged message is lost" "$(verdict)" "1 1 lost, 0 duplicated"
cp "$work/base" "$work/demo/expect/base"
cp "$work/demo/results/base.1" "$work/demo/results/base.2"
count=$(wc -l <"$work/base")
tap_equal "messages that came twice are duplicated" "$(verdict)" "1 0 lost, $((count + 0)) duplicated"
rm "$work/demo/results/base.2"
tap_equal "the verdict is good again" "$(verdict)" "0 0 lost, 0 duplicated"

tap_end
