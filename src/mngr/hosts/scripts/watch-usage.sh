# shellcheck disable=SC2154
# watch-usage: part of watch.sh (`#include`), with agent-processes. CPU time, background work, SSH.

# listeners: "PID START" of the sessions that only listen to what the agents do (host-events.sh). That isn't use, or the host
# would be paid for as long as somebody listens.
listeners() {
	for file in agents/.listener-*; do
		[ ! -f "$file" ] || { read -r text <"$file" && echo "$text"; }
	done
}

# usage: one look at all processes. CPU ticks (with waited-for children) of each agent's, and of others; which of them are an
# agent's work in the background: those that began after its first work did (field 13 of `memory`), outside other
# panes and SSH; and whether SSH is used: by a session (a command, sftp) or, for long enough,
# by a connection without one. Who hasn't logged in doesn't count.
# Processes are an agent's if they carry its id, or are below one that does.
# Lines: "cpu: ID TICKS" (ID others), "tick: PID:STARTED TICKS", "hot: ID N PID (COMM)" of who used at least
# `busy_cpu` per cent of a processor since the last look (PID: most of that; what a program uses itself that says how it is
# isn't counted: some draw a prompt that waits at a third of a processor), "background: ID PID (COMM)", "bare: …", "ssh: 0|1".
usage() {
	{
		printf '%s\n--\n' "$cpu"
		carriers
	} | LC_ALL=C memory=$memory listening=$(listeners) awk -v self=$$ -v now="$up" -v kept=$kept -v span="$span" -v hz="$hz" -v busy="$busy_cpu" 'BEGIN {
		n = split(ENVIRON["listening"], rows, "\n")
		for (i = 1; i <= n; i++) { split(rows[i], r, " "); listener[r[1]] = r[2] }
		while ((getline line < "-") > 0 && line != "--") {
			split(line, r, " ")
			if (r[1] == "bare:") since[r[2]] = r[3]
			else if (r[1] == "cpu:" || r[1] == "tick:") before[r[2]] = r[3]
		}
		n = split(ENVIRON["memory"], rows, "\n")
		for (i = 1; i <= n; i++) {
			split(rows[i], r, "\t")
			if (r[13] == "") continue
			work[r[1]] = r[13] + 0
			pane[r[1]] = r[2] + 0
			file = "agents/" r[1] "/rules"
			while ((getline line < file) > 0) if (line ~ /^-\tprocess\t/) helper[r[1]] = substr(line, 11)
			close(file)
		}
		while ((getline line < "-") > 0) { split(line, r, " "); has[r[1]] = r[2] }
		for (i = 1; i < ARGC; i++) {
			if ((getline line < ARGV[i]) <= 0) continue
			close(ARGV[i])
			pid = line; sub(/ .*/, "", pid)
			comm = line; sub(/^[^(]*\(/, "", comm); sub(/\) [^)]*$/, "", comm)
			sub(/^.*\) /, "", line); split(line, f, " ")
			up[pid] = f[2]; ticks[pid] = f[12] + f[13] + f[14] + f[15]; called[pid] = comm; at[pid] = f[20]; state[pid] = f[1]
		}
		for (pid in listener) if (at[pid] == listener[pid]) for (p = pid; (p in up) && called[p] !~ /^sshd/; p = up[p]) quiet[p] = 1
		for (pid in up) {
			owner = ""
			top = pid
			ours = 0
			for (p = pid; p > 1 && (p in up) && called[p] !~ /^tmux/; p = up[p]) {
				if (owner == "" && (p in has)) owner = has[p]
				if (p == self) ours = 1
				top = p
			}
			if (owner == "" && pid > 1 && !ours && called[pid] !~ /^tmux/ && called[top] !~ /^sshd/ && up[top] == 1) owner = "others"
			if (owner != "") {
				cpu[owner] += ticks[pid]
				key = pid ":" at[pid]
				if (owner != "others") print "tick:", key, ticks[pid]
				spent = ticks[pid] - ((key in before) ? before[key] : 0)
				own = (owner in work) && (at[pid] <= work[owner] || ((owner in helper) && called[pid] ~ helper[owner]))
				if (!own) later[owner] += spent
				if (!own && spent > most[owner]) { most[owner] = spent; hottest[owner] = pid }
				if ((owner in work) && !own && state[pid] != "Z" && up[top] > 0 && called[top] !~ /^sshd/ &&
					(called[up[top]] !~ /^tmux/ || top == pane[owner]) && (!(owner in oldest) || at[pid] < at[oldest[owner]]))
					oldest[owner] = pid
			}
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
			if (now - first >= kept * 10) ssh = 1
		}
		for (owner in cpu) {
			print "cpu:", owner, cpu[owner]
			if (span <= 0 || !(owner in before)) continue
			share = int(1000 * ((owner in work) ? later[owner] : cpu[owner] - before[owner]) / hz / span)
			if (share < busy) continue
			if (owner == "others") print "hot: others", share
			else print "hot:", owner, share, hottest[owner], "(" called[hottest[owner]] ")"
		}
		for (owner in oldest) print "background:", owner, oldest[owner], "(" called[oldest[owner]] ")"
		print "ssh:", ssh + 0
	}' /proc/[0-9]*/stat 2>/dev/null
}
