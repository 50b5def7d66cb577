# watch HOST_DIR [TMUX_LABEL]: sees what goes on on a host, and has the host stopped when it is idle.
#
# Every 3 s: touches agents/ID/busy for agents that are at work, and activity/SIGNAL for each signal seen; activity/agent
# says which agent it was, and how. At work is who shows text (in the pane's log; titles and cursor moves are none), or
# used at least busy_cpu per cent of a processor's time (commands/busy_cpu) in two looks on end: idle programs use some.
# Reads idle.conf (mode, timeout, signals, host_stop) each time. When no signal of the mode is
# younger than the time-out, writes stop/reason (from then on no agent is started here) and then, by host_stop:
#   exit      leaves stop/exit and ends: the entrypoint ends the container with code 0
#   sentinel  leaves stop/request, again and again: a systemd path unit on the machine stops the container
#   none      does nothing; ends when no agent is alive
# Needs nothing of the agents. One watcher a host: a second one ends at once.
umask 077
# shellcheck disable=SC2034 # the included part uses label
dir=$1 label=${2:-mngr}
cd "$dir" || exit 1
mkdir -p activity agents stop
exec 9>watch.lock
flock -n 9 || exit 0
every=3
# A connection without a session (`ssh -N`, a port forward) is somebody's if it is older than what a shared connection of
# mngr's is kept for the next command (transport/ssh.py: 60 s). Those seen so far: "PID:STARTED SINCE".
kept=75
bare=
last_cpu=
hot=
last_logs=
last_screens=
last_loop=$(date +%s)
read -r last_up _ </proc/uptime
hz=$(getconf CLK_TCK 2>/dev/null || echo 100)
#include agent-processes

# listeners: "PID START" of the sessions that only listen to what the agents do (host-events.sh). That isn't use, or the host
# would be paid for as long as somebody listens.
listeners() {
	for file in agents/.listener-*; do
		[ ! -f "$file" ] || { read -r text <"$file" && echo "$text"; }
	done
}

# CPU ticks (with waited-for children) of each agent's processes, of others, and whether SSH is used: by a session
# (a command, sftp) or, for long enough, by a connection without one. Who hasn't logged in doesn't count.
# Processes are an agent's if they carry its id, or are below one that does.
# Lines: "cpu: ID TICKS PER_CENT" (ID others), "pid: PID ID", "bare: …", "ssh: 0|1".
usage() {
	carriers | awk -v self=$$ -v now="$now" -v bare="$bare" -v kept=$kept -v last="$last_cpu" -v span="$span" -v hz="$hz" -v listening="$(listeners)" 'BEGIN {
		n = split(listening, rows, "\n")
		for (i = 1; i <= n; i++) { split(rows[i], r, " "); listener[r[1]] = r[2] }
		n = split(bare, rows, "\n")
		for (i = 1; i <= n; i++) { split(rows[i], r, " "); since[r[1]] = r[2] }
		n = split(last, rows, "\n")
		for (i = 1; i <= n; i++) { split(rows[i], r, " "); before[r[2]] = r[3] }
		while ((getline line < "-") > 0) { split(line, r, " "); has[r[1]] = r[2]; print "pid:", line }
		for (i = 1; i < ARGC; i++) {
			if ((getline line < ARGV[i]) <= 0) continue
			close(ARGV[i])
			pid = line; sub(/ .*/, "", pid)
			comm = line; sub(/^[^(]*\(/, "", comm); sub(/\) [^)]*$/, "", comm)
			sub(/^.*\) /, "", line); split(line, f, " ")
			up[pid] = f[2]; ticks[pid] = f[12] + f[13] + f[14] + f[15]; called[pid] = comm; at[pid] = f[20]
		}
		for (pid in listener) if (at[pid] == listener[pid]) for (p = pid; (p in up) && called[p] !~ /^sshd/; p = up[p]) quiet[p] = 1
		for (pid in up) {
			owner = ""
			top = pid
			ours = 0
			for (p = pid; owner == "" && p > 1 && (p in up) && called[p] !~ /^tmux/; p = up[p]) {
				if (p in has) owner = has[p]
				if (p == self) ours = 1
				top = p
			}
			if (owner != "") cpu[owner] += ticks[pid]
			else if (pid > 1 && !ours && called[pid] !~ /^tmux/ && called[top] !~ /^sshd/ && up[top] == 1) cpu["others"] += ticks[pid]
			if (called[pid] !~ /^sshd/ && called[up[pid]] ~ /^sshd/ && !(pid in quiet)) ssh = 1
			# The connection that an sshd serves: the topmost below the one that listens.
			if (called[pid] ~ /^sshd/ && called[up[pid]] ~ /^sshd/) {
				for (p = pid; called[up[up[p]]] ~ /^sshd/; p = up[p]);
				title = ""
				getline title < ("/proc/" pid "/cmdline")
				close("/proc/" pid "/cmdline")
				connection[p] = 1
				if (title ~ /@internal-sftp/) ssh = 1
				if (title == "" || title ~ /\[(net|preauth|accepted)\]/ || called[pid] ~ /^sshd-auth/) stranger[p] = 1
			}
			if (called[pid] !~ /^sshd/) for (p = up[pid]; called[p] ~ /^sshd/; p = up[p]) used[p] = 1
		}
		for (p in connection) if (!(p in stranger) && !(p in used)) {
			key = p ":" at[p]
			first = (key in since) ? since[key] : now
			print "bare:", key, first
			if (now - first >= kept) ssh = 1
		}
		for (owner in cpu) {
			spent = cpu[owner] - before[owner]
			print "cpu:", owner, cpu[owner], int(100 * 100 * (spent > 0 ? spent : 0) / hz / span)
		}
		print "ssh:", ssh + 0
	}' /proc/[0-9]*/stat 2>/dev/null
}

# seen SIGNAL [TIME [WHAT]]: the signal was there now, or at TIME (seconds since the epoch); WHAT it was, in words.
seen() {
	if [ $# -eq 3 ]; then echo "$3" >"activity/$1"
	elif [ $# -eq 1 ]; then touch "activity/$1"
	else touch -d "@$2" "activity/$1"; fi
}

# shown FILE FROM: reads what came to a log after its first FROM bytes: "TEXT REST", TEXT 0 if it puts nothing on the
# screen (titles, modes, cursor moves), REST the bytes of a sequence at its end that isn't whole yet.
shown() {
	tail -c "+$(($2 + 1))" "$1" | LC_ALL=C tr '\000\n' ' N' | LC_ALL=C awk '{
		rest = 0
		gsub(/\033[]PX^_][^\007\033]*(\007|\033\\)/, "")
		gsub(/\033\[[0-9;:<=>?]*[ -\/]*[@-~]/, "")
		gsub(/\033[ -\/]*[0-OQ-WYZ\\`-~]/, "")
		if (match($0, /\033([]PX^_].*|\[[0-9;:<=>?]*[ -\/]*)?$/)) { rest = RLENGTH; $0 = substr($0, 1, RSTART - 1) }
		gsub(/[\001-\040\177]/, "")
		print (length($0) > 0), rest
		done = 1
		exit
	} END { if (!done) print 0, 0 }'
}

# printed ID: whether the agent's log has new text. Sets `logs`, how far each log was read.
printed() {
	size=$(stat -c %s "agents/$1/log" 2>/dev/null || echo 0)
	from=-
	while read -r whose at; do [ "$whose" != "$1" ] || from=$at; done <<-EOF
		$last_logs
	EOF
	text=0 rest=0
	if [ "$from" = - ]; then text=$((size > 0))
	elif [ "$size" -lt "$from" ] || [ "$size" -gt $((from + 8192)) ]; then text=1
	elif [ "$size" -gt "$from" ]; then read -r text rest <<-EOF
		$(shown "agents/$1/log" "$from")
	EOF
	fi
	[ "${rest:-0}" -le 4096 ] || rest=0
	logs="$logs$1 $((size - ${rest:-0}))
"
	[ "$text" = 1 ]
}

# changed PANE HISTORY: whether the screen of a pane that has no log isn't as it was. Sets `screens`.
changed() {
	screen="$1 $2 $(ours capture-pane -p -t "$1" 2>/dev/null | cksum)"
	screens="$screens$screen
"
	case "
$last_screens" in *"
$screen
"*) return 1 ;; esac
}

# owned PID: whose a pane's process is; "" if nobody's.
owned() { printf '%s\n' "$cpu" | sed -n "s/^pid: $1 //p"; }

# work: what each agent does now: lines of "ID WHAT". Only its own pane has a log; other panes are looked at when tmux
# says that something came. Sets `alive`, `logs`, `screens`, `hot`, `found`.
work() {
	alive=0 logs='' screens='' found='' now_hot=''
	for agent in agents/*/; do
		[ -f "${agent}session" ] && own_alive "$agent" || continue
		alive=1
		one=${agent#agents/} one=${one%/}
		! printed "$one" || found="$found$one output
"
	done
	panes=$(ours list-panes -a -F '#{pane_pipe} #{pane_dead} #{pane_pid} #{pane_id} #{history_size} #{window_activity}' 2>/dev/null)
	while read -r piped dead pid pane history output; do
		[ "$piped $dead" = "0 0" ] || continue
		# tmux tells of windows: a pane that was silent may stand beside one that wasn't.
		if [ "$output" -lt $((now - 2 * every)) ]; then
			screens="$screens$(printf '%s\n' "$last_screens" | grep "^$pane " || true)
"
			continue
		fi
		changed "$pane" "$history" || continue
		one=$(owned "$pid")
		[ -z "$one" ] || found="$found$one output
"
	done <<-EOF
		$panes
	EOF
	while read -r kind one _ per_cent; do
		[ "$kind" = cpu: ] && [ "$per_cent" -ge "$busy_cpu" ] || continue
		now_hot="$now_hot $one "
		case $hot in *" $one "*) found="$found$one CPU time ($per_cent% of a processor)
" ;; esac
	done <<-EOF
		$cpu
	EOF
	hot=$now_hot last_logs=$logs last_screens=$screens
}

# look: one look at everything. Sets `alive`.
look() {
	find_server
	read -r up _ </proc/uptime
	span=$((1${up%.*}${up#*.} - 1${last_up%.*}${last_up#*.})) # 1/100 s; the 1, as 08 would be octal
	[ $span -gt 0 ] || span=1
	last_up=$up
	cpu=$(usage)
	bare=$(printf '%s\n' "$cpu" | sed -n 's/^bare: //p')
	busy_cpu=10
	[ ! -s commands/busy_cpu ] || read -r busy_cpu <commands/busy_cpu
	work
	while read -r one what; do
		[ -n "$one" ] || continue
		if [ "$one" = others ]; then
			seen agent now "$what of processes that are no agent's"
			continue
		fi
		[ -f "agents/$one/session" ] || continue
		touch "agents/$one/busy"
		read -r name <"agents/$one/session"
		seen agent now "$what of agent $name"
	done <<-EOF
		$found
	EOF
	last_cpu=$(printf '%s\n' "$cpu" | grep '^cpu: ')
	[ $alive = 0 ] || seen process
	case $cpu in *"ssh: 1"*) seen ssh ;; esac
	typed=$(ours list-clients -F '#{client_activity}' 2>/dev/null | sort -n | tail -n 1)
	[ -z "$typed" ] || seen user "$typed"
}

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

# newest: "TIME SIGNAL" of the youngest signal that the mode listens to.
newest() {
	for signal in $signals; do stat -c '%Y %n' "activity/$signal" 2>/dev/null; done | sort -n | tail -n 1
}

# idle: whether none of the mode's signals is younger than the time-out, nor the boot: who starts a host has that long to
# use it. Sets `newest`, `since`.
idle() {
	newest=$(newest) since=${newest%% *}
	booted=$(stat -c %Y activity/boot 2>/dev/null || echo 0)
	[ -n "$since" ] && [ $((now - since)) -ge "$timeout" ] && [ $((now - booted)) -ge "$timeout" ]
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
		echo "idle since=$since last=${newest##*/} mode=$mode timeout=$timeout at=$now agents=$count" >stop/.reason
		sync stop/.reason 2>/dev/null
		mv -f stop/.reason stop/reason
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
failed() { decided_at=$(stat -c %Y stop/reason 2>/dev/null) && [ $((now - decided_at)) -ge 60 ]; }

while :; do
	now=$(date +%s)
	# The host itself was asleep or paused: that time wasn't idleness.
	[ $((now - last_loop)) -le 30 ] || seen boot
	last_loop=$now
	look
	configure
	if [ "$host_stop" = none ]; then
		[ $alive = 1 ] || exit 0
	elif [ -n "$signals" ] && [ "$timeout" -gt 0 ]; then
		if idle; then
			if decided; then
				farewell
				[ "$host_stop" != exit ] || { touch stop/exit; exit 0; }
				touch stop/request
			fi
		elif failed; then
			rm -f stop/reason stop/request
		fi
	fi
	sleep $every 9>&-
done
