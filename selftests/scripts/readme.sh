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

tap_end
