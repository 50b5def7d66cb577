# host-events HOST_DIR TMUX_LABEL SINCE EVERY [once]: how the agents of a host are, and each change of it as it comes (agents/.events).
# Ends when its standard input does, or nobody reads what it prints; `once`: after the lines that there are.
# Prints lines:
#   at TIME NUMBER                      the time here, and the number of the newest line of agents/.events
#   = ID NAME STATE REASON EXIT_CODE    of each agent; `-` for what there is none of
#   .                                   those were all
#   + NUMBER TIME ID NAME STATE REASON EXIT_CODE    each line with a number above SINCE (-1: only those that come from now on)
#   *                                   every EVERY seconds; before it all of the first four anew, if an agent's changed
# Where the numbers began anew (the file was lost), those from 1 come.
umask 077
# shellcheck disable=SC2034 # the included part uses label
dir=$1 label=$2 last=$3 every=$4 once=${5-}
cd "$dir/agents" 2>/dev/null || { echo "no agents in $dir" >&2; exit 3; }
#include agent-processes
#include listening

newest() {
	LC_ALL=C awk 'NF == 7 && $1 ~ /^[0-9]+$/ && length($1) < 16 { last = $1 } END { printf "%.0f", last }' .events 2>/dev/null || echo 0
}
# states: a line of each agent. Who is alive is as the watcher noted last; where it didn't, by when it was last seen at work.
states() {
	now=$(date +%s)
	for agent in */; do
		[ -f "${agent}agent.json" ] && [ -f "${agent}session" ] && [ ! -e "${agent}half-made" ] || continue
		state=stopped reason=- code=-
		if [ -f "${agent}exit_code" ]; then
			state='done'
			read -r code <"${agent}exit_code"
		elif own_alive "$agent"; then
			state='' reason=''
			[ ! -s "${agent}state" ] || read -r state reason _ <"${agent}state"
			if [ -z "$state" ]; then
				seen=$(stat -c %Y "${agent}busy" 2>/dev/null || echo 0)
				state=waiting
				[ $((now - seen)) -ge 10 ] || state=running
			fi
		fi
		read -r name <"${agent}session" # own_alive has a `name`, too
		echo "= ${agent%/} $name ${state:--} ${reason:--} ${code:--}"
	done
}
show() { printf 'at %s %s\n%s\n.\n' "$(date +%s)" "$top" "$seen_last"; }
# line NUMBER TIME ID NAME STATE REASON EXIT_CODE: prints it, if it is whole and new.
line() {
	[ $# -eq 7 ] && [ ${#1} -lt 16 ] || return 0
	case $1 in '' | *[!0-9]*) return 0 ;; esac
	[ "$1" -gt 1 ] || [ -n "$first" ] || last=0
	first=
	[ "$1" -gt "$last" ] || return 0
	last=$1
	echo "+ $*"
}
lines() {
	first=1
	set -f
	while read -r text; do
		# shellcheck disable=SC2086 # fields
		line $text
	done
}

top=$(newest)
seen_last=$(states)
if [ "$last" -lt 0 ]; then last=$top; elif [ "$top" -lt "$last" ]; then last=0; fi
show
if [ -n "$once" ]; then
	# An agent may write there, too: only so much of the end.
	most=262144
	if [ "$(stat -c %s .events 2>/dev/null || echo 0)" -gt $most ]; then
		tail -c $most .events | sed 1d | lines
	elif [ -f .events ]; then
		lines <.events
	fi
	exit 0
fi

listen .
# With us it ends, however we do. BusyBox's tail can't, and takes whole seconds.
often=
! tail -s 0.5 "--pid=$$" -n 0 /dev/null 2>/dev/null || often="-s 0.5 --pid=$$"
# shellcheck disable=SC2086 # an option
tail -n +1 $often -F .events 2>/dev/null | lines &
follower=$!
while :; do
	sleep "$every" &
	wait $!
	top=$(newest)
	seen=$(states)
	if [ "$seen" != "$seen_last" ]; then
		seen_last=$seen
		show
	fi
	echo '*' || ended
	kill -0 "$follower" 2>/dev/null || ended
done
