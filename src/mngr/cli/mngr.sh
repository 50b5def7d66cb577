#!/bin/sh
# The program `mngr`. Starting Python takes longer than a command over an open ssh connection, so a warm
# `mngr exec NAME [--] WORDS…` is that ssh right here, by the memory that ops/memory.py keeps. Whatever isn't
# plain (options, addresses, agents on this computer, no open connection) goes the long way.

# quoted WORD: appends it to `line` as one word for a POSIX shell.
quoted() {
	rest=$1 line="$line '"
	while :; do
		case $rest in
		*\'*) line="$line${rest%%\'*}'\\''" rest=${rest#*\'} ;;
		*) break ;;
		esac
	done
	line="$line$rest'"
}

# warm NAME [--] WORDS…: runs the words through ssh and ends with their exit code; or returns. What needs more than that
# (we were told to end, or ssh failed) Python does, by the token that the command's processes carry.
warm() {
	case $1 in
	'' | [-_]* | *[!A-Za-z0-9_-]*) return ;;
	esac
	name=$1 memory=${MNGR_HOME-$HOME/.mngr}/cache/names/$1.warm
	shift
	case $1 in
	--) shift ;;
	-*) return ;;
	esac
	[ $# -gt 0 ] && [ -r "$memory" ] || return
	socket='' config='' alias='' start=''
	# shellcheck disable=SC1090 # assignments of these four
	. "$memory"
	[ -S "$socket" ] && [ -r "$config" ] && [ -n "$alias" ] && [ -n "$start" ] || return
	size=${#start}
	for word; do size=$((size + ${#word})); done
	[ $size -lt 100000 ] || return
	read -r token 2>/dev/null </proc/sys/kernel/random/uuid || token=$$-$(date +%s)
	line="$start $token"
	for word; do quoted "$word"; done
	[ ${#line} -lt 130000 ] || return
	told=''
	trap 'told=1' INT TERM HUP
	# In the background, as a shell hears no signal while it waits for one in front; its input is ours all the same.
	{ true 3<&0; } 2>/dev/null || exec </dev/null # it was closed
	{ ssh -F "$config" -o LogLevel=QUIET "$alias" -- "$line" <&3 3<&- & } 3<&0
	wait $!
	code=$?
	if [ -n "$told" ]; then
		kill $! 2>/dev/null
		set -- exec --interrupted "$token" "$name" -
	elif [ $code -eq 255 ]; then # ssh's own word, or the command's
		set -- exec --lost "$token" "$name" -
	else
		exit $code
	fi
	trap - INT TERM HUP
	long "$@"
}

# long WORDS…: becomes Python. To a Ctrl-C in its own start it has no answer but a traceback. So it begins with Ctrl-C
# ignored, and hears from its first statement on what our caller hadn't ignored (`mngr … &` in a script, say).
long() {
	program=$0
	[ ! -L "$program" ] || program=$(readlink -f -- "$program")
	python=${program%/*}/python3
	[ -x "$python" ] || python=python3
	told='' hear=pass
	trap 'told=1' INT
	kill -s INT $$ # a trap of what was ignored before us never runs
	[ -z "$told" ] || {
		trap '' INT
		hear='import os, signal; signal.signal(signal.SIGINT, lambda *_: os._exit(130))'
	}
	# Modules are no garbage: to look for some while they are imported takes a tenth of a short command's time.
	exec "$python" -P -c "$hear; import gc; gc.set_threshold(50000); from mngr.cli.main import main; main()" "$@"
}

[ "${1-}" != exec ] || [ $# -lt 3 ] || { shift && warm "$@"; set -- exec "$@"; }
long "$@"
