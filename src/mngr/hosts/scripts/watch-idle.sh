# shellcheck disable=SC2154
# watch-idle: part of watch.sh (`#include`). When a host is idle, and its end.

# configure: idle.conf into mode, timeout, signals, host_stop.
configure() {
	mode=disabled timeout=0 signals='' host_stop=none
	[ -f idle.conf ] || return
	while IFS='=' read -r key value; do
		case $key in
		mode) mode=$value ;;
		timeout) timeout=${value%%.*} ;;
		signals) signals=$value ;;
		host_stop) host_stop=$value ;;
		esac
	done <idle.conf
}

# seen SIGNAL [TIME [WHAT]]: the signal was there now, or at TIME (seconds since the epoch); WHAT it was, in words.
seen() {
	if [ $# -ne 2 ]; then printf '%s\n' "${3:-}" >"activity/$1"
	else touch -d "@$2" "activity/$1"; fi
}

# hear: sets `heard`: of each signal the time of its file, and when that was by the kernel's clock ("SIGNAL SECONDS TENTHS"). A
# file's time is looked at when it changes: a clock that is set later changes nothing, and what is dated in the future
# was there now.
hear() {
	were=$nl$heard heard=''
	stamps=$(stat -c '%n %Y' activity/* 2>/dev/null)
	IFS=$nl
	for line in $stamps; do
		signal=${line#activity/} at=${line##* }
		signal=${signal% *}
		case $were in
		*"$nl$signal $at "*)
			when=${were#*"$nl$signal $at "}
			when=${when%%"$nl"*}
			;;
		*)
			age=$((now - at))
			[ $age -gt 0 ] || age=0
			when=$((up - 10 * age))
			;;
		esac
		heard="$heard$signal $at $when$nl"
	done
	unset IFS
}

# idle: whether none of the mode's signals is younger than the time-out, nor the boot: who starts a host has that long to
# use it. Sets `newest`, the youngest signal, and `since`, its time in seconds since the epoch.
idle() {
	hear
	newest='' youngest='' booted=''
	IFS=$nl
	for line in $heard; do
		signal=${line%% *} when=${line##* }
		[ "$signal" != boot ] || booted=$when
		case " $signals " in *" $signal "*) ;; *) continue ;; esac
		if [ -z "$newest" ] || [ "$when" -gt "$youngest" ]; then newest=$signal youngest=$when; fi
	done
	unset IFS
	[ -n "$newest" ] || return 1
	since=$((now - (up - youngest) / 10))
	[ $((up - youngest)) -ge $((timeout * 10)) ] && { [ -z "$booted" ] || [ $((up - booted)) -ge $((timeout * 10)) ]; }
}

# decided: whether the host is to stop. It isn't while somebody starts an agent; who comes later finds stop/reason.
decided() {
	[ ! -f stop/reason ] || return 0
	(
		flock -n 8 && idle || exit 1
		count=0
		for agent in agents/*/; do
			[ ! -f "${agent}agent.json" ] || [ -e "${agent}half-made" ] || count=$((count + 1))
		done
		echo "idle since=$since last=$newest mode=$mode timeout=$timeout at=$now agents=$count" >stop/.reason
		sync stop/.reason 2>/dev/null
		mv -f stop/.reason stop/reason
		tell - - stopping idle
	) 8>agents/.lock
}

# farewell: puts whoever looks at an agent back to his own shell, with a line that says why.
farewell() {
	find_server
	clients=$(ours list-clients -F '#{client_name} #{session_name}' 2>/dev/null) && [ -n "$clients" ] || return 0
	while read -r client session; do
		case $session in *[!A-Za-z0-9_.-]*) session=NAME ;; esac
		ours detach-client -t "$client" -E "echo 'mngr: the host stops, as it was idle for $timeout s; mngr start $session brings it back'" 2>/dev/null
	done <<-EOF
		$clients
	EOF
	sleep 1 # that is on its way
}

# failed: whether the stop that was decided on hasn't come for a minute.
failed() {
	decided_at=$(stat -c %Y stop/reason 2>/dev/null) || return
	[ $((now - decided_at)) -ge 60 ] || [ $((now - decided_at)) -lt -5 ]
}

# end_when_idle: has the host stopped, if it is to be. Doesn't return where that ends this script.
end_when_idle() {
	[ -n "$signals" ] && [ "$timeout" -gt 0 ] || return 0
	if idle; then
		if decided; then
			farewell
			[ "$host_stop" != exit ] || { touch stop/exit; exit 0; }
			touch stop/request
		fi
	elif failed; then
		rm -f stop/reason stop/request
	fi
}
