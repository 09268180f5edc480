#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Durable brokers: what is declared is there again after the module was unloaded, which
# closes them, and loaded.
#
# mqk-test: timeout=120 kernels=stock,debug,host disk

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/durable.sh"

mkdir "$top/many"
"$ctl" broker create "$name" --dir "$top/many"
m queue declare one --durable --arg x-max-length:int=7 >/dev/null
m queue declare two --durable >/dev/null
m exchange declare more --type topic --durable >/dev/null
m bind more two 'a.*'
state "$name" >"$work/before"
tap_check "there is something" test "$(wc -l <"$work/before")" -ge 4
if [ -n "${MQK_MODULE:-}" ] && [ "$(id -u)" -eq 0 ]; then
	tap_check "unload" rmmod mqk
	tap_check "mqk-fsck" "$fsck" "$top/many"
	# shellcheck disable=SC2086 # parameters are words
	tap_check "load" insmod "$MQK_MODULE" ${MQK_MODULE_PARAMS:-}
else
	tap_skip "unload" "there is no file of the module, or this is not root"
	"$ctl" broker close "$name"
fi
tap_check "open" "$ctl" broker open "$name" --dir "$top/many"
state "$name" >"$work/after"
same "all is there again" before after
tap_check "close" "$ctl" broker close "$name"
tap_check "and nobody has the lock" flock -n "$top/many/mqk.super" true

tap_end
