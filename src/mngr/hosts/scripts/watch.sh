# watch HOST_DIR [TMUX_LABEL]: sees what goes on on a host, and has the host stopped when it is idle.
#
# Every 3 s: touches agents/ID/busy for agents that showed output or CPU time, and activity/SIGNAL for each
# signal seen. Reads idle.conf (mode, timeout, signals, host_stop) each time. When no signal of the mode is
# younger than the time-out, writes stop/reason (from then on no agent is started here) and then, by host_stop:
#   exit      leaves stop/exit and ends: the entrypoint ends the container with code 0
#   sentinel  leaves stop/request, again and again: a systemd path unit on the machine stops the container
#   none      does nothing; ends when no agent is alive
# Needs nothing of the agents. One watcher a host: a second one ends at once.
umask 077
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
last_loop=$(date +%s)

# CPU ticks (with waited-for children) of each agent's process tree; of orphans; and whether SSH is used: by a session
# (a command, sftp) or, for long enough, by a connection without one. Who hasn't logged in doesn't count.
# Processes are an agent's if they are below its pane or in its terminal session.
usage() {
	awk -v panes="$panes" -v self=$$ -v now="$now" -v bare="$bare" -v kept=$kept 'BEGIN {
		n = split(bare, rows, "\n")
		for (i = 1; i <= n; i++) { split(rows[i], r, " "); since[r[1]] = r[2] }
		n = split(panes, rows, "\n")
		for (i = 1; i <= n; i++) { split(rows[i], r, " "); if (r[1] == 0) name[r[3]] = r[4] }
		for (i = 1; i < ARGC; i++) {
			if ((getline line < ARGV[i]) <= 0) continue
			close(ARGV[i])
			pid = line; sub(/ .*/, "", pid)
			comm = line; sub(/^[^(]*\(/, "", comm); sub(/\) [^)]*$/, "", comm)
			sub(/^.*\) /, "", line); split(line, f, " ")
			up[pid] = f[2]; sid[pid] = f[4]; ticks[pid] = f[12] + f[13] + f[14] + f[15]; called[pid] = comm; at[pid] = f[20]
		}
		for (pid in up) {
			owner = (sid[pid] in name) ? name[sid[pid]] : ""
			top = pid
			ours = 0
			for (p = pid; owner == "" && p > 1 && (p in up); p = up[p]) {
				if (p in name) owner = name[p]
				if (p == self) ours = 1
				top = p
			}
			if (owner != "") cpu[owner] += ticks[pid]
			else if (pid > 1 && !ours && called[top] !~ /^(sshd|tmux)/ && up[top] == 1) orphans += ticks[pid]
			if (called[pid] !~ /^sshd/ && called[up[pid]] ~ /^sshd/) ssh = 1
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
		for (owner in cpu) print owner, cpu[owner]
		print "orphans:", orphans + 0
		print "ssh:", ssh + 0
	}' /proc/[0-9]*/stat 2>/dev/null
}

# seen SIGNAL [TIME]: the signal was there now, or at TIME (seconds since the epoch).
seen() {
	if [ $# -eq 1 ]; then touch "activity/$1"; else touch -d "@$2" "activity/$1"; fi
}

# look: one look at everything. Sets `alive`.
look() {
	panes=$(tmux -L "$label" list-panes -a -F '#{pane_dead} #{window_activity} #{pane_pid} #{session_name}' 2>/dev/null)
	cpu=$(usage)
	bare=$(printf '%s\n' "$cpu" | sed -n 's/^bare: //p')
	alive=0
	for agent in agents/*/; do
		[ -f "${agent}session" ] || continue
		read -r session <"${agent}session"
		pane=$(printf '%s\n' "$panes" | while read -r dead output _ name; do
			[ "$name" != "$session" ] || { echo "$dead $output"; break; }
		done)
		[ "${pane%% *}" = 0 ] || continue
		alive=1
		ticks=$(printf '%s\n' "$cpu" | sed -n "s/^$session //p")
		before=$(printf '%s\n' "$last_cpu" | sed -n "s/^$session //p")
		if [ "${ticks:-0}" -ge $((${before:-0} + 2)) ] || [ "${pane#* }" -ge $((now - every)) ]; then
			touch "${agent}busy"
			seen agent
		fi
	done
	if [ "$(printf '%s\n' "$cpu" | sed -n 's/^orphans: //p')" -ge $(($(printf '%s\n' "$last_cpu" | sed -n 's/^orphans: //p' | grep . || echo 999999999) + every)) ]; then
		seen agent
	fi
	last_cpu=$cpu
	[ $alive = 0 ] || seen process
	case $cpu in *"ssh: 1"*) seen ssh ;; esac
	typed=$(tmux -L "$label" list-clients -F '#{client_activity}' 2>/dev/null | sort -n | tail -n 1)
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
				[ "$host_stop" != exit ] || { touch stop/exit; exit 0; }
				touch stop/request
			fi
		elif failed; then
			rm -f stop/reason stop/request
		fi
	fi
	sleep $every 9>&-
done
