#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mqkctl(8): every command, its JSON, its exit statuses and what it says when
# something is refused.  On a broker of its own.
#
# mqk-test: parallel timeout=700 kernels=stock,host
#
# shellcheck disable=SC2016 # scripts in single quotes

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"

ctl=${MQKCTL:-${MQK_BUILD:-$here/../../build}/bin/mqkctl}
broker=mqkctl-test.$$
work=$(mktemp -d)

[ -x "$ctl" ] || tap_skip_all "there is no $ctl"
[ -e /dev/mqk/control ] || tap_skip_all "the module is not loaded"

cleanup()
{
	"$ctl" broker delete "$broker" --force 2>/dev/null
	"$ctl" broker delete "$broker.b" --force 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# --- helpers -------------------------------------------------------------------

# m ARGUMENT...: mqkctl on our broker
m()
{
	"$ctl" -b "$broker" "$@"
}

# run ARGUMENT...: the same; leaves $work/out, the first line of what went to
# standard error in $err, and $status
run()
{
	m "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	err=''
	[ ! -s "$work/err" ] || read -r err <"$work/err"
}

# good NAME ARGUMENT...: it succeeds and says nothing on standard error
good()
{
	good_name=$1
	shift
	run "$@"
	if [ "$status" -eq 0 ] && [ -z "$err" ]; then
		tap_ok "$good_name"
	else
		tap_fail "$good_name" "status $status, '$err'"
	fi
}

# prints NAME TEXT ARGUMENT...: it succeeds and prints the text
prints()
{
	prints_name=$1
	prints_text=$2
	shift 2
	run "$@"
	tap_equal "$prints_name" "$status:$err:$(cat "$work/out")" "0::$prints_text"
}

# bad NAME STATUS PATTERN ARGUMENT...: exit status, and a line that matches
bad()
{
	bad_name=$1
	bad_status=$2
	bad_pattern=$3
	shift 3
	run "$@"
	# shellcheck disable=SC2254 # a pattern
	case $err in
	"mqkctl: "$bad_pattern) matches=yes ;;
	*) matches=no ;;
	esac
	if [ "$status" -eq "$bad_status" ] && [ "$matches" = yes ]; then
		tap_ok "$bad_name"
	else
		tap_fail "$bad_name" "status $status, '$err'"
	fi
}

# json NAME EXPRESSION ARGUMENT...: output with -j, checked at the end (with o
# as the list of objects), because a python takes long to start.
json_number=0
json()
{
	json_number=$((json_number + 1))
	printf '%s\n' "$1" >"$work/json.$json_number.name"
	printf '%s\n' "$2" >"$work/json.$json_number.expr"
	shift 2
	m -j "$@" >"$work/json.$json_number.out" 2>"$work/err" </dev/null
}

json_checks()
{
	python3 - "$work" "$json_number" <<'PYTHON'
import json, sys
work, number = sys.argv[1], int(sys.argv[2])
for n in range(1, number + 1):
    read = lambda kind: open(f"{work}/json.{n}.{kind}", encoding="utf-8").read()
    name = read("name").strip()
    try:
        text = read("out")
        assert text == "" or text.endswith("\n"), "no newline at the end"
        o = [json.loads(line) for line in text.splitlines()]
        assert all(isinstance(x, dict) for x in o), "not all are objects"
        good = eval(read("expr"), {"o": o})
        why = "" if good else text.strip()
    except Exception as e:
        good, why = False, f"{type(e).__name__}: {e}"
    print(f"{'ok' if good else 'no'}\t{name}\t{why}".replace("\n", " | "))
PYTHON
}

# depth QUEUE: its ready and unacknowledged messages
depth()
{
	m queue list | awk -v q="$1" '$1 == q { print $2 "+" $3 }'
}

# wait_for COMMAND...: until it succeeds, 10 seconds at most
wait_for()
{
	wait_tries=0
	until "$@"; do
		wait_tries=$((wait_tries + 1))
		[ "$wait_tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

lines_are()
{
	[ "$(wc -l <"$1")" -ge "$2" ]
}

depth_is()
{
	[ "$(depth "$1")" = "$2" ]
}

# --- usage ---------------------------------------------------------------------

test_usage()
{
	prints "--version names the ABI" "$("$ctl" --version)" --version
	good "--help" --help
	tap_check "--help lists all commands" grep -q 'publish' "$work/out"
	good "help of a command" queue declare --help
	good "help of a noun" queue --help
	good "help COMMAND" help consume
	bad "no command" 2 "*command is missing*"
	bad "unknown command" 2 "*'frobnicate' is not one of*" frobnicate
	bad "ambiguous command" 2 "*ambiguous: broker, binding, bind, browse, batch*" b
	bad "unknown second word" 2 "queue: 'explode' is not one of*" queue explode
	bad "no second word" 2 "queue: what to do is missing*" queue
	bad "missing argument" 2 "*KEY is missing*" publish x
	bad "one argument too many" 2 "*no place for 'y'*" queue purge x y
	bad "unknown option" 2 "*no option --frob*" queue list --frob
	bad "option of another command" 2 "*no option --lines*" queue list --lines
	bad "single dash" 2 "*no option -x*" queue purge -x
	bad "option without its value" 2 "*--count needs a value*" get q --count
	bad "value for an option that has none" 2 "*takes no value*" get q --ack=1
	bad "option twice" 2 "*--count is given twice*" get q --count 1 --count 2
	bad "options that exclude each other" 2 "*exclude each other*" get q --ack --reject
	bad "bad number" 2 "*--count 0: give a number*" get q --count 0
	bad "bad mode" 2 "*--mode 999: give an octal number*" queue declare q --mode 999
	bad "bad header" 2 "*NAME=VALUE*" route "" q --header x
	bad "bad type of a header" 2 "*'frob' is no type*" route "" q --header x:frob=1
	bad "bad value of a header" 2 "*'300' is no value of type byte*" route "" q --header x:byte=300
	bad "bad exchange type" 2 "*no such exchange type*" exchange declare x --type frob
	bad "exchange type is missing" 2 "*--type is missing*" exchange declare x
	bad "data and --file" 2 "*exclude each other*" publish "" q data --file x
	bad "empty -b" 2 "*-b needs*" queue list -b
	good "abbreviations" q l
	good "options behind the command" queue list -j
}

# --- brokers -------------------------------------------------------------------

test_broker()
{
	tap_check "broker create" "$ctl" broker create "$broker.b" --mode 0640 \
		--segment-size 256K --nomap --limit queues=5 --limit bytes=64M --owner 0:0
	bad "broker create again" 1 "*'$broker.b'*there is a broker of that name*" broker create "$broker.b"
	bad "broker with a bad name" 1 "*broker 'a b'*not valid*" broker create "a b"
	bad "broker with a bad segment size" 1 "*segment size*" broker create x --segment-size 100000
	bad "broker whose limit it does not fit into itself" 1 "create broker 'x': refused*this broker may have 3 exchanges and has 3*" \
		broker create x --limit exchanges=3
	bad "broker with an unknown limit" 2 "*give RESOURCE=NUMBER*" broker create x --limit frobs=1
	bad "broker with an unknown owner" 2 "*no user*" broker create x --owner nobody-of-that-name
	json "broker list -j" \
		"[b for b in o if b['name'] == '$broker.b'][0]['segment_size'] == 262144 and [b for b in o if b['name'] == '$broker.b'][0]['nomap'] and [b for b in o if b['name'] == '$broker.b'][0]['resources']['queues']['limit'] == 5" \
		broker list
	good "broker list" broker list
	tap_check "broker list has it" grep -q "^$broker.b .* nomap" "$work/out"
	tap_equal "mode of the node" "$(stat -c %a "/dev/mqk/$broker.b")" 640
	for n in 1 2 3 4 5; do
		"$ctl" -b "$broker.b" queue declare "q$n" >/dev/null
	done
	"$ctl" -b "$broker.b" queue declare q6 >"$work/out" 2>"$work/err"
	tap_equal "a limit refuses with status 1" $? 1
	tap_check "and is named" grep -q "declare queue 'q6': refused.*broker may have 5 queues and has 5" "$work/err"
	good "broker delete" broker delete "$broker.b"
	bad "broker delete again" 1 "*no such broker*" broker delete "$broker.b"
	bad "session of a broker that is not there" 1 "*broker '$broker.b': no such broker*" -b "$broker.b" queue list
}

# --- exchanges, queues, bindings -----------------------------------------------

test_exchange()
{
	for type in direct fanout topic; do
		good "exchange declare $type" exchange declare "x-$type" --type "$type"
	done
	good "exchange declare x-last-value" exchange declare x-last \
		--type x-last-value --arg x-recent-history-length:long=2
	for n in 1 2 3; do
		m publish x-last k "$n"
	done
	m queue declare last1 >/dev/null
	good "bind to what is remembered" bind x-last last1 '#'
	prints "what is remembered is given" "$(printf '2\n3')" get last1 --ack --raw --count 9
	m queue delete last1 >/dev/null
	m exchange delete x-last
	good "exchange declare x-consistent-hash" exchange declare x-hash \
		--type x-consistent-hash --arg hash-header=who
	json "exchange list has its argument" \
		"[x for x in o if x['name'] == 'x-hash'][0]['arguments'] == {'hash-header': 'who'} and [x for x in o if x['name'] == 'x-hash'][0]['type'] == 'x-consistent-hash'" \
		exchange list
	m queue declare x-q >/dev/null
	bad "a weight that is none" 1 "*" bind x-hash x-q 101
	good "a weight" bind x-hash x-q 100
	prints "route by hash" x-q route x-hash k --header who=me
	m queue delete x-q >/dev/null
	m exchange delete x-hash
	good "exchange declare again" exchange declare x-direct --type direct
	bad "exchange declare otherwise" 1 "declare exchange 'x-direct': refused*other properties*" \
		exchange declare x-direct --type topic
	bad "exchange with a reserved name" 1 "*'amq.mine'*reserved*" exchange declare amq.mine --type topic
	bad "exchange with an unknown argument" 1 "*argument*" exchange declare x9 --type topic --arg frob=1
	good "exchange declare passive" exchange declare x-topic --passive --type topic
	bad "exchange declare passive, other type" 1 "*is of type topic*" exchange declare x-topic --passive --type direct
	bad "exchange declare passive, none" 1 "exchange 'x9': no such exchange; declare it first (mqkctl -b $broker exchange declare x9 *" \
		exchange declare x9 --passive
	good "exchange declare with all options" exchange declare x-all --type fanout --durable --auto-delete --internal --mode 0700
	json "exchange list -j" \
		"[x for x in o if x['name'] == 'x-all'][0] | {'id': 0} == {'name': 'x-all', 'type': 'fanout', 'bindings': 0, 'durable': True, 'auto_delete': True, 'internal': True, 'arguments': {}, 'mode': '0700', 'uid': 0, 'gid': 0, 'id': 0} and any(x['name'] == '' for x in o) and any(x['name'] == 'amq.topic' and x['type'] == 'topic' for x in o)" \
		exchange list
	good "exchange list" exchange list
	tap_check "exchange list has it" grep -q '^x-all  *fanout .*durable,auto-delete,internal' "$work/out"
	good "exchange delete" exchange delete x-all
	good "exchange delete again" exchange delete x-all
	bad "exchange delete amq.*" 1 "delete exchange 'amq.topic': refused*reserved*" exchange delete amq.topic
}

# Bindings with a key and arguments of all sorts; and who consumes.
test_lists()
{
	m exchange declare l-x --type direct
	m queue declare l-q >/dev/null
	m queue declare l-r >/dev/null
	m bind l-x l-q plain
	m bind l-x l-q ''
	m bind l-x l-r "$(printf 'a b\001')" --arg n:int=7 --arg s=text
	json "binding list -j" \
		"[{k: v for k, v in b.items() if not k.endswith('_id') and k != 'number'} for b in o if b['exchange'] == 'l-x'] == [{'exchange': 'l-x', 'queue': 'l-q', 'key': 'plain', 'arguments': {}}, {'exchange': 'l-x', 'queue': 'l-q', 'key': '', 'arguments': {}}, {'exchange': 'l-x', 'queue': 'l-r', 'key': 'a b\x01', 'arguments': {'n': 7, 's': 'text'}, 'arguments_types': {'n': 'int'}}]" \
		binding list
	good "binding list" binding list
	tap_check "binding list has a key" grep -q '^l-x  *l-q  *plain  *-$' "$work/out"
	tap_check "binding list quotes an empty one" grep -q '^l-x  *l-q  *""  *-$' "$work/out"
	tap_check "binding list has arguments" grep -q '^l-x  *l-r  *"a b\\x01"  *n:int=7 s=text$' "$work/out"
	"$ctl" -b "$broker" consume l-q --count 1 >/dev/null 2>&1 &
	lister=$!
	wait_for sh -c '"$1" -b "$2" consumer list | grep -q "^l-q "' - "$ctl" "$broker"
	json "consumer list -j" \
		"[(c['prefetch'], c['unacked'], c['ack'], c['uid'], c['pid'], c['state'], c['error']) for c in o if c['queue'] == 'l-q'] == [(1, 0, 'explicit', 0, $lister, 'ready', 0)] and len(o) == 1" \
		consumer list
	good "consumer list" consumer list
	tap_check "consumer list has it" grep -q "^l-q  *[0-9]*  *1  *$lister  *0  *1  *0  *0  *explicit  *ready\$" "$work/out"
	m publish l-x plain 'done'
	wait "$lister"
	json "consumer list is empty" "o == []" consumer list
	m exchange delete l-x
	m queue delete l-q
	m queue delete l-r
}

test_queue()
{
	prints "queue declare" q1 queue declare q1
	prints "queue declare again" q1 queue declare q1
	bad "queue declare otherwise" 1 "declare queue 'q1': refused*other properties*" queue declare q1 --durable
	prints "queue declare passive" q1 queue declare q1 --passive
	bad "queue declare passive, none" 1 "queue 'q9': no such queue; declare it first (mqkctl -b $broker queue declare q9)" \
		queue declare q9 --passive
	bad "queue with a reserved name" 1 "*'amq.mine'*reserved*" queue declare amq.mine
	bad "queue with a long name" 1 "*too long*" queue declare "$(printf '%0256d' 0)"
	made=$(m queue declare)
	case $made in
	amq.gen-*) tap_ok "queue declare makes a name" ;;
	*) tap_fail "queue declare makes a name" "got '$made'" ;;
	esac
	good "queue delete" queue delete "$made"
	json "queue declare -j" "o == [{'name': 'q2', 'ready': 0, 'consumers': 0, 'id': o[0]['id']}]" queue declare q2 --durable --mode 0750
	json "queue list -j" \
		"{k: v for k, v in [q for q in o if q['name'] == 'q2'][0].items() if k != 'id' and k != 'index_bytes'} == {'name': 'q2', 'ready': 0, 'unacked': 0, 'consumers': 0, 'bytes': 0, 'durable': True, 'auto_delete': False, 'exclusive': False, 'paused': False, 'mode': '0750', 'uid': 0, 'gid': 0, 'published': 0, 'delivered': 0, 'redelivered': 0, 'acked': 0, 'dropped': 0, 'retrying': 0, 'scheduled': 0, 'dying': 0, 'repeated': 0}" \
		queue list
	m publish "" q2 one
	m publish "" q2 two
	bad "queue delete --if-empty" 1 "delete queue 'q2': refused*in use*" queue delete q2 --if-empty
	prints "queue purge" 2 queue purge q2
	prints "redrive, none died" 0 redrive q2
	bad "redrive, no queue" 1 "queue 'q9': no such queue*" redrive q9
	bad "queue purge, none" 1 "queue 'q9': no such queue*" queue purge q9
	m publish "" q2 one
	json "queue purge -j" "o == [{'queue': 'q2', 'messages': 1}]" queue purge q2
	m queue declare dl1 >/dev/null
	good "publish --delay" publish '' dl1 later --delay 86400000 --property message-id=i1
	good "publish --delay, no id" publish '' dl1 later --delay=86400000
	json "queue list -j, scheduled" "[(q['ready'], q['scheduled']) for q in o if q['name'] == 'dl1'] == [(0, 2)]" queue list
	prints "queue cancel" 1 queue cancel dl1 i1
	prints "queue cancel, none" 0 queue cancel dl1 i1
	bad "queue cancel, no queue" 1 "queue 'q9': no such queue*" queue cancel q9 i1
	bad "queue cancel, no id" 2 "*an id has 1 to 255 bytes*" queue cancel dl1 ''
	m queue declare gr1 --arg x-mqk-groups:bool=true >/dev/null
	good "publish --group" publish '' gr1 one --group g1
	good "publish --group, a header too" publish '' gr1 two --group g1 --header k=v
	good "publish, property group-id" publish '' gr1 three --property group-id=g2
	bad "publish --group, empty" 2 "*1 to 255 bytes*" publish '' gr1 x --group ''
	bad "publish --group, and the property" 2 "*exclude each other*" publish '' gr1 x --group a --property group-id=b
	json "get -j, group" "o[0]['properties'] == {'group_id': 'g1'}" get gr1 --requeue
	bad "publish --delay, too long" 2 "*" publish '' dl1 x --delay 4294967296
	m queue delete dl1 >/dev/null
	good "queue pause" queue pause q2
	m publish "" q2 one
	m publish "" q2 two
	prints "a paused queue gives nothing" "" get q2
	json "a paused queue is listed as such" "[q['paused'] for q in o if q['name'] == 'q2'] == [True]" queue list
	good "queue set" queue set q2 --arg x-max-length:int=1
	good "queue resume" queue resume q2
	json "queue set had its effect" "[(q['ready'], q['dropped'], q['paused']) for q in o if q['name'] == 'q2'] == [(1, 4, False)]" queue list
	bad "queue set, an argument that may not change" 1 "change queue 'q2': *argument*" queue set q2 --arg x-queue-type=classic
	bad "queue set without arguments" 2 "*--arg*" queue set q2
	bad "queue pause, none" 1 "queue 'q9': no such queue*" queue pause q9
	bad "queue resume, none" 1 "queue 'q9': no such queue*" queue resume q9
	m queue purge q2 >/dev/null
	good "queue delete --if-empty, empty" queue delete q2 --if-empty
	good "queue delete again" queue delete q2
	bad "queue delete without a name" 1 "delete queue '': a queue has a name*" queue delete ""
	prints "queue declare --exclusive" q3 queue declare q3 --exclusive
	tap_equal "an exclusive queue goes with its session" "$(depth q3)" ""
}

test_bind()
{
	m queue declare b1 >/dev/null
	m queue declare b2 >/dev/null
	good "bind" bind x-topic b1 'log.*.error'
	good "bind again" bind x-topic b1 'log.*.error'
	good "bind without a key" bind x-fanout b1
	good "bind another" bind x-topic b2 'log.#'
	bad "bind, no such queue" 1 "queue 'b9': no such queue; declare it first*" bind x-topic b9 k
	bad "bind, no such exchange" 1 "exchange 'x9': no such exchange; declare it first*" bind x9 b1 k
	bad "bind to the default exchange" 1 "*reserved*" bind "" b1 k
	prints "route to both" "b1
b2" route x-topic log.disk.error
	prints "route to one" b2 route x-topic log
	prints "route to none" "" route x-topic other
	prints "route through the default exchange" b1 route "" b1
	json "route -j" "o == [{'exchange': 'x-topic', 'key': 'log.disk.error', 'queues': ['b1', 'b2']}]" \
		route x-topic log.disk.error
	json "route -j to none" "o == [{'exchange': 'x-topic', 'key': 'other', 'queues': []}]" route x-topic other
	bad "route, no such exchange" 1 "exchange 'x9': no such exchange*" route x9 k
	bad "route with a long key" 1 "*key is too long*" route x-topic "$(printf '%0256d' 0)"
	bad "exchange delete --if-unused" 1 "delete exchange 'x-topic': refused*in use*" exchange delete x-topic --if-unused
	good "unbind" unbind x-topic b2 'log.#'
	good "unbind again" unbind x-topic b2 'log.#'
	prints "route when unbound" b1 route x-topic log.disk.error
	good "unbind, no such queue" unbind x-topic b9 k
	bad "unbind from the default exchange" 1 "*reserved*" unbind "" b1 b1
}

# --- messages ------------------------------------------------------------------

test_publish()
{
	m queue declare p1 >/dev/null
	good "publish DATA" publish "" p1 hello
	printf 'from a file' >"$work/data"
	good "publish --file" publish "" p1 --file "$work/data"
	tap_check "publish from standard input" sh -c 'printf "a\nb\n" | "$1" -b "$2" publish "" p1' - "$ctl" "$broker"
	good "publish nothing" publish "" p1 ""
	tap_equal "all four are there" "$(depth p1)" 4+0
	json "and hold what was given" "[x['data'] for x in o] == ['hello', 'from a file', 'a\nb\n', '']" browse p1
	m queue purge p1 >/dev/null
	seq 1000 >"$work/lines"
	printf 'no newline' >>"$work/lines"
	tap_check "publish --lines" sh -c '"$1" -b "$2" publish "" p1 --lines --confirm <"$3"' - "$ctl" "$broker" "$work/lines"
	tap_equal "a message a line" "$(depth p1)" 1001+0
	m browse p1 --raw >"$work/out"
	echo >>"$work/lines"
	tap_check "in order and complete" cmp "$work/lines" "$work/out"
	m queue purge p1 >/dev/null
	"$ctl" broker create "$broker.b" --limit messages=64
	"$ctl" -b "$broker.b" queue declare l1 >/dev/null
	seq 200 | "$ctl" -b "$broker.b" publish "" l1 --lines 2>"$work/err"
	tap_equal "a limit ends publish --lines: status" $? 1
	tap_check "a limit ends publish --lines: where and why" \
		grep -q "^mqkctl: line [0-9]*: publish to exchange '': refused .*this broker may have 64 messages" "$work/err"
	number=$(sed 's/.*line \([0-9]*\):.*/\1/' "$work/err")
	tap_equal "lines before it are published" \
		"$("$ctl" -b "$broker.b" browse l1 --raw | tail -n 1)" $((number - 1))
	"$ctl" broker delete "$broker.b"
	bad "publish, no such exchange" 1 "exchange 'x9': no such exchange; declare it first*" publish x9 k data
	bad "publish, no such file" 1 "*/none: *" publish "" p1 --file "$work/none"
	bad "publish with a long key" 1 "*key is too long*" publish "" "$(printf '%0256d' 0)" data
	good "unroutable" publish x-topic nowhere data
	good "unroutable, confirmed" publish x-topic nowhere data --confirm
	bad "unroutable and mandatory" 1 "exchange 'x-topic', key 'nowhere': the message is mandatory and reaches no queue*" \
		publish x-topic nowhere data --mandatory
	good "mandatory and routable" publish "" p1 data --mandatory --confirm
	seq 10 | m publish x-topic nowhere --lines --mandatory 2>"$work/err"
	tap_equal "mandatory lines, status" $? 1
	tap_check "mandatory lines, how many" grep -q '10 of 10 messages.*first is number 1' "$work/err"
	json "publish -j" "o == [{'exchange': '', 'key': 'p1', 'published': 1, 'confirmed': 1, 'returned': 0, 'nacked': 0}]" \
		publish "" p1 x --confirm
	m exchange declare x-internal --type fanout --internal
	bad "publish to an internal exchange" 1 "publish to exchange 'x-internal': *" publish x-internal k data
	m queue purge p1 >/dev/null
	head -c 3000000 /dev/urandom >"$work/big"
	good "publish more than a segment holds" publish "" p1 --file "$work/big"
	m get p1 --ack --raw | head -c 3000000 | cmp - "$work/big"
	tap_equal "and get it back" $? 0
}

test_headers()
{
	m queue declare h1 >/dev/null
	good "headers of all types" publish "" h1 data --header s=text --header e= \
		--header b:bool=true --header y:byte=-128 --header h:short=32767 \
		--header i:int=-2147483648 --header l:long=9223372036854775807 \
		--header f:float=1.5 --header d:double=0.1 --header inf:double=inf \
		--header t:string=typed --header x:bytes=AP8= --header ts:timestamp=1700000000 \
		--header v:void --header a:b:string=colon
	json "come back in JSON" \
		"o[0]['headers'] == {'s': 'text', 'e': '', 'b': True, 'y': -128, 'h': 32767, 'i': -2147483648, 'l': 9223372036854775807, 'f': 1.5, 'd': 0.1, 'inf': 'inf', 't': 'typed', 'x': 'AP8=', 'ts': 1700000000, 'v': None, 'a:b': 'colon'}" \
		browse h1
	json "with the types that the values do not tell" \
		"o[0]['headers_types'] == {'y': 'byte', 'h': 'short', 'i': 'int', 'f': 'float', 'd': 'double', 'inf': 'double', 'x': 'bytes', 'ts': 'timestamp'}" \
		browse h1
	m browse h1 >"$work/out"
	tap_equal "come back as they were written, each of them" \
		"$(sed -n 's/^    header //p' "$work/out")" "s=text
e=
b:bool=true
y:byte=-128
h:short=32767
i:int=-2147483648
l:long=9223372036854775807
f:float=1.5
d:double=0.1
inf:double=inf
t=typed
x:bytes=AP8=
ts:timestamp=1700000000
v:void=
a:b:string=colon"
	for header in bool=2 bool=yes byte=128 byte=-129 byte=1.0 short=32768 int=2147483648 \
		long=9223372036854775808 long= float=1e39 float=x double=1e999 double= \
		bytes=A timestamp=now void=1; do
		bad "header $header is refused" 2 \
			"--header x:$header: '${header#*=}' is no value of type ${header%%=*}*" \
			publish "" h1 data --header "x:$header"
		bad "argument $header is refused" 2 \
			"--arg x:$header: '${header#*=}' is no value of type ${header%%=*}*" \
			queue declare h2 --arg "x:$header"
	done
	bad "header without a name" 2 "--header =x: a name has 1 to 255 bytes*" publish "" h1 data --header =x
	bad "more headers than there is room for" 2 "--header: all of them together take more than 65528 bytes*" \
		publish "" h1 data --header "a=$(printf '%065000d' 0)" --header "b=$(printf '%0600d' 0)"
	tap_equal "and nothing was published" "$(depth h1)" 1+0
	m queue purge h1 >/dev/null
	m queue declare h2 >/dev/null
	prints "route by further keys" "h1
h2" route "" h1 --cc nobody --bcc h2
	good "further keys" publish "" h1 data --header n:int=1 --cc h2 --cc "no,body" \
		--bcc h2 --bcc secret --header list:array=a,b
	json "BCC is taken out" \
		"o[0]['headers'] == {'n': 1, 'list': ['a', 'b'], 'CC': ['h2', 'no,body']}" \
		browse h2
	m browse h1 >"$work/out"
	tap_check "arrays are printed" grep -q 'header list:array=a,b' "$work/out"
	bad "a key that is too long" 1 "*" publish "" h1 x \
		--cc "$(printf '%0256d' 0)"
	m queue delete h2 >/dev/null
	m queue purge h1 >/dev/null
	m publish "" h1 x --header "bad=$(printf 'a\377b')" --header good=1
	json "text that is no UTF-8" \
		"o[0]['headers'] == {'bad': 'a\u00ffb', 'good': '1'} and __import__('base64').b64decode(o[0]['headers_base64'])[4:10] == b'bada\xffb'" \
		browse h1
}

test_properties()
{
	m queue declare pr1 >/dev/null
	good "properties" publish "" pr1 data --header x:int=1 --property content-type=text/plain \
		--property content-encoding=gzip --property correlation-id=c7 --property reply-to=answers \
		--property message-id=m1 --property type=greeting --property app-id=tests \
		--property timestamp=1700000000 --property user-id=0
	json "properties in JSON" \
		"o[0]['properties'] == {'content_type': 'text/plain', 'content_encoding': 'gzip', 'correlation_id': 'c7', 'reply_to': 'answers', 'message_id': 'm1', 'type': 'greeting', 'app_id': 'tests', 'timestamp': 1700000000, 'user_id': 0} and o[0]['headers']['x'] == 1" \
		browse pr1
	m browse pr1 >"$work/out"
	tap_check "properties for people" grep -qx '    property timestamp:timestamp=1700000000' "$work/out"
	tap_check "are no headers" grep -qx '    header x:int=1' "$work/out"
	m queue purge pr1 >/dev/null
	m publish "" pr1 data --header timestamp=noon --header a=b
	json "a header of that name and another type is none" "'properties' not in o[0] and o[0]['headers']['timestamp'] == 'noon'" browse pr1
	bad "no such property" 2 "--property frob=1: 'frob' is no property; there are content-type, *" publish "" pr1 x --property frob=1
	bad "property without a value" 2 "--property type: give type=VALUE*" publish "" pr1 x --property type
	bad "property twice" 2 "--property type is given twice*" publish "" pr1 x --property type=a --property type=b
	for property in timestamp=now timestamp= user-id=root user-id=-1 user-id=4294967296; do
		bad "property $property is refused" 2 "--property $property: '${property#*=}' is not *number of *" \
			publish "" pr1 x --property "$property"
	done
}

# Serve one request by hand: serve_one QUEUE ANSWER
serve_one()
{
	wait_for depth_is "$1" 1+0 || return 1
	m -j get "$1" --ack >"$work/request"
	to=$(sed -n 's/.*"reply_to":"\([^"]*\)".*/\1/p' "$work/request")
	id=$(sed -n 's/.*"correlation_id":"\([^"]*\)".*/\1/p' "$work/request")
	m publish "" "$to" "$2" --property "correlation-id=$id"
}

test_call()
{
	m queue declare ca1 >/dev/null
	"$ctl" -b "$broker" call "" ca1 question --raw --timeout 20 >"$work/reply" 2>"$work/err" &
	pid=$!
	tap_check "call: serve a request by hand" serve_one ca1 answer
	wait "$pid"
	tap_equal "and it prints the answer" "$?:$(cat "$work/err"):$(cat "$work/reply")" "0::answer"
	to=$(sed -n 's/.*"reply_to":"\([^"]*\)".*/\1/p' "$work/request")
	tap_check "the address is the kernel's" expr "$to" : 'amq\.reply-[0-9a-f]\{16\}-[0-9a-f]\{32\}$'
	tap_equal "and leads nowhere any more" "$(m route "" "$to")" ""
	"$ctl" -b "$broker" -j call "" ca1 question --property type=sum --header x=y --timeout 20 >"$work/reply" 2>"$work/err" &
	pid=$!
	serve_one ca1 'in JSON'
	m queue list >"$work/lists"
	wait "$pid"
	tap_check "call -j" grep -q '"data":"in JSON"' "$work/reply"
	tap_check "the request has its other headers" grep -q '"type":"sum".*"x":"y"' "$work/request"
	"$ctl" -b "$broker" call "" ca1 question --timeout 20 >"$work/reply" 2>"$work/err" &
	pid=$!
	wait_for depth_is ca1 1+0
	m queue list >"$work/lists"
	m consumer list >>"$work/lists"
	cat "/dev/mqk/$broker" >>"$work/lists"
	tap_equal "nobody else is told the address" \
		"$(grep -c 'amq.reply-[0-9a-f]\{16\}\( \|$\)' "$work/lists"):$(grep -c 'amq.reply-[0-9a-f]*-[0-9a-f]' "$work/lists")" "3:0"
	kill "$pid"
	wait "$pid" 2>/dev/null
	m queue purge ca1 >/dev/null
	bad "call without a reply" 1 "exchange '', key 'ca1': no reply within 0.2 seconds*" call "" ca1 x --timeout 0.2
	bad "call where nobody serves" 1 "exchange '', key 'ca9': the request reaches no queue*" call "" ca9 x
	bad "call, bad timeout" 2 "--timeout x: give a number of seconds*" call "" ca1 x --timeout x
	bad "call, data and --file" 2 "*exclude each other*" call "" ca1 x --file y
	bad "a user id that is another's" 1 "publish to exchange '': *" publish "" ca1 x --property user-id=12345
}

test_producer()
{
	m queue declare shop1 >/dev/null
	printf '1\n2\n3\n' | m publish "" shop1 --lines --producer shop
	printf '1\n2\n3\n4\n' | m publish "" shop1 --lines --producer shop --number 1
	prints "what was published before is not published again" "1
2
3
4" get shop1 --ack --raw --count 9
	m publish "" shop1 five --producer shop
	prints "without --number, the next one" five get shop1 --ack --raw --count 9
	bad "a gap" 1 "publish to exchange '': *gap*" publish "" shop1 x --producer shop --number 9
	json "producer list -j" \
		'len(o) == 1 and o[0]["name"] == "shop" and o[0]["last"] == 5 and not o[0]["open"]' \
		producer list
	good "producer list" producer list
	tap_check "producer list has it" grep -q '^shop  *5  *-  *[0-9]*  *[0-9]*  *0600$' "$work/out"
	good "forget" forget shop
	m publish "" shop1 six --producer shop --number 1
	prints "a name that was forgotten begins anew" six get shop1 --ack --raw --count 9
	m forget shop
	json "producer list is empty" "o == []" producer list
	bad "--number without --producer" 2 "*--number needs --producer*" publish "" shop1 x --number 1
	bad "--number 0" 2 "--number 0: give a number*" publish "" shop1 x --producer a --number 0
}

test_will()
{
	m queue declare wi1 >/dev/null
	for signal in TERM KILL; do
		"$ctl" -b "$broker" will "" wi1 "$signal" >"$work/out" 2>"$work/err" &
		pid=$!
		wait_for grep -q holding "$work/out"
		kill "-$signal" "$pid"
		wait "$pid" 2>/dev/null
	done
	wait_for depth_is wi1 1+0
	prints "a will is published when its process is killed, not after a goodbye" KILL get wi1 --ack --raw --count 9
	"$ctl" -b "$broker" -j will "" wi1 x >"$work/out" &
	pid=$!
	wait_for grep -q holding "$work/out"
	kill "$pid"
	wait "$pid"
	tap_equal "will -j" "$?:$(cat "$work/out")" '0:{"holding":true}'
	"$ctl" -b "$broker" will "" wi1 later --after 0.2 >"$work/out" 2>"$work/err" &
	pid=$!
	wait_for grep -q holding "$work/out"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	wait_for depth_is wi1 1+0
	prints "a will with --after is published later" later get wi1 --ack --raw
	bad "will, bad --after" 2 "--after soon: give a number of seconds*" will "" wi1 x --after soon
	bad "will, no such exchange" 1 "exchange 'x9': no such exchange*" will x9 k data
}

test_policies()
{
	file=$work/policies/there
	for n in po-a1 po-a2 po-b1; do
		m queue declare "$n" >/dev/null
	done
	good "policy set" policy set short '^po-a' --apply-to queues --arg x-max-length:long=1 --policies "$file"
	for n in 1 2 3; do
		m publish "" po-a1 "$n"
		m publish "" po-b1 "$n"
	done
	wait_for depth_is po-a1 1+0
	wait_for depth_is po-b1 3+0
	tap_equal "a policy is of the queues that match" "$?" 0
	good "a policy of a higher priority" policy set long 'po-.1$' --apply-to all \
		--arg x-max-length:long=2 --arg x-message-ttl:long=100000 --priority 5 --policies "$file"
	good "queues have the arguments of the one that counts" queue declare po-a1 \
		--arg x-max-length:long=2 --arg x-message-ttl:long=100000
	good "and others those of others" queue declare po-a2 --arg x-max-length:long=1
	wait_for depth_is po-b1 2+0
	json "policy list" \
		"[(p['name'], p['pattern'], p['priority'], p['arguments']) for p in o] == [('long', 'po-.1\$', 5, 'x-max-length:long=2 x-message-ttl:long=100000'), ('short', '^po-a', 0, 'x-max-length:long=1')]" \
		policy list --policies "$file"
	good "policy delete" policy delete long --policies "$file"
	good "the next one counts again" queue declare po-a1 --arg x-max-length:long=1
	good "what it had is taken away" queue declare po-b1
	m queue declare po-a3 >/dev/null
	good "policy apply" policy apply --policies "$file"
	good "to those that came later" queue declare po-a3 --arg x-max-length:long=1
	bad "policy delete, none" 1 "policy 'long': there is none*" policy delete long --policies "$file"
	bad "policy set, for exchanges" 2 "--apply-to exchanges: *" policy set x y --arg a=b --apply-to exchanges --policies "$file"
	bad "policy set, for others" 2 "--apply-to others: *" policy set x y --arg a=b --apply-to others --policies "$file"
	bad "policy set, bad pattern" 2 "policy 'x': pattern '(': *" policy set x '(' --arg a=b --policies "$file"
	bad "policy set, an argument that may not change" 1 "change queue 'po-a1': *argument*" \
		policy set fixed po-a --priority 9 --arg x-queue-type=classic --policies "$file"
	echo 'bad line' >"$file"
	bad "policy list, bad file" 2 "$file:1: a policy is NAME PATTERN PRIORITY*" policy list --policies "$file"
	good "no file is no policies" policy list --policies "$file.not"
	for n in po-a1 po-a2 po-a3 po-b1; do
		m queue delete "$n"
	done
}

test_get()
{
	m queue declare g1 >/dev/null
	for n in 1 2 3; do
		m publish "" g1 "message $n"
	done
	json "get leaves the message in the queue" \
		"len(o) == 1 and o[0]['data'] == 'message 1' and o[0]['queue'] == 'g1' and o[0]['exchange'] == '' and o[0]['key'] == 'g1' and o[0]['tag'] > 0 and o[0]['redelivered'] is False and o[0]['headers'] == {} and o[0]['uid'] == 0" \
		get g1
	json "flagged as redelivered" "o[0]['data'] == 'message 1' and o[0]['redelivered'] is True" get g1 --requeue
	tap_equal "all three are there" "$(depth g1)" 3+0
	json "get --count" "[x['data'] for x in o] == ['message 1', 'message 2', 'message 3']" get g1 --count 9
	json "in the same order again" "[x['data'] for x in o] == ['message 1', 'message 2', 'message 3']" get g1 --count 3
	json "get --ack" "o[0]['data'] == 'message 1'" get g1 --ack
	tap_equal "takes it" "$(depth g1)" 2+0
	json "get --reject" "o[0]['data'] == 'message 2'" get g1 --reject
	tap_equal "drops it" "$(depth g1)" 1+0
	json "and says so" "[(q['acked'], q['dropped']) for q in o if q['name'] == 'g1'] == [(1, 1)]" queue list
	good "get for people" get g1 --ack
	tap_check "shows key and data" sh -c 'grep -q "key g1" "$1" && grep -q "^    message 3$" "$1"' - "$work/out"
	prints "get from an empty queue" "" get g1
	bad "get, no such queue" 1 "queue 'g9': no such queue*" get g9
	bad "--raw and -j" 2 "*exclude each other*" -j get g1 --raw
	seq 200 | m publish "" g1 --lines
	prints "get --ack of many" "$(seq 200)" get g1 --ack --count 1000 --raw
	seq 5 | m publish "" g1 --lines
	m get g1 --ack --count 5 >/dev/full 2>"$work/err"
	tap_equal "what cannot be printed: status" $? 1
	tap_equal "what cannot be printed stays" "$(depth g1)" 5+0
	tap_check "what cannot be printed: said so" grep -q 'standard output: No space left' "$work/err"
}

test_data()
{
	m queue declare d1 >/dev/null
	printf 'caf\303\251 "x"\\ \t\033[1m' >"$work/data"
	m publish "" d1 --file "$work/data"
	json "data in UTF-8" "o[0]['data'] == 'caf\u00e9 \"x\"\\\\ \t\x1b[1m' and 'data_base64' not in o[0]" get d1 --ack
	printf 'a\000b\377' >"$work/data"
	m publish "" d1 --file "$work/data"
	json "data that is no UTF-8" "o[0]['data_base64'] == 'YQBi/w==' and 'data' not in o[0] and o[0]['bytes'] == 4" browse d1
	m browse d1 >"$work/out"
	tap_check "is escaped for people" grep -q '    a\\x00b\\xff' "$work/out"
	prints "--raw leaves it alone" "$(cat "$work/data")" get d1 --raw --ack
	strange=$(printf 'n\n\033\377 "')
	m queue declare "$strange" >"$work/out"
	prints "a strange name is escaped" '"n\x0a\x1b\xff \""' queue declare "$strange" --passive
	json "and exact in JSON" \
		"[q['name_base64'] for q in o if q['name'].startswith('n\n')] == ['bgob/yAi'] and [q['name'] for q in o if 'name_base64' in q] == ['n\n\x1b\u00ff \"']" \
		queue list
	json "also in a route" "o[0]['queues_base64'] == ['bgob/yAi'] and o[0]['key_base64'] == 'bgob/yAi'" route "" "$strange"
	m queue delete "$strange"
}

test_browse()
{
	m queue declare w1 >/dev/null
	seq 5 | m publish "" w1 --lines
	prints "browse" "$(seq 5)" browse w1 --raw
	prints "browse --count" "$(seq 2)" browse w1 --raw --count 2
	json "browse -j" "[(x['data'], x['tag'], x['redelivered']) for x in o] == [(str(n), 0, False) for n in range(1, 6)]" browse w1
	tap_equal "browse takes nothing" "$(depth w1)" 5+0
	json "nor counts as a delivery" "o[0]['redelivered'] is False" get w1
	bad "browse, no such queue" 1 "queue 'w9': no such queue*" browse w9
}

test_consume()
{
	m queue declare c1 >/dev/null
	seq 10 | m publish "" c1 --lines
	prints "consume --count" "$(seq 4)" consume c1 --raw --count 4
	tap_equal "takes as many" "$(depth c1)" 6+0
	json "leaves the others as they were" "[x['redelivered'] for x in o] == [False] * 6" browse c1
	json "consume -j" "[(x['data'], x['tag'], x['queue'], x['exchange']) for x in o] == [('5', 1, 'c1', ''), ('6', 2, 'c1', '')]" \
		consume c1 --count 2 --prefetch 1
	prints "consume --no-ack --count" "7" consume c1 --raw --no-ack --count 1
	tap_equal "takes as many, too" "$(depth c1)" 3+0
	bad "consume, no such queue" 1 "queue 'c9': no such queue*" consume c9

	"$ctl" -b "$broker" consume c1 --raw >"$work/out" 2>"$work/err" &
	pid=$!
	wait_for lines_are "$work/out" 3
	m publish "" c1 later
	wait_for lines_are "$work/out" 4
	tap_equal "consume prints what comes later" "$(tail -n 1 "$work/out")" later
	wait_for depth_is c1 0+0
	tap_equal "and has acknowledged it" "$(depth c1)" 0+0
	kill -TERM "$pid"
	wait "$pid"
	tap_equal "SIGTERM ends it in good order" "$?:$(cat "$work/err")" "0:"

	"$ctl" -b "$broker" events 'queue.*' --raw --count 2 >"$work/out" 2>&1 &
	pid=$!
	wait_for sh -c '"$1" -b "$2" binding list | grep -q "^amq.mqk.event "' - "$ctl" "$broker"
	m queue declare c2 >/dev/null
	m queue delete c2
	wait "$pid"
	tap_equal "events tells of queues" "$?:$(cat "$work/out")" \
		"$(printf '0:queue.created c2\nqueue.deleted c2')"

	"$ctl" -b "$broker" trace --publish 'amq.*' --deliver '#' --raw --count 2 \
		>"$work/out" 2>&1 &
	pid=$!
	wait_for sh -c '"$1" -b "$2" binding list | grep -q "^amq.mqk.trace .*deliver"' - \
		"$ctl" "$broker"
	m publish amq.topic none one
	m publish "" c1 two
	m get c1 --ack --raw >/dev/null
	wait "$pid"
	tap_equal "trace tells of messages" "$?:$(cat "$work/out")" "$(printf '0:one\ntwo')"
	bad "publish to the exchange of traces" 1 "*" publish amq.mqk.trace publish.a a
	bad "trace both of the module and of a broker" 2 "*" trace publish --publish '#'
	bad "trace of the module as data alone" 2 "*" trace --raw --count 1
	bad "publish to the exchange of events" 1 "*" publish amq.mqk.event queue.created a
	bad "declare an exchange of its type" 1 "*" exchange declare mine --type system

	"$ctl" -b "$broker" consume c1 --raw --no-ack >"$work/out" &
	pid=$!
	seq 2000 | m publish "" c1 --lines
	wait_for lines_are "$work/out" 1
	kill -INT "$pid" 2>/dev/null
	wait "$pid"
	taken=$(wc -l <"$work/out")
	tap_equal "--no-ack prints all that was delivered" "$(depth c1)" "$((2000 - taken))+0"
	m queue purge c1 >/dev/null

	seq 5 | m publish "" c1 --lines
	m consume c1 --raw --count 5 >/dev/full 2>"$work/err"
	tap_equal "consume that cannot print: status" $? 1
	tap_equal "and nothing is lost" "$(depth c1)" 5+0
	m consume c1 --raw 2>"$work/err" | head -n 1 >"$work/out"
	wait_for depth_is c1 0+0
	m publish "" c1 after
	tap_equal "no reader, no acknowledgement" "$(depth c1)" 1+0
	m queue purge c1 >/dev/null

	"$ctl" -b "$broker" consume c1 --raw >"$work/out" 2>"$work/err" &
	pid=$!
	wait_for sh -c '"$1" -b "$2" queue list | grep -q "^c1  *0  *0  *1 "' - "$ctl" "$broker"
	m queue delete c1
	wait "$pid"
	tap_equal "its queue is deleted: status" $? 1
	tap_check "its queue is deleted: said so" grep -q "queue 'c1': it was deleted" "$work/err"
}

# --- the rest ------------------------------------------------------------------

test_stat()
{
	good "stat" stat
	tap_check "stat has counters and limits" sh -c 'grep -q "^published  *[1-9]" "$1" && grep -q "^queues " "$1"' - "$work/out"
	json "stat -j" "o[0]['broker'] == '$broker' and o[0]['published'] > 1000 and o[0]['resources']['queues']['used'] > 2 and o[0]['features'] and o[0]['returned'] == 12" stat
	m queue declare t1 >/dev/null
	good "top, once" top
	tap_check "top has the queue" grep -q ' t1$' "$work/out"
	good "top, twice" top --iterations 2 --interval 0.1
	tap_equal "two tables" "$(grep -c '^ *READY' "$work/out")" 2
	json "top -j" "[q['published_per_s'] for q in o if q['name'] == 't1'] == [None, 0]" top --iterations 2 --interval 0.1
	good "top --batch -n" top --batch -n 2 --interval 0.1
	tap_equal "prints as many tables" "$(grep -c '^ *READY' "$work/out")" 2
	bad "top -n 0" 2 "*--iterations 0: give a number*" top -n 0
	bad "-n is an option of top alone" 2 "*no option -n*" stat -n 1
	m publish "" t1 waits
	json "top -j has depths" "[(q['ready'], q['unacked'], q['consumers'], q['bytes']) for q in o if q['name'] == 't1'] == [(1, 0, 0, 5)]" top -n 1
	if command -v python3 >/dev/null; then
		tap_check "top on a terminal draws a page, and q leaves it as it was" \
			timeout 60 python3 -c '
import fcntl, os, pty, sys, termios
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
pid = os.fork()
if not pid:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"t1" not in seen:
    seen += os.read(master, 4096)
assert seen.count(b"\033[H\033[J") >= 1, seen
assert not termios.tcgetattr(slave)[3] & termios.ICANON, "keys are read one by one"
os.write(master, b"q")
assert os.waitpid(pid, 0)[1] == 0, "status"
assert termios.tcgetattr(slave) == before, "the terminal is as it was"
' "$ctl" -b "$broker" top --interval 0.1
	else
		tap_skip "top on a terminal" "no python3"
	fi
	bad "top, bad interval" 2 "*--interval x*" top --interval x
}

# The text format, read by its rules; with a queue whose name needs escaping.
test_prometheus()
{
	m queue declare "$(printf 'm\n"\\\377')" >/dev/null
	m queue declare prom >/dev/null
	m publish "" prom 12345
	good "stat --prometheus" stat --prometheus
	tap_check "has the queue" grep -qxF "mqk_queue_bytes{broker=\"$broker\",queue=\"prom\"} 5" "$work/out"
	tap_check "escapes names" grep -qF 'queue="m\n\"\\ÿ",queue_base64="bQoiXP8="' "$work/out"
	bad "stat --prometheus -j" 2 "*exclude each other*" stat --prometheus -j
	if ! command -v python3 >/dev/null; then
		tap_skip "the format" "no python3"
		return
	fi
	m stat --prometheus >"$work/out"
	tap_check "is the text format, with all that stat and the lists have" python3 - "$work/out" "$broker" <<-'PYTHON'
		import re, sys
		text = open(sys.argv[1], encoding="utf-8").read()
		assert text.endswith("\n")
		name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
		value = r'"(?:[^"\\\n]|\\["\\n])*"'
		sample = re.compile(rf"({name})\{{({name}={value}(?:,{name}={value})*)\}} (\d+|\+Inf)")
		seen, kinds, current = set(), {}, None
		for line in text.splitlines():
		    if line.startswith("# HELP "):
		        current = line.split(" ")[2]
		        assert current not in kinds and len(line.split(" ", 3)[3]) > 5, line
		    elif line.startswith("# TYPE "):
		        _, _, metric, kind = line.split(" ")
		        assert metric == current and kind in ("counter", "gauge"), line
		        assert (kind == "counter") == metric.endswith("_total"), line
		        kinds[metric] = kind
		    else:
		        m = sample.fullmatch(line)
		        assert m and m.group(1) == current and current in kinds, line
		        assert (current, m.group(2)) not in seen, "twice: " + line
		        assert f'broker="{sys.argv[2]}"' in m.group(2), line
		        seen.add((current, m.group(2)))
		metrics = {m for m, _ in seen}
		assert metrics == set(kinds), "a metric without samples"
		for wanted in ("mqk_published_total", "mqk_segments", "mqk_queue_ready", "mqk_queue_acked_total",
		               "mqk_exchange_bindings", "mqk_resource_used", "mqk_resource_limit"):
		    assert wanted in metrics, wanted
	PYTHON
	m queue delete prom
	m queue delete "$(printf 'm\n"\\\377')"
}

test_batch()
{
	cat >"$work/batch" <<-'BATCH'
		# a comment
		queue declare 'batch queue' --exclusive   # another
		bind amq.topic "batch queue" batch.#

		publish amq.topic batch.x "a \"quoted\" text"
		queue purge none
		-j get "batch queue" --ack
	BATCH
	run batch "$work/batch"
	tap_equal "batch goes on and ends with 1" "$status" 1
	tap_equal "an error tells file and line" "$err" \
		"mqkctl: $work/batch:6: queue 'none': no such queue; declare it first (mqkctl -b $broker queue declare none)"
	tap_check "its commands share a session" grep -q '"data":"a \\"quoted\\" text"' "$work/out"
	tap_equal "which ends with it" "$(depth '"batch')" ""
	printf 'queue list\nfrob\nqueue purge none\n' | m batch - >/dev/null 2>"$work/err"
	tap_equal "a usage error ends with 2" $? 2
	tap_check "on standard input" grep -q 'standard input:2: command' "$work/err"
	printf 'queue list\n' | m batch - >/dev/null
	tap_equal "a good one ends with 0" $? 0
	printf "queue list 'x\n" | m batch - >/dev/null 2>"$work/err"
	tap_equal "an open quote" "$?:$(cat "$work/err")" \
		"2:mqkctl: standard input:1: a quote is not closed, or nothing follows a backslash"
	printf 'publish "" q\n' | m batch - >/dev/null 2>"$work/err"
	tap_equal "standard input is not read twice" $? 2
	echo "batch $work/batch" | m batch - 2>/dev/null
	tap_equal "no batch in a batch" $? 2
	bad "batch, no such file" 1 "*No such file*" batch "$work/none"
}

test_tx()
{
	m queue declare tx1 >/dev/null
	m queue declare tx2 --arg x-max-length:int=1 --arg x-overflow=reject-publish >/dev/null
	m publish "" tx1 first
	printf 'get tx1 --ack --raw\npublish "" tx2 second\npublish "" tx1 third\n' |
		m tx - >"$work/out" 2>"$work/err"
	tap_equal "a transaction" "$?:$(cat "$work/out")" 0:first
	printf 'get tx2 --ack\npublish "" tx2 fourth\n' | m -j tx - >/dev/null 2>"$work/err"
	tap_equal "what is taken makes room" $? 0
	prints "what it has published" third get tx1 --raw
	printf 'get tx1 --ack\npublish "" tx1 third\n' | m -j tx - >"$work/out" 2>"$work/err"
	tap_equal "tx -j" "$(tail -n 1 "$work/out")" '{"committed":true}'
	printf 'get tx1 --ack\npublish "" tx1 x\npublish "" tx2 y\n' |
		m tx - >/dev/null 2>"$work/err"
	tap_equal "one that a queue refuses" $? 1
	tap_check "and says so" grep -q 'a queue has no room' "$work/err"
	prints "does nothing" third get tx1 --raw --count 9
	printf 'publish "" tx1 x\nget none\npublish "" tx1 y\n' | m tx - >/dev/null 2>"$work/err"
	tap_equal "the first failure ends it" $? 1
	prints "and nothing was done" third get tx1 --raw --count 9
	printf 'queue purge tx1\n' | m tx - >/dev/null 2>"$work/err"
	tap_equal "others take no part" $? 2
	printf 'publish "" tx1 x --confirm\n' | m tx - >/dev/null 2>"$work/err"
	tap_equal "nobody waits for confirms there" $? 2
	echo "tx $work/batch" | m batch - 2>/dev/null
	tap_equal "no transaction in a batch" $? 2
	m queue delete tx1
	m queue delete tx2
}

test_trace()
{
	if [ ! -d /sys/kernel/tracing/events/mqk ]; then
		tap_skip "trace" "no tracefs"
		return
	fi
	m queue declare tr1 >/dev/null
	"$ctl" -b "$broker" trace --count 2 publish deliver >"$work/out" 2>"$work/err" &
	pid=$!
	wait_for test -d "/sys/kernel/tracing/instances/mqkctl.$pid"
	# Its events are enabled a moment later.
	while kill -0 "$pid" 2>/dev/null; do
		m publish "" tr1 traced
		m get tr1 --ack >/dev/null
		sleep 0.2
	done
	wait "$pid"
	tap_equal "trace --count" "$?:$(cat "$work/err")" "0:"
	tap_check "trace shows the event and the broker" grep -q "mqk_publish: .*broker=$broker" "$work/out"
	tap_check "trace puts things back" test ! -e "/sys/kernel/tracing/instances/mqkctl.$pid"
	"$ctl" -b "$broker" -j trace publish >"$work/trace" 2>"$work/err" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null && [ ! -s "$work/trace" ]; do
		m publish "" tr1 traced
		sleep 0.2
	done
	kill -INT "$pid"
	wait "$pid"
	tap_equal "SIGINT ends trace in good order" "$?:$(cat "$work/err")" "0:"
	tap_check "and it puts things back" test ! -e "/sys/kernel/tracing/instances/mqkctl.$pid"
	json "trace -j" "o[0]['event'] == 'mqk_publish' and o[0]['fields']['broker'] == '$broker' and o[0]['fields']['bytes'] == 6" stat
	cp "$work/trace" "$work/json.$json_number.out"
	"$ctl" -b "$broker" -j trace --count 2 publish >"$work/trace" 2>"$work/err" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		m publish "" tr1 traced
		m publish amq.fanout "" leads-nowhere
		sleep 0.2
	done
	wait "$pid"
	json "trace of a message that leads nowhere" "[(f['bytes'], f['exchange'] > 1) for e in o for f in [e['fields']] if f['result'] == 0] == [(13, True)]" stat
	cp "$work/trace" "$work/json.$json_number.out"
	bad "trace, no such event" 1 "trace: there is no event 'frob'; there are *publish*" trace frob
}

# Somebody who may only read, or only write, the node.
test_permissions()
{
	if ! command -v setpriv >/dev/null || ! id nobody >/dev/null 2>&1; then
		tap_skip "permissions" "no setpriv or no user nobody"
		return
	fi
	as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
	m queue declare n1 --mode 0777 >/dev/null
	chmod 0602 "/dev/mqk/$broker"
	$as_nobody "$ctl" -b "$broker" publish "" n1 x 2>"$work/err"
	tap_equal "publish needs no read permission" "$?:$(cat "$work/err")" "0:"
	$as_nobody "$ctl" -b "$broker" get n1 2>"$work/err"
	tap_equal "get does" $? 1
	tap_check "and says so" grep -q "read from broker '$broker': permission denied" "$work/err"
	chmod 0604 "/dev/mqk/$broker"
	$as_nobody "$ctl" -b "$broker" -j get n1 >"$work/out" 2>"$work/err"
	tap_equal "get needs no write permission" "$?:$(cat "$work/err")" "0:"
	tap_check "and tells the publisher" grep -q '"uid":65534' "$work/out"
	$as_nobody "$ctl" -b "$broker" publish "" n1 x 2>"$work/err"
	tap_equal "publish does" $? 1
	chmod 0600 "/dev/mqk/$broker"
	$as_nobody "$ctl" -b "$broker" queue list 2>"$work/err"
	tap_equal "no permission at all" $? 1
	$as_nobody "$ctl" -b "$broker" trace 2>"$work/err"
	tap_equal "trace is for root" $? 1
	tap_check "trace is for root, it says" grep -q 'run it as root' "$work/err"
}

test_completion()
{
	tap_equal "completion of commands" "$("$ctl" --complete pu)" publish
	tap_equal "completion of second words" "$("$ctl" --complete broker d)" delete
	tap_equal "completion of lists" "$("$ctl" --complete binding '') $("$ctl" --complete consumer '')" "list list"
	tap_equal "completion of options" "$("$ctl" --complete get q --re)" "--reject
--requeue"
	tap_equal "completion of a long type" \
		"$("$ctl" --complete exchange declare x --type x-c)" x-consistent-hash
	tap_equal "completion of types" "$("$ctl" --complete exchange declare x --type t)" topic
	tap_equal "completion of brokers" "$("$ctl" --complete -b "$broker")" "$broker"
	tap_equal "completion of exchanges" "$("$ctl" --complete -b "$broker" publish amq.t)" amq.topic
	tap_equal "completion of queues" "$("$ctl" --complete -b "$broker" get b1)" b1
	"$ctl" --complete batch "" >/dev/null
	tap_equal "completion of files" $? 3
	if [ -x /bin/bash ]; then
		tap_equal "the completion for bash" "$(bash -c '
			complete() { :; }
			. "$1/../../tools/mqkctl/completion.bash"
			COMP_WORDS=("$2" -b "$3" queue pu) COMP_CWORD=4
			_mqkctl
			printf "%s\n" "${COMPREPLY[@]}"' - "$here" "$ctl" "$broker")" purge
	fi
}

tap_check "broker create" "$ctl" broker create "$broker"
[ $# -gt 0 ] || set -- usage broker exchange queue bind publish headers get \
	lists data browse properties call producer will policies consume stat prometheus batch tx trace permissions completion
for tests; do
	echo "# $tests"
	"test_$tests"
done
if command -v python3 >/dev/null; then
	json_checks >"$work/json"
	while IFS='	' read -r verdict name why; do
		if [ "$verdict" = ok ]; then
			tap_ok "$name"
		else
			tap_fail "$name" "$why"
		fi
	done <"$work/json"
	tap_equal "all JSON was checked" "$(wc -l <"$work/json")" "$json_number"
else
	tap_skip "JSON" "no python3"
fi
good "broker delete" broker delete "$broker"
tap_end
