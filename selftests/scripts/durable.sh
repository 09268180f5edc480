#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Durable brokers: what is declared is there again after closing and opening,
# and wherever the machine stops.
#
# mqk-test: parallel timeout=400 kernels=stock,debug,host disk
#
# shellcheck disable=SC2016 # scripts in single quotes

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/durable.sh"

# refuses NAME PATTERN COMMAND...: mqkctl fails and says so
refuses()
{
	what=$1 pattern=$2
	shift 2
	if "$ctl" "$@" >"$work/out" 2>&1; then
		tap_fail "$what" "it succeeds"
	elif grep -q -- "$pattern" "$work/out"; then
		tap_ok "$what"
	else
		tap_fail "$what" "$(cat "$work/out")"
	fi
}

# --- all that can be declared --------------------------------------------------

dir=$top/b
mkdir "$dir"
tap_check "create" "$ctl" broker create "$name" --dir "$dir" --segment-size 128K \
	--limit queues=500 --max-bytes 64M --nomap
tap_check "broker list tells" sh -c "'$ctl' broker list | grep -q '^$name .*131072 .*nomap,durable'"
declare_all()
{
	m exchange declare x.direct --type direct --durable &&
	m exchange declare x.topic --type topic --durable --mode 0700 --arg x-mqk-dialect=mqtt &&
	m exchange declare x.headers --type headers --durable --internal &&
	m exchange declare x.hash --type x-consistent-hash --durable --arg hash-header=h &&
	m exchange declare x.last --type x-last-value --durable --arg x-recent-history-length:long=3 &&
	m exchange declare x.auto --type fanout --durable --auto-delete --arg alternate-exchange=amq.fanout &&
	m exchange declare x.gone --type fanout &&
	m queue declare q.plain --durable &&
	m queue declare q.auto --durable --auto-delete --mode 0640 &&
	m queue declare q.gone &&
	m queue declare q.rules --durable --arg x-max-length:long=9 --arg x-max-length-bytes:long=1000000 \
		--arg x-overflow=reject-publish-dlx --arg x-message-ttl:long=5000 --arg x-expires:long=900000 \
		--arg x-delivery-limit:long=7 --arg x-mqk-retry-delay:long=3 --arg x-mqk-retry-max:long=30 \
		--arg x-mqk-retry-backoff=exponential --arg x-consumer-timeout:long=60000 \
		--arg x-dead-letter-exchange=x.direct --arg x-dead-letter-routing-key=dead &&
	m queue declare q.block --durable --arg x-max-length:long=3 --arg x-overflow=block --arg x-mqk-block-timeout:long=77 &&
	m queue declare q.single --durable --arg x-single-active-consumer:bool=true --arg x-mqk-handover=force &&
	m queue declare q.priority --durable --arg x-max-priority:byte=9 &&
	m queue declare q.levels --durable --arg x-mqk-levels:byte=4 --arg x-mqk-demote-after:byte=2 &&
	m queue declare --durable &&
	m bind x.direct q.plain key &&
	m bind x.direct q.gone key &&
	m bind x.gone q.plain key &&
	m bind x.topic q.rules 'a/+/#' &&
	m bind x.headers q.auto --arg x-match=any --arg a=1 &&
	m bind x.hash q.single 7 &&
	m bind x.last q.plain "" &&
	m bind x.auto q.plain "" &&
	m bind --to-exchange x.direct x.topic key &&
	m bind amq.topic q.levels 'k.*'
}
tap_check "declare all there is" declare_all
state "$name" >"$work/before"
tap_equal "how much is kept" "$(wc -l <"$work/before")" 22
tap_check "close" "$ctl" broker close "$name"
tap_check "its node is gone" test ! -e "/dev/mqk/$name"
tap_check "mqk-fsck" "$fsck" "$dir"
tap_check "open" "$ctl" broker open "$name" --dir "$dir" --mode 0640
state "$name" >"$work/after"
same "all is there again" before after
tap_equal "its node has the mode" "$(stat -c %a "/dev/mqk/$name")" 640
tap_check "segments and limits are as before" sh -c "'$ctl' broker list -j | python3 -c '
import json, sys
o = [json.loads(l) for l in sys.stdin]
o = [b for b in o if b[\"name\"] == \"$name\"][0]
assert o[\"segment_size\"] == 131072 and o[\"nomap\"] and o[\"durable\"]
assert o[\"resources\"][\"queues\"][\"limit\"] == 500, o
assert o[\"resources\"][\"bytes\"][\"limit\"] == 64 << 20, o'"

# Not only the names: what is declared again is the same, by what the kernel compares.
tap_check "declaring all of it again is no contradiction" declare_all
tap_equal "a made name is not made twice" \
	"$(m queue list | grep -c '^amq\.gen-')" 2
route()
{
	m route "$@" 2>&1 | sort | tr '\n' ' '
}
tap_equal "routes through a topic" "$(route x.topic a/b/c)" "q.rules "
tap_equal "routes through exchanges" "$(route x.direct key)" "q.gone q.plain "
tap_equal "routes from amq.topic" "$(route amq.topic k.1)" "q.levels "

# --- changes ---------------------------------------------------------------------

change()
{
	m queue set q.plain --arg x-max-length:long=5 --arg x-dead-letter-exchange=x.direct &&
	m queue set q.rules --arg x-message-ttl:void= &&
	m queue pause q.levels &&
	m queue pause q.single &&
	m queue resume q.single &&
	m unbind x.direct q.plain key &&
	m unbind x.auto q.plain "" &&
	m queue delete q.block &&
	m exchange delete x.hash
}
tap_check "change" change
refuses "an exchange that deletes itself is gone" "no such exchange" -b "$name" exchange declare x.auto --type fanout --passive
state "$name" >"$work/before"

# The machine stops now: this is what the disk's cache has.
cp -r "$dir" "$top/copy"
tap_check "mqk-fsck of a copy" "$fsck" "$top/copy"
tap_check "open the copy" "$ctl" broker open "$name.copy" --dir "$top/copy"
state "$name.copy" >"$work/copied"
same "each change that was confirmed is in the files" before copied
tap_check "close the copy" "$ctl" broker close "$name.copy"

tap_check "close again" "$ctl" broker close "$name"
tap_check "open again" "$ctl" broker open "$name" --dir "$dir"
state "$name" >"$work/after"
same "changes are there again" before after
tap_check "what is paused is" sh -c "'$ctl' -b '$name' -j queue list | grep '\"q.levels\"' | grep -q '\"paused\":true'"

# A message, so that the queues work; messages are not kept.
tap_check "publish" sh -c "echo hello | '$ctl' -b '$name' publish x.topic a/b/c --confirm --mandatory"
tap_check "get" sh -c "'$ctl' -b '$name' get q.rules --ack | grep -q hello"

# --- what ends ---------------------------------------------------------------------

# its only consumer goes
m queue declare q.brief --durable --auto-delete >/dev/null
m publish "" q.brief <"$work/before" >/dev/null
tap_check "consume once" sh -c "'$ctl' -b '$name' consume q.brief --count 1 >/dev/null"
i=0
while m queue declare q.brief --passive >/dev/null 2>&1 && [ $i -lt 100 ]; do
	i=$((i + 1)); sleep 0.1
done
tap_check "close" "$ctl" broker close "$name"
tap_check "open" "$ctl" broker open "$name" --dir "$dir"
refuses "a queue that deleted itself stays away" "no such queue" -b "$name" queue declare q.brief --passive

# --- refusals --------------------------------------------------------------------------

refuses "open twice" "busy" broker open "$name.copy" --dir "$dir"
refuses "make where one is" "busy" broker create "$name.copy" --dir "$dir"
refuses "a name that is taken" "there is a broker" broker open "$name" --dir "$top/copy"
refuses "make where a closed one is" "exists" broker create "$name.copy" --dir "$top/copy"
refuses "open where none is" "No such file" broker open "$name.copy" --dir "$work"
refuses "delete" "open and close" broker delete "$name"
refuses "close a transient one" "open and close" broker close default
mkdir "$work/new"
refuses "a level that is not built" "cannot be kept yet" broker create "$name.copy" --dir "$work/new" --sync disk
tap_equal "and leaves nothing" "$(ls "$work/new")" ""
refuses "a name that is taken, before anything is written" "there is a broker" broker create "$name" --dir "$work/new"
tap_equal "nothing is" "$(ls "$work/new")" ""
ln -s /dev/null "$work/new/mqk.super"
refuses "a link" "Invalid argument" broker create "$name.copy" --dir "$work/new"
rm "$work/new/mqk.super"
mkfifo "$work/new/mqk.super"
refuses "a pipe" "Invalid argument" broker create "$name.copy" --dir "$work/new"
rm "$work/new/mqk.super"
mknod "$work/new/mqk.super" c 1 3
refuses "a device" "Invalid argument" broker create "$name.copy" --dir "$work/new"
rm "$work/new/mqk.super"
"$fsck" "$dir" >"$work/out" 2>&1
tap_equal "mqk-fsck waits for nobody" "$?" 8
tap_check "and says why" grep -q "in use" "$work/out"
flock "$top/copy/mqk.super" "$ctl" broker open "$name.copy" --dir "$top/copy" >"$work/out" 2>&1
tap_equal "nor does the kernel for a tool" "$?" 1

# an open node is a session
exec 9<"/dev/mqk/$name"
refuses "closing waits for no session" "sessions" broker close "$name"
tap_check "unless forced" "$ctl" broker close "$name" --force
exec 9<&-
tap_check "open" "$ctl" broker open "$name" --dir "$dir"

# --- damage ------------------------------------------------------------------------------

tap_check "close" "$ctl" broker close "$name"
state_file=$work/before
"$ctl" broker open "$name" --dir "$dir" && state "$name" >"$state_file"
"$ctl" broker close "$name"
journal=mqk.journal.0
[ -s "$dir/$journal" ] || journal=mqk.journal.1
damage()
{
	rm -rf "$top/bad" && cp -r "$dir" "$top/bad" &&
	printf '\377' | dd of="$top/bad/$1" bs=1 seek="$2" conv=notrunc 2>/dev/null &&
	rm -rf "$top/damaged" && cp -r "$top/bad" "$top/damaged"
}
size=$(stat -c %s "$dir/$journal")
for at in 3 20 40 100 $((size / 2)) $((size - 60)); do
	damage $journal "$at"
	"$fsck" "$top/bad" >/dev/null 2>&1
	tap_equal "mqk-fsck finds damage at $at" "$?" 4
	refuses "the kernel does, too" "damaged" broker open "$name" --dir "$top/bad"
	tap_check "and leaves it as it is" diff -r "$top/bad" "$top/damaged"
done
damage mqk.super 50
refuses "damage of the super file" "damaged" broker open "$name" --dir "$top/bad"
# a torn tail
rm -rf "$top/bad" && cp -r "$dir" "$top/bad"
head -c 100 /dev/urandom >>"$top/bad/$journal"
tap_check "mqk-fsck takes a torn tail" sh -c "'$fsck' '$top/bad' | grep -q torn"
tap_check "so does the kernel" "$ctl" broker open "$name" --dir "$top/bad"
state "$name" >"$work/after"
same "and nothing is lost" before after
m queue declare q.more --durable >/dev/null
tap_check "close" "$ctl" broker close "$name"
tap_check "it is cut" sh -c "'$fsck' '$top/bad' | grep -vq torn"
tap_check "and appended to" sh -c "'$fsck' --dump '$top/bad' | grep -q q.more"
# a later version
rm -rf "$top/bad" && mkdir "$top/bad"
: >"$top/bad/mqk.journal.0"; : >"$top/bad/mqk.journal.1"; : >"$top/bad/mqk.super"
refuses "files that were never a broker's" "No such file" broker open "$name" --dir "$top/bad"
tap_check "can become one's" "$ctl" broker create "$name" --dir "$top/bad"
"$ctl" broker close "$name"

# --- full disk -------------------------------------------------------------------------

mkdir "$work/small"
if mount -t tmpfs -o size=1M none "$work/small"; then
	tap_check "on a small disk" "$ctl" broker create "$name.full" --dir "$work/small"
	i=0
	"$ctl" -b "$name.full" queue declare first --durable >/dev/null
	head -c 2M /dev/zero >"$work/small/rest" 2>/dev/null
	long=$(printf %030000d 0)
	while [ $i -lt 20 ]; do
		i=$((i + 1))
		"$ctl" -b "$name.full" bind amq.headers first "$i" --arg "a=$long" || break
	done >"$work/out" 2>&1
	tap_check "a full disk refuses a declaration" grep -q "No space left" "$work/out"
	tap_check "but not a deletion" "$ctl" -b "$name.full" queue delete first
	rm "$work/small/rest"
	tap_check "with room it goes on" "$ctl" -b "$name.full" queue declare last --durable
	tap_check "as before" "$ctl" -b "$name.full" bind amq.headers last key --arg "a=$long"
	state "$name.full" >"$work/before"
	"$ctl" broker close "$name.full"
	tap_check "open" "$ctl" broker open "$name.full" --dir "$work/small"
	state "$name.full" >"$work/after"
	same "what was confirmed is there, and nothing else" before after
	tap_check "the first is not" sh -c "! grep -q '\"first\"' '$work/after'"
	"$ctl" broker close "$name.full"
else
	tap_skip "full disk" "no tmpfs can be mounted"
fi

# --- many ------------------------------------------------------------------------------

rm -rf "$top/many" && mkdir "$top/many"
"$ctl" broker create "$name" --dir "$top/many"
many()
{
	for round in 1 2 3; do
		for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			echo "queue declare q$round.$i --durable"
			echo "bind amq.direct q$round.$i key$i"
			[ $((i % 3)) -ne 0 ] || echo "queue delete q$round.$i"
		done
	done | m batch - >/dev/null
}
tap_check "churn" many
state "$name" >"$work/before"
tap_check "close" "$ctl" broker close "$name"
tap_check "mqk-fsck" "$fsck" "$top/many"

# --- whom the files speak of ----------------------------------------------------------------

# bare COMMAND...: as root without any of root's rights
bare()
{
	setpriv --inh-caps=-all --bounding-set=-all "$@"
}

# another COMMAND...: as another user
another()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"
}

# made DIRECTORY WHO: a broker there in which WHO has declared a queue
made()
{
	mkdir "$top/$1" &&
	"$ctl" broker create "$name" --dir "$top/$1" --mode 0666 &&
	"$2" "$ctl" -b "$name" queue declare mine --durable >/dev/null &&
	"$ctl" broker close "$name"
}

if [ "$(id -u)" -eq 0 ]; then
	tap_check "one's own" made own bare
	tap_check "is opened without any right" bare "$ctl" broker open "$name" --dir "$top/own"
	tap_check "and has the queue" m queue purge mine
	"$ctl" broker close "$name"
	tap_check "another user's" made others another
	got=$(bare "$ctl" broker open "$name" --dir "$top/others" 2>&1)
	tap_check "is refused" sh -c \
		'case $1 in *"not permitted"*) ;; *) echo "$1"; exit 1 ;; esac' - "$got"
	tap_check "but to who may say so" "$ctl" broker open "$name" --dir "$top/others"
	tap_check "and has the queue" m queue purge mine
	"$ctl" broker close "$name"
	tap_check "what was declared with all rights" made rights env
	got=$(bare "$ctl" broker open "$name" --dir "$top/rights" 2>&1)
	tap_check "is refused to who has none" sh -c \
		'case $1 in *"not permitted"*) ;; *) echo "$1"; exit 1 ;; esac' - "$got"
else
	tap_skip "whom the files speak of" "needs root"
fi

# --- the systemd unit ---------------------------------------------------------------------

# unit_does KEY: what the unit runs, for our broker and directory
unit_does()
{
	sed -n "s#^$1=@BINDIR@/mqkctl##p" "$here/../../etc/mqk@.service.in" |
		sed "s#/var/lib/mqk/%i#$top/unit#; s#%i#$name#g; s#\$MQK_OPEN_OPTIONS#--mode 0640#"
}

mkdir "$top/unit"
"$ctl" broker create "$name" --dir "$top/unit"
m queue declare kept --durable >/dev/null
"$ctl" broker close "$name"
# shellcheck disable=SC2046 # words
tap_check "what the unit does when it starts" "$ctl" $(unit_does ExecStart)
tap_check "the broker is there" m queue purge kept
tap_equal "as the options say" "$(stat -c %a "/dev/mqk/$name")" 640
# shellcheck disable=SC2046 # words
tap_check "what the unit does when it stops" "$ctl" $(unit_does ExecStop)
tap_check "the broker is not there" test ! -e "/dev/mqk/$name"

tap_end
