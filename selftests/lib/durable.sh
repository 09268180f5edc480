# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034
#
# What the scripts about durable brokers share: a directory for them on /mnt, our
# broker's name, and its state.  Sourced, with $here set.

. "$here/../lib/tap.sh"

bin=${MQK_BUILD:-$here/../../build}/bin
ctl=$bin/mqkctl
fsck=$bin/mqk-fsck
top=/mnt/durable.$$
work=$(mktemp -d)
name=durable.$$

[ -x "$ctl" ] || tap_skip_all "there is no $ctl"
[ -e /dev/mqk/control ] || tap_skip_all "the module is not loaded"
mkdir "$top" || tap_skip_all "there is no file system on /mnt"

cleanup()
{
	for broker in "$name" "$name.copy" "$name.full"; do
		"$ctl" broker close "$broker" --force 2>/dev/null
	done
	umount "$work/small" 2>/dev/null
	rm -rf "$work" "$top"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# m ARGUMENT...: mqkctl on our broker
m()
{
	"$ctl" -b "$name" "$@"
}

# Everything that is declared and kept, without ids and counts.
state()
{
	"$ctl" -b "$1" -j exchange list >"$work/state.json" &&
	"$ctl" -b "$1" -j queue list >>"$work/state.json" &&
	"$ctl" -b "$1" -j binding list >>"$work/state.json" &&
	python3 - "$work/state.json" <<'PYTHON'
import json, sys
drop = {"id", "number", "exchange_id", "queue_id", "to_exchange_id", "bindings", "ready", "unacked", "bytes", "published", "delivered",
        "redelivered", "acked", "dropped", "index_bytes", "retrying", "scheduled", "dying"}
lines = [json.loads(l) for l in open(sys.argv[1])]
kept = {o["name"] for o in lines if o.get("durable") and not o.get("exclusive")}
for o in lines:
    if "name" in o:
        # those that every broker has are not of interest
        ok = o["name"] in kept and not ("type" in o and o["name"][:4] in ("", "amq."))
    else:
        ok = o["exchange"] in kept and o.get("queue", o.get("to_exchange")) in kept
    if ok:
        print(json.dumps({k: v for k, v in o.items() if k not in drop}, sort_keys=True))
PYTHON
}

# same NAME A B: two states are the same
same()
{
	tap_check "$1" diff "$work/$2" "$work/$3"
}
