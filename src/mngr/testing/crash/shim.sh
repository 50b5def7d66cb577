#!/bin/sh
# Stands in front of PATH under the names of outside programs (ssh, docker, …): counts the call, and at call
# number MNGR_CRASH_AT kills mngr (MNGR_CRASH_PID) in the manner of MNGR_CRASH_HOW:
#   before  the command is never run
#   after   the command has ended, mngr never learns how
#   cut     mngr dies halfway through writing the command's standard input
#   late    mngr dies at once, its command goes on only MNGR_CRASH_LATE_S later, beside whoever comes next
#   hold    mngr waits before the command is run, until the file MNGR_CRASH_CALLS/go is there
#   lose    mngr lives; the command has run, but the connection broke before its answer came (exit code 255)
# With `record` nothing is disturbed: what each command reads on standard input is kept, and it begins once the driver
# has looked around and made MNGR_CRASH_CALLS/N.go.
# What it runs sees the PATH that was there before: agents and tmux servers don't get to know of shims.
name=${0##*/}
calls=$MNGR_CRASH_CALLS at=${MNGR_CRASH_AT:-0} how=${MNGR_CRASH_HOW:-} pid=$MNGR_CRASH_PID late=${MNGR_CRASH_LATE_S:-0}
PATH=$MNGR_CRASH_PATH
unset MNGR_CRASH_CALLS MNGR_CRASH_AT MNGR_CRASH_HOW MNGR_CRASH_PID MNGR_CRASH_PATH MNGR_CRASH_LATE_S

# Our number: the first whose file isn't there yet (noclobber: atomic, and without a process of its own).
n=1
set -C
until { true >"$calls/$n"; } 2>/dev/null; do n=$((n + 1)); done
set +C
printf '%s\0' "$name" "$@" >"$calls/$n"

if [ "$how" = record ]; then
	cat >"$calls/$n.input"
	: >"$calls/$n.ready"
	tries=0
	until [ -e "$calls/$n.go" ] || [ $tries -ge 3000 ]; do sleep 0.005; tries=$((tries + 1)); done
	exec "$name" "$@" <"$calls/$n.input"
fi
[ "$n" = "$at" ] || exec "$name" "$@"
echo "$how" >"$calls/reached"
case $how in
hold)
	tries=0
	until [ -e "$calls/go" ] || [ $tries -ge 3000 ]; do sleep 0.02; tries=$((tries + 1)); done
	exec "$name" "$@"
	;;
before)
	kill -KILL "$pid"
	exit 137
	;;
after)
	"$name" "$@"
	code=$?
	kill -KILL "$pid"
	exit "$code"
	;;
cut | late)
	echo $$ >"$calls/late"
	cat >"$calls/input"
	[ "$how" = late ] || truncate -s "$(($(wc -c <"$calls/input") / 2))" "$calls/input"
	exec 3<"$calls/input"
	kill -KILL "$pid"
	[ "$how" = cut ] || sleep "$late"
	"$name" "$@" <&3 >/dev/null 2>&1
	exit 137
	;;
lose)
	"$name" "$@" >/dev/null 2>&1
	echo "connection lost" >&2
	exit 255
	;;
esac
