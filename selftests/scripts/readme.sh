#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mqk-test: parallel timeout=120 kernels=stock,host
#
# README.md does not promise too much: its program is the file it names, it
# compiles as it stands, it works, and so do the commands below it.

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/lib/tap.sh"

build=${MQK_BUILD:-$top/build}
work=$(mktemp -d "${TMPDIR:-/tmp}/mqk-readme.XXXXXX")
trap 'rm -rf "$work"' EXIT
PATH=$build/bin:$PATH
hello=$top/Documentation/examples/hello.c

# The first block of the README that is C.
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$top/README.md" >"$work/readme.c"
tap_check "there is a program" test -s "$work/readme.c"
# The file begins with comments that the README does not repeat.
sed '/^\/\*.*\*\/$/d' "$hello" >"$work/hello.c"
tap_check "it is Documentation/examples/hello.c" diff "$work/hello.c" "$work/readme.c"

if command -v gcc >/dev/null; then
	tap_check "it compiles" gcc -std=gnu11 -Wall -Wextra -Werror -I"$build/include" \
		-o "$work/hello" "$work/readme.c" -L"$build/lib" -lmqk -Wl,-rpath,"$build/lib"
	tap_equal "it says what it says" "$(timeout 30 "$work/hello" 2>&1)" "Hello!"
	tap_equal "and again: its queue has gone with it" "$(timeout 30 "$work/hello" 2>&1)" "Hello!"
else
	tap_skip "it compiles" "no gcc"
fi

# The program of Documentation/delivery.rst: what comes twice is booked once, also by
# another process.
if command -v gcc >/dev/null; then
	tap_check "once.c compiles" gcc -std=gnu11 -Wall -Wextra -Werror -I"$build/include" \
		-o "$work/once" "$top/Documentation/examples/once.c" \
		-L"$build/lib" -lmqk -Wl,-rpath,"$build/lib"
	mqkctl queue declare readme-once >/dev/null
	for round in 1 2; do
		for n in 5 7; do
			mqkctl publish "" readme-once "$n" --property message-id="m$n"
		done
		"$work/once" "$work/book" readme-once >"$work/booked" 2>&1 &
		pid=$!
		for try in $(seq 200); do
			[ "$(wc -l <"$work/booked")" -lt 2 ] || break
			sleep 0.1
		done
		kill "$pid"
		wait "$pid" 2>/dev/null
		tap_equal "what it books, round $round, try $try" "$(tr '\n' ' ' <"$work/booked")" \
			"$([ "$round" = 1 ] && echo 'booked 5 booked 12 ' || echo 'known 12 known 12 ')"
	done
	mqkctl queue delete readme-once >/dev/null
fi

# And the one that takes and publishes in one transaction.
if command -v gcc >/dev/null; then
	tap_check "process.c compiles" gcc -std=gnu11 -Wall -Wextra -Werror -I"$build/include" \
		-o "$work/process" "$top/Documentation/examples/process.c" \
		-L"$build/lib" -lmqk -Wl,-rpath,"$build/lib"
	mqkctl queue declare readme-from >/dev/null
	mqkctl queue declare readme-to >/dev/null
	for word in one two three; do
		mqkctl publish "" readme-from "$word"
	done
	tap_check "it ends" timeout 60 "$work/process" readme-from readme-to
	tap_equal "what comes of it" \
		"$(mqkctl get readme-to --ack --raw --count 9 | tr '\n' ' ')" "ONE TWO THREE "
	mqkctl queue delete readme-from >/dev/null
	mqkctl queue delete readme-to >/dev/null
fi

# The commands below it.
sed -n 's/^    \(mqkctl .*\)$/\1/p' "$top/README.md" >"$work/commands"
tap_check "there are commands" test "$(wc -l <"$work/commands")" -ge 4
status=0
timeout 30 sh -e "$work/commands" >"$work/out" 2>&1 || status=$?
sed 's/^/# /' "$work/out"
tap_equal "they work" "$status" 0
tap_check "and print the message" grep -q 'Hello!' "$work/out"
mqkctl queue delete hello >/dev/null 2>&1

# What the documentation refers to exists.
missing=$(grep -ohE '\]\([A-Za-z][^):]*\)' "$top/README.md" | tr -d '])(' | sort -u |
	while read -r path; do
		[ -e "$top/$path" ] || echo "$path"
	done)
tap_equal "what README.md links to is there" "$missing" ""
missing=$(grep -ohE '<[a-z./_-]+>`_' "$top"/Documentation/*.rst | tr -d '<>`_' | sort -u |
	while read -r path; do
		[ -e "$top/Documentation/$path" ] || echo "$path"
	done)
tap_equal "what Documentation/ links to is there" "$missing" ""

# Every call with its number, every rule, every resource, every event and every
# suite is in the documentation.
missing=$(sed -nE 's/^#define (MQK_IOC_[A-Z_]+)[[:space:]]+_IO(WR)?\(MQK_IOC_MAGIC, (0x[0-9a-f]+).*/\1 \3/p' \
	"$top/uapi/linux/mqk.h" | while read -r call number; do
		grep -q "\`\`$call\`\`" "$top/Documentation/uapi.rst" &&
			grep -qE "(- |, )$number(,|$)" "$top/Documentation/uapi.rst" || echo "$call $number"
	done)
tap_equal "every call is documented" "$missing" ""
missing=$(sed -nE 's/^#define MQK_(RULE|RES|MSG_F|FEATURE|ACCESS)_([A-Z_]+)[[:space:]].*/\2/p' "$top/uapi/linux/mqk.h" |
	grep -vxE 'NR|NONE' | while read -r name; do
		grep -qwiE "(MQK_[A-Z]+_)?$name" "$top/Documentation/uapi.rst" "$top/Documentation/limits.rst" \
			"$top/Documentation/deviations.rst" || echo "$name"
	done)
tap_equal "every rule, resource and feature is documented" "$missing" ""
missing=$(sed -n 's/^TRACE_EVENT(\(.*\),$/\1/p' "$top/kmod/trace.h" | while read -r event; do
		grep -q "\`\`$event\`\`" "$top/Documentation/uapi.rst" || echo "$event"
	done)
tap_equal "every tracepoint is documented" "$missing" ""
missing=$(cd "$top/selftests" && grep -lE '^(TEST_HARNESS_MAIN|int main)' kselftest/*.c | sed 's,.*/,,; s,\.c$,,' |
	while read -r suite; do
		grep -q "\`\`$suite\`\`" "$top/Documentation/testing.rst" || echo "$suite"
	done)
tap_equal "every suite is documented" "$missing" ""

# docutils is what reads it; the warnings are its own.
if python3 -c 'import docutils.core' 2>/dev/null; then
	tap_check "Documentation/ is reStructuredText" python3 - "$top"/Documentation/*.rst <<'PYTHON'
import io
import sys
import docutils.core

bad = False
for path in sys.argv[1:]:
    said = io.StringIO()
    with open(path, encoding="utf-8") as f:
        docutils.core.publish_string(f.read(), source_path=path, writer_name="html",
                                     settings_overrides={"warning_stream": said, "report_level": 1,
                                                         "halt_level": 5})
    if said.getvalue():
        print(said.getvalue())
        bad = True
sys.exit(bad)
PYTHON
else
	tap_skip "Documentation/ is reStructuredText" "no docutils"
fi

tap_end
