# watch HOST_DIR [TMUX_LABEL]: sees what goes on on a host, and has the host stopped when it is idle.
#
# Each 0.85 s it looks, without a process, whether anything came to the agents' logs; only then at what came,
# and at the screens of the agents that wrote it (watch-states). What an agent's state is, and by which sign, is in
# agents/ID/state; each change is also a line in agents/.events. Every 3 s it looks at the rest: panes without a log,
# who types, and, when the mode or a silent agent needs it, all processes (watch-usage). Then it touches
# agents/ID/busy for agents that are at work, and activity/SIGNAL for each signal seen; activity/agent says which agent it was,
# and how.
# Reads idle.conf (mode, timeout, signals, host_stop) and commands/limits each time. When no signal of the mode is
# younger than the time-out, writes stop/reason (from then on no agent is started here) and then, by host_stop:
#   exit      leaves stop/exit and ends: the entrypoint ends the container with code 0
#   sentinel  leaves stop/request, again and again: a systemd path unit on the machine stops the container
#   none      does nothing; ends when no agent is alive
# Needs nothing of the agents. One watcher a host: a second one ends at once.
# shellcheck disable=SC3013 # dash and busybox have -nt
# shellcheck disable=SC2034,SC2154 # the parts that are included use some of these, and set others
umask 077
dir=$1 label=${2:-mngr}
# agent-start replaces one that isn't what it lays.
build=$(cksum 2>/dev/null <"$0")
cd "$dir" || exit 1
mkdir -p activity agents stop
exec 9>watch.lock
# Who starts an agent looks for a moment whether somebody holds it.
flock -n 9 || { sleep .2 2>/dev/null || sleep 1; flock -n 9; } || exit 0
read -r stat </proc/$$/stat
# shellcheck disable=SC2086 # fields
set -- ${stat##*) }
echo "$$ ${20} $build" >.watch && mv -f .watch watch.process
every=3
pause=.85
# As often (tenths of a second) it looks at all processes for what is old: SSH, the background.
rarely=150
# A connection without a session (`ssh -N`, a port forward) is somebody's if it is older than what a shared connection of
# mngr's is kept for the next command (transport/ssh.py: 60 s).
kept=75
hz=$(getconf CLK_TCK 2>/dev/null || echo 100)
nl='
'
nonce=mngr-$$
mark=watch.mark memory='' roster='' pids='' ids='' cpu='' warm='' screens='' panes='' heard='' typed='' gone='' known='' reads='' again='' due='' norules=''
alive=0 work='' busy='' silent='' doubt='' scanned=-9999
# `exec` would look for it in each folder of the path, each time.
awk=$(command -v awk)
# Whether this awk takes a byte of 0 for an end.
nulls=1
[ "$(printf 'a\000b' | LC_ALL=C awk '{ print length($0) }' 2>/dev/null)" != 3 ] || nulls=''
#include agent-processes
#include tell
#include watch-states
#include watch-usage
#include watch-idle

# clock: sets `up`, tenths of a second since the kernel's start, and `now`, seconds since the epoch.
clock() {
	read -r up _ </proc/uptime
	second=${up%.*} part=${up#*.}
	up=$((second * 10 + ${part%"${part#?}"}))
	now=$((wall + (up - wall_up) / 10))
}
# set_clock: asks what time it is; between the long looks time is counted on from there.
set_clock() {
	wall=$(date +%s) wall_up=0
	clock
	wall_up=$up now=$wall
}

# limits: the user's settings.
limits() {
	busy_cpu=10 busy_output=1 quiet=10 background=7200
	[ -s commands/limits ] || return 0
	while IFS='=' read -r key value; do
		case $key:$value in
		*[!0-9a-z_:]* | *:) ;;
		busy_cpu:*) busy_cpu=$value ;;
		busy_output:*) busy_output=$value ;;
		quiet:*) quiet=$value ;;
		background:*) background=$value ;;
		esac
	done <commands/limits
}

# number TEXT: it, if it is one; else 0.
number() { case $1 in '' | *[!0-9]* | ?????????????*) echo 0 ;; *) echo "$1" ;; esac }

# recalled ID: what a former watcher knew of an agent that this one sees for the first time: how long ago (tenths of a second)
# it was busy (-1: not known), its state and since when and by what, and its first work.
recalled() {
	ago=-1 state=- reason=- since=- by=- began=-
	at=$(stat -c %Y "agents/$1/busy" 2>/dev/null || echo 0)
	[ "$at" -gt "$now" ] || ago=$(((now - at) * 10))
	if [ -f "agents/$1/state" ]; then
		read -r state reason since by <"agents/$1/state"
		by=${by%%[ :]*} by=${by:--} since=$(number "$since")
		[ ! -f "agents/$1/began" ] || read -r who began <"agents/$1/began"
		[ "${who:-}" = "$2" ] || began=-
		began=$(number "$began")
		[ "$began" != 0 ] || began=-
	fi
	echo "$ago $state $reason $since $by $began"
}

# enroll: sets `roster` to the agents that are alive, one a line: "ID PID:STARTED PANE RULES" (RULES 1 if it has some), and `pids`
# to their processes. Tells of those that were alive, and were killed with the shell that would have told.
enroll() {
	alive=0 were=$roster roster='' pids='' ids=''
	for agent in agents/*/; do
		one=${agent#agents/} one=${one%/}
		[ -f "${agent}session" ] && [ -f "${agent}process" ] || continue
		{ read -r first started pane && { read -r second _ || second=$first; }; } <"${agent}process" || continue
		busy_lock=''
		# One that was found dead stays so until it is started anew.
		case $gone in *" $one:$first:$started "*) continue ;; esac
		if ! own_alive "$agent"; then
			case "$nl$were" in *"$nl$one $first:$started "*)
				# Who stops or removes it right now has the lock, and tells that himself.
				ended "$one" 8>>agents/.lock || roster="$roster$one $first:$started $pane 0$nl"
				;;
			esac
			[ -n "$busy_lock" ] || gone="$gone $one:$first:$started "
			continue
		fi
		alive=1 ids="$ids $one"
		rules=0
		[ ! -s "${agent}rules" ] || rules=1
		roster="$roster$one $first:$started $pane $rules$nl"
		# What lives on in its terminal is found by a long look alone.
		if [ -e "/proc/$first" ] || [ -e "/proc/$second" ]; then pids="$pids $first,$second"; fi
	done
}
ended() {
	busy_lock=1
	flock -n 8 || return 1
	busy_lock=''
	[ ! -f "agents/$1/exit_code" ] && [ -f "agents/$1/process" ] && read -r name <"agents/$1/session" || return 0
	rm -f "agents/$1/state"
	tell "$1" "$name" stopped
}

# glance: what changed in files since the last one that saw something, which has left `mark`. Sets `grown`, the agents whose
# logs did, `ruled`, those that were given rules, and `moved`, if there are such, or agents were started or ended. Starts no process.
glance() {
	compared
	if [ -n "$grown$moved" ]; then
		# What comes from now on is the next one's.
		if [ $mark = watch.mark ]; then next=watch.mark2; else next=watch.mark; fi
		printf '' >$next
		compared
		mark=$next
	fi
	for one in $pids; do [ -e "/proc/${one%,*}" ] || [ -e "/proc/${one#*,}" ] || moved=1; done
}
compared() {
	grown='' moved='' ruled=''
	for one in $ids; do
		[ ! -e "agents/$one/log" ] || [ $mark -nt "agents/$one/log" ] || grown="$grown $one "
		[ $mark -nt "agents/$one/process" ] && [ ! -e "agents/$one/exit_code" ] || moved=1
		[ ! -e "agents/$one/rules" ] || [ $mark -nt "agents/$one/rules" ] || ruled="$ruled $one " moved=1
	done
	[ $mark -nt agents ] || moved=1
}

# judge: what state each agent is in: looks at logs that have grown, and at the screens of those agents that have rules.
judge() {
	logs='' list='' files=''
	set --
	IFS=$nl
	for row in $roster; do
		one=${row%% *} key=${row#* }
		pane=${key#* } key=${key%% *}
		rules=${pane#* } pane=${pane%% *}
		was='' grew=0
		case $again$ruled in *" $one "*) grew=2 ;; esac
		case $known in
		*" $one:$key "*) ;;
		*)
			unset IFS
			was=$(recalled "$one" "$key")
			IFS=$nl
			known="$known $one:$key "
			reads="$reads $one "
			grew=2
			[ ! -f "agents/$one/log" ] || { grew=1; }
			;;
		esac
		case $grown in *" $one "*) grew=1 ;; esac
		if [ $grew = 1 ]; then
			case "$reads$rules" in *" $one "* | *0) logs="$logs${nl}agents/$one/log" ;; esac
		fi
		if [ "$grew$rules" != 01 ] && [ "$rules" = 1 ]; then
			case "$panes" in *" $pane "*)
				[ $# -eq 0 ] || set -- "$@" \;
				set -- "$@" display-message -p -t "$pane" "$nonce pane $one #{@mngr_agent} #{pane_title}" \; capture-pane -p -t "$pane"
				;;
			esac
		fi
		list="$list$one $key $grew $was$nl"
	done
	# shellcheck disable=SC2086 # a list
	[ -z "$logs" ] || files=$(stat -c '%n %s' $logs 2>/dev/null)
	# Through a file: for a pipe the shell would copy itself, once for each end. On a full disk it has to.
	if { gather "$@" >watch.seen; } 2>/dev/null; then
		found=$(judged <watch.seen)
	else
		found=$(gather "$@" 2>/dev/null | judged)
	fi
	again='' due='' work='' busy='' silent='' doubt='' reads='' new='' part=''
	set -f
	IFS=$nl
	for line in $found; do
		if [ "$line" = -- ]; then
			part=memory
		elif [ -n "$part" ]; then
			new=$new$line$nl
		else
			unset IFS
			# shellcheck disable=SC2086 # words
			heed $line
			IFS=$nl
		fi
	done
	unset IFS
	set +f
	if [ -z "$part" ]; then # a rule that awk doesn't understand, or something ended it: what came is looked at anew
		norules=1 reads=" $ids " due=$((up + 30))
		return
	fi
	memory=$new
	clock # looking took a while
	last_judged=$up
}
# gather WORDS…: what tmux says to them, and the ends of `logs`. Fails if not all could be written.
gather() {
	[ $# -eq 0 ] || ours -u "$@"
	if [ -n "$logs" ]; then
		printf '\n%s logs\n' "$nonce"
		# shellcheck disable=SC2086 # a list
		tail -v -c 16384 $logs
		printf '\n%s sizes\n' "$nonce"
		# shellcheck disable=SC2086
		stat -c '%n %s' $logs
	fi
	printf '\n%s end\n' "$nonce"
}
# judged: in a process of its own.
judged() {
	LC_ALL=C
	export LC_ALL memory roster files drew warm up now last_judged hz nonce quiet busy_output background norules
	roster=$list
	if [ -n "$nulls" ]; then tr '\000' ' ' | awk "$states"; else exec "$awk" "$states"; fi
}
# heed WORDS…: a line of what `states` prints.
heed() {
	kind=$1
	shift
	case $kind in
	change)
		one=$1 is=$2 reason=$3 since=$4 told=$5
		shift 5
		printf '%s\n' "$is $reason $since $*" >"agents/$one/.state" && mv -f "agents/$one/.state" "agents/$one/state" || return 0
		read -r name <"agents/$one/session" || return 0
		[ "$told" = 0 ] || tell "$one" "$name" "$is" "$reason"
		;;
	began) echo "$2 $3" >"agents/$1/began" ;;
	busy) busy="$busy agents/$1/busy" ;;
	work) work=$* ;;
	due) due=$1 ;;
	confirm) again="$again $1 " ;;
	read) reads="$reads $1 " ;;
	silent) silent=1 ;;
	doubt) doubt=1 ;;
	esac 2>/dev/null
}

# terminals: what tmux knows of panes and people. Sets `panes`; `drew`, the agents in whose panes without a log something
# changed; `typed`, when somebody typed last.
terminals() {
	panes='' drew='' now_screens='' now_typed=0
	rows=$(ours list-panes -a -F 'pane #{pane_pipe} #{pane_dead} #{pane_pid} #{pane_id} #{history_size} #{window_activity}' \; \
		list-clients -F 'typed #{client_activity}' 2>/dev/null)
	IFS=$nl
	for row in $rows; do
		unset IFS
		# shellcheck disable=SC2086 # words
		set -- $row
		if [ "$1" = typed ]; then
			[ "$2" -le $now_typed ] || now_typed=$2
			continue
		fi
		panes="$panes $5 "
		[ "$2 $3" = "0 0" ] || continue
		# tmux tells of windows: a pane that was silent may stand beside one that wasn't.
		if [ "$7" -lt $((now - 2 * every)) ]; then
			case "$nl$screens" in *"$nl$5 "*)
				screen=${screens#*"$5 "}
				now_screens="$now_screens$5 ${screen%%"$nl"*}$nl"
				;;
			esac
			continue
		fi
		screen="$5 $6 $(ours capture-pane -p -t "$5" 2>/dev/null | cksum)"
		now_screens="$now_screens$screen$nl"
		case "$nl$screens" in *"$nl$screen$nl"*) ;; *) drew="$drew $(owned "$4")" ;; esac
	done
	unset IFS
	screens=$now_screens
	[ "$now_typed" -le 0 ] || [ "$now_typed" = "$typed" ] || seen user "$now_typed"
	typed=$now_typed
}
# owned PID: whose a pane's process is; "" if nobody's.
owned() { { tr '\000' '\n' <"/proc/$1/environ"; } 2>/dev/null | sed -n 's/^MNGR_AGENT_ID=//p'; }

# processes: looks at all of them as far as that is needed: for agents that say nothing, and for the mode. What is about to be
# called silent is looked at each time, all else more rarely.
processes() {
	wanted=''
	if [ -n "$doubt" ]; then wanted=0; elif [ -n "$silent" ]; then wanted=$rarely; fi
	if [ "$host_stop" != none ] && [ "$timeout" -gt 0 ]; then
		case " $signals " in
		*" agent "*) [ -n "$work" ] || wanted=${wanted:-$rarely} ;; # work alone keeps it up
		*" ssh "*) wanted=${wanted:-$rarely} ;;
		esac
		[ "$timeout" -ge 30 ] || wanted=${wanted:+0}
	fi
	if [ -z "$wanted" ]; then
		[ $((up - scanned)) -lt 300 ] || { cpu='' warm=''; }
		return
	fi
	span=$((up - scanned))
	[ $span -ge "$wanted" ] || return
	[ $span -le 300 ] || span=0
	cpu=$(usage) warm='' scanned=$up fresh=1
	set -f
	IFS=$nl
	for line in $cpu; do
		case $line in hot:* | background:*) warm=$warm$line$nl ;; esac
	done
	unset IFS
	set +f
	case $cpu in *"ssh: 1"*) seen ssh ;; esac
}

# look: a long look, at everything.
look() {
	looks=$((looks + 1))
	if [ $((looks % 5)) -eq 1 ]; then
		thought=$now
		set_clock
		# The clock was set: what files say is compared anew.
		[ $((now - thought)) -ge -2 ] && [ $((now - thought)) -le 2 ] || printf '' >$mark
	fi
	last_look=$up
	limits
	configure
	# An awk that failed may have failed by itself: what it was told is tried anew now and then.
	if [ -n "$norules" ] && { [ -n "$moved" ] || [ $((looks % 5)) -eq 1 ]; }; then norules='' ruled=" $ids "; fi
	find_server
	[ -z "$moved" ] && [ $((looks % 5)) -ne 1 ] || enroll
	[ -z "$moved" ] && [ $((looks % 2)) -eq 0 ] || terminals
	processes
	# Else all is as it was.
	[ -z "$grown$again$moved$drew$fresh" ] && [ $((looks % 5)) -ne 1 ] && ! overdue || judge
	drew='' fresh=''
	worked
	[ $alive = 0 ] || seen process
}

# worked: the marks of agents that are at work. (An empty file that is emptied has a new time; no process is started for that.)
worked() {
	for one in $busy; do printf '' >"$one"; done 2>/dev/null
	[ -z "$work" ] || seen agent now "$work"
}
overdue() { [ -n "$due" ] && [ "$up" -ge "$due" ]; }

set_clock
printf '' >$mark
looks=0
last_loop=$up last_judged=$up tries=0 drew='' fresh=''
moved=1
while :; do
	clock
	# The host itself was asleep or paused: that time wasn't idleness.
	[ $((up - last_loop)) -le 300 ] || seen boot
	last_loop=$up
	glance
	if [ -n "$moved" ] || [ -z "${last_look:-}" ] || [ $((up - last_look)) -ge $((every * 10)) ]; then
		look
		if [ "$host_stop" = none ]; then
			[ $alive = 1 ] || exit 0
		else
			end_when_idle
		fi
	elif [ -n "$grown$again" ] || overdue; then
		was=$busy
		judge
		[ "$was" = "$busy" ] || worked # what is over before the next long look counts, too
	fi
	if [ -n "$again" ] && [ $tries -lt 3 ]; then
		tries=$((tries + 1))
		sleep .1 9>&- 2>/dev/null || sleep 1 9>&-
	else
		tries=0
		sleep $pause 9>&- 2>/dev/null || sleep 1 9>&-
	fi
done
