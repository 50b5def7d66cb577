#!/bin/sh
# Stands before ssh in PATH. BENCH_RECORD=DIR: keeps what each command printed there, as DIR/ALIAS. BENCH_REPLAY=DIR: after
# BENCH_WAIT seconds says what is kept for the alias, without a connection. Called as mngr does: ssh -F CONFIG ALIAS -- …
if [ "$1" = -F ] && [ "${3#-}" = "$3" ]; then
	if [ -n "${BENCH_REPLAY:-}" ]; then
		sleep "$BENCH_WAIT"
		exec cat "$BENCH_REPLAY/$3"
	fi
	if [ -n "${BENCH_RECORD:-}" ]; then
		"$BENCH_SSH" "$@" >"$BENCH_RECORD/$3.$$"
		code=$?
		mv "$BENCH_RECORD/$3.$$" "$BENCH_RECORD/$3"
		cat "$BENCH_RECORD/$3"
		exit $code
	fi
fi
exec "$BENCH_SSH" "$@"
