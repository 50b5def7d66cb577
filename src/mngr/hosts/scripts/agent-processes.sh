# shellcheck disable=SC2154
# agent-processes: part of other scripts (`#include`), with `dir` (the host dir), `label` and for all but `is_alive`,
# `own_alive` and `find_server` also `id` (the agent). What an agent's processes are, and the tmux server they are shown in.

# is_alive PID START: whether this very process lives. A pid may be reused, with another start time (field 22 of its stat).
is_alive() {
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086 # fields
	set -- "$1" "$2" ${stat##*) }
	[ "$3" != Z ] && [ "$3" != X ] && [ "${22}" = "$2" ]
}

# own_alive AGENT_DIR: whether the agent runs: its pane's shell or its command lives, as AGENT_DIR/process names them by pid
# and start time; or, where the shell was killed before it could note an exit code, something that it started in its
# terminal. tmux isn't asked: its socket may be out of sight.
own_alive() {
	[ -f "$1/process" ] || return 1
	was=''
	while read -r pid at _; do
		if is_alive "$pid" "$at"; then return 0; fi
		was=${was:-$pid}
	done <"$1/process"
	[ ! -f "$1/exit_code" ] && [ -n "$was" ] || return 1
	name=${1%/}
	for pid in $(LC_ALL=C awk -v was="$was" 'BEGIN {
		for (i = 1; i < ARGC; i++) {
			if ((getline line < ARGV[i]) <= 0) continue
			close(ARGV[i])
			pid = line; sub(/ .*/, "", pid)
			sub(/^.*\) /, "", line); split(line, f, " ")
			if (f[4] == was && f[1] != "Z") print pid
		}
	}' /proc/[0-9]*/stat); do
		if { tr '\n\000' '\001\n' <"/proc/$pid/environ"; } 2>/dev/null | grep -aqxF "MNGR_AGENT_ID=${name##*/}"; then return 0; fi
	done
	return 1
}

# find_server: sets `socket` to the socket of the tmux server that runs this host's agents, `server` to its pid; "" if none
# is known. A socket that was deleted, tmux makes anew when it gets SIGUSR1.
find_server() {
	socket='' server='' at=''
	[ ! -f "$dir/agents/.server" ] || read -r server at socket <"$dir/agents/.server" || true
	if [ -z "$server" ] || ! is_alive "$server" "$at"; then
		socket='' server=''
		return
	fi
	[ ! -S "$socket" ] || return 0
	# tmux wants its folder to be the user's alone.
	(umask 077 && mkdir -p "${socket%/*}") 2>/dev/null && kill -USR1 "$server" 2>/dev/null
	tries=0
	until [ -S "$socket" ] || [ $tries -ge 20 ]; do
		sleep 0.05
		tries=$((tries + 1))
	done
}

# ours WORDS…: tmux, on the server of this host's agents.
ours() {
	if [ -n "$socket" ]; then tmux -S "$socket" "$@"; else tmux -L "$label" "$@"; fi
}

# own_pane: sets `pane` to the agent's own one; "" if it isn't there. Another pane may have its number by now: of a server that
# was started since.
own_pane() {
	pane=''
	[ ! -f "$dir/agents/$id/process" ] || read -r _ _ pane <"$dir/agents/$id/process"
	[ -z "$pane" ] || [ "$(ours display-message -p -t "$pane" '#{@mngr_agent}' 2>/dev/null)" = "$id" ] || pane=''
}

# keep_logs: before the agent's session is ended, or after it was gone: what it has shown.
keep_logs() {
	[ ! -s "$agent/log" ] || [ ! -f "$dir/commands/agent-logs.sh" ] || sh "$dir/commands/agent-logs.sh" "$dir" "$id" "$label" 0 keep
}

# adopt: notes the processes of agents that an older build started.
adopt() {
	for agent_dir in "$dir"/agents/*/; do
		if [ -f "${agent_dir}agent.json" ] && [ ! -e "${agent_dir}process" ] && [ ! -e "${agent_dir}half-made" ]; then
			agent_id=${agent_dir%/} agent_id=${agent_id##*/}
			ours list-panes -a -F '#{pane_dead} #{pane_pid} #{pane_id} #{pane_start_command}' 2>/dev/null |
				while read -r dead pid pane started; do
					case $dead$started in 0*run-agent.sh*"$agent_id"*) ;; *) continue ;; esac
					at=$(sed 's/^.*) //' "/proc/$pid/stat" | cut -d ' ' -f 20)
					echo "$pid $at $pane" >"${agent_dir}process"
				done
		fi
	done
}

# sessions: the tmux sessions that are the agent's, by their ids: its own, and those that it made.
sessions() {
	ours list-sessions -F '#{session_id} #{@mngr_agent}' 2>/dev/null | while read -r one owner; do
		if [ -z "$owner" ]; then
			owner=$(ours show-environment -t "$one" MNGR_AGENT_ID 2>/dev/null || true)
			owner=${owner#MNGR_AGENT_ID=}
		fi
		[ "$owner" != "$id" ] || echo "$one"
	done
}

# carriers: "PID ID" of each process that has an agent's id in its environment. Whole entries only: a value of another
# variable may hold anything.
carriers() {
	if printf 'a\000' | grep -zq '^a' 2>/dev/null; then
		LC_ALL=C grep -aszoH '^MNGR_AGENT_ID=.*' /proc/[0-9]*/environ | tr '\000' '\n'
	else
		for file in /proc/[0-9]*/environ; do
			tr '\n\000' '\001\n' 2>/dev/null <"$file" | sed -n "s,^MNGR_AGENT_ID=,$file:&,p"
		done 2>/dev/null
	fi | sed -n 's,^/proc/\([0-9]*\)/environ:MNGR_AGENT_ID=,\1 ,p'
}

# members ROOTS [all]: "PID START" of the processes in the terminals of the pids ROOTS or below them, and of those that
# carry the agent's id in the terminal that its shell had; with `all` of all that carry its id, and what is below them.
# Not those that carry another agent's, nor the tmux server, nor this script. Of who called this script, only what is in
# the agent's terminals: that is marked `first`, as it would end this script when it is told to end.
members() {
	carriers | LC_ALL=C awk -v roots="$1" -v all="${2:-}" -v was="$was" -v id="$id" -v server="$server" -v self=$$ 'BEGIN {
		n = split(roots, r, " ")
		for (i = 1; i <= n; i++) root[r[i]] = 1
		while ((getline line < "-") > 0) { split(line, r, " "); has[r[1]] = r[2] }
		for (i = 1; i < ARGC; i++) {
			if ((getline line < ARGV[i]) <= 0) continue
			close(ARGV[i])
			pid = line; sub(/ .*/, "", pid)
			sub(/^.*\) /, "", line); split(line, f, " ")
			if (f[1] == "Z") continue
			up[pid] = f[2]; sid[pid] = f[4]; at[pid] = f[20]
		}
		for (p = self; p > 1 && (p in up); p = up[p]) caller[p] = 1
		for (pid in up) {
			owner = ""; inside = 0; spared = 0
			for (p = pid; p > 1 && (p in up) && p != server; p = up[p]) {
				if (p == self) spared = 1
				here = (p in root) || (sid[p] in root)
				if (here) inside = 1
				# A child of the server that is no pane (a log) may carry what the server was started with.
				if (owner == "" && (p in has) && (here || up[p] != server)) owner = has[p]
			}
			if (spared || pid == server || (owner != "" && owner != id) || ((pid in caller) && !inside)) continue
			leader = (sid[pid] in has) ? has[sid[pid]] : ""
			if (inside || (all != "" && (owner == id || leader == id)) || (sid[pid] == was && owner == id))
				print pid, at[pid], (pid in caller) ? "first" : ""
		}
	}' /proc/[0-9]*/stat
}

# still: those of `list` ("PID START …") that live.
still() {
	printf '%s\n' "$list" | LC_ALL=C awk '{
		file = "/proc/" $1 "/stat"
		if ((getline line < file) > 0) {
			sub(/^.*\) /, "", line); split(line, f, " ")
			if (f[1] != "Z" && f[20] == $2) print
		}
		close(file)
	}'
}
pids() { printf '%s\n' "$1" | cut -d ' ' -f 1; }

# end_agent [all]: ends the agent's sessions and the processes in its terminals; with `all` each process of it. Hangup and
# TERM first, KILL after 5 s.
end_agent() {
	found=$(sessions)
	roots='' own='' was=''
	if [ -f "$agent/process" ]; then
		while read -r pid at _; do
			if is_alive "$pid" "$at"; then roots="$roots $pid"; fi
			[ -n "$was" ] || { was=$pid; own=$roots; }
		done <"$agent/process"
	fi
	roots="$roots $(for one in $found; do ours list-panes -s -t "$one" -F '#{pane_pid}' 2>/dev/null; done)"
	roots=$(echo $roots) # one line
	list=$(members "$roots" "${1:-}")
	# The shell that would note an exit code, and who called us from inside.
	for pid in $(printf '%s\n' "$list" | sed -n 's/ .* first$//p'); do kill -KILL "$pid" 2>/dev/null; done
	[ -z "$own" ] || kill -KILL $own 2>/dev/null
	for one in $found; do ours kill-session -t "$one" 2>/dev/null; done
	# shellcheck disable=SC2046 # pids
	[ -z "$list" ] || kill -TERM $(pids "$list") 2>/dev/null
	tries=0
	while list=$(still) && [ -n "$list" ] && [ $tries -lt 50 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	# Who is left, or was started meanwhile, is held first: one would start another while the next is killed.
	tries=0
	held=-
	while
		list=$({ printf '%s\n' "$list"; members "$roots" "${1:-}"; } | grep . | sort -u)
		list=$(still)
		[ -n "$list" ] && [ "$list" != "$held" ] && [ $tries -lt 10 ]
	do
		# shellcheck disable=SC2046
		kill -STOP $(pids "$list") 2>/dev/null
		held=$list
		tries=$((tries + 1))
	done
	# shellcheck disable=SC2046
	[ -z "$list" ] || kill -KILL $(pids "$list") 2>/dev/null
	tries=0
	while list=$(still) && [ -n "$list" ] && [ $tries -lt 20 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}
