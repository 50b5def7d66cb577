#!/bin/sh
# The program `mngr`. Starting Python takes longer than a command over an open ssh connection, so a warm
# `mngr exec NAME [--] WORDS…` becomes that ssh right here, by the memory that ops/memory.py keeps. Whatever isn't
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

# warm NAME [--] WORDS…: becomes ssh, or returns.
warm() {
	case $1 in
	'' | [-_]* | *[!A-Za-z0-9_-]*) return ;;
	esac
	memory=${MNGR_HOME-$HOME/.mngr}/cache/names/$1.warm
	shift
	case $1 in
	--) shift ;;
	-*) return ;;
	esac
	[ $# -gt 0 ] && [ -r "$memory" ] || return
	socket='' config='' alias='' line=''
	# shellcheck disable=SC1090 # assignments of these four
	. "$memory"
	[ -S "$socket" ] && [ -r "$config" ] && [ -n "$alias" ] && [ -n "$line" ] || return
	for word; do quoted "$word"; done
	exec ssh -F "$config" "$alias" -- "$line"
}

[ "${1-}" != exec ] || [ $# -lt 3 ] || { shift && warm "$@"; set -- exec "$@"; }
program=$0
[ ! -L "$program" ] || program=$(readlink -f -- "$program")
python=${program%/*}/python3
[ -x "$python" ] || python=python3
exec "$python" -P -c 'from mngr.cli.main import main; main()' "$@"
