#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh BUILD PROGRAM...: run unit tests, and fuzzers for FUZZ_SECONDS each,
# with one numbered TAP line for each test, and count them. A test program may
# take TEST_SECONDS. A PROGRAM of the form skip:NAME is counted as skipped.

build=$1
shift
passed=0 failed=0 skipped=0

result() # ok|not ok, text
{
	case "$1:$2" in
	"ok:"*"# SKIP"*) skipped=$((skipped + 1)) ;;
	"ok:"*) passed=$((passed + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
	echo "$1 $((passed + failed + skipped)) - $2"
}

# gcc's thread sanitizer cannot do with all the address space's random layouts.
steady=
setarch "$(uname -m)" -R true 2>/dev/null && steady="setarch $(uname -m) -R"

# Pass the program's own lines on, under a number of ours.
run_test()
{
	name=$(basename "$1")
	log=$build/$name.log
	# shellcheck disable=SC2086 # several words, or none
	timeout "${TEST_SECONDS:-300}" $steady "$1" >"$log" 2>"$log.err"
	status=$?
	bad=$failed
	ran=0 plan=none
	while IFS= read -r line; do
		case $line in
		"1.."*) plan=${line#1..} ;;
		"ok "*) ran=$((ran + 1)); result ok "$name: ${line#ok * - }" ;;
		"not ok "*) ran=$((ran + 1)); result "not ok" "$name: ${line#not ok * - }" ;;
		*) echo "$line" ;;
		esac
	done <"$log"
	sed 's/^/# /' "$log.err" | head -n 60
	if [ "$plan" != "$ran" ]; then
		result "not ok" "$name: $ran tests of $plan ran, exit status $status"
	elif [ $status -ne 0 ] && [ "$bad" -eq $failed ]; then
		result "not ok" "$name: exit status $status"
	fi
}

run_fuzzer()
{
	name=$(basename "$1")
	log=$build/$name.log
	mkdir -p "$build/corpus/$name"
	if "$1" -max_total_time="$FUZZ_SECONDS" -timeout=10 -max_len=1024 -print_final_stats=1 \
		-artifact_prefix="$build/$name-" "$build/corpus/$name" >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		result ok "$name: $runs inputs in $FUZZ_SECONDS s"
	else
		tail -n 40 "$log" | sed 's/^/# /'
		result "not ok" "$name: see $log"
	fi
}

for program; do
	case $program in
	skip:*) result ok "${program#skip:} # SKIP no clang with libFuzzer" ;;
	*_fuzz) run_fuzzer "$program" ;;
	*) run_test "$program" ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
