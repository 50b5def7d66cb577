# shellcheck disable=SC2034,SC2154
# watch-states: part of watch.sh (`#include`). What state each agent is in, and why.
#
# An awk program: it gets what is known (`memory`), which agents there are (`roster`), what came to their logs and shows on
# their screens (standard input), and who uses CPU time (`warm`); it prints what to do, `--`, and what is known now. To do:
#   change ID STATE REASON SINCE TELL BY…   the file `state`; TELL 1: also an event
#   began ID KEY TICKS                      its first work began then: processes that are older are the program's own
#   busy ID, work WHAT…                     it is at work, or its background is: that keeps a host up
#   read ID                                 its log tells more than its rules
#   silent, doubt                           CPU time may tell more of somebody; somebody is about to be called silent
#   due TIME, confirm ID                    look again then, or (at that one's screen) at once
# Times are tenths of a second since the kernel's start: no clock that is set changes them.
states='
function sanitized(text) {
	gsub(/[\001-\037\177]/, " ", text)
	sub(/^ +/, "", text); sub(/ +$/, "", text)
	return substr(text, 1, 160)
}
# read_log: what is new in a log, which ends with `content`: told, a bell, text.
function read_log(id, content,    fresh, new, part, seq) {
	if (m[id, "from"] == "?") fresh = 0
	else if (m[id, "from"] == "" || after[id] < m[id, "from"]) fresh = after[id]
	else fresh = after[id] - m[id, "from"]
	new = length(content) > fresh ? substr(content, length(content) - fresh + 1) : content
	part = new
	while (index(part, "\033]7501;") && match(part, /\033\]7501;[^\007\033]*(\007|\033\\)/)) {
		seq = substr(part, RSTART + 7, RLENGTH - 7)
		part = substr(part, RSTART + RLENGTH)
		sub(/\033?[\\\007]$/, "", seq)
		m[id, "told"] = seq ~ /^state=clear/ ? "" : sanitized(seq)
		m[id, "toldat"] = up
	}
	unfinished = 0
	if (fresh > 8192) text = fresh
	else {
		gsub(/\033[]PX^_][^\007\033]*(\007|\033\\)/, "", new)
		gsub(/\033\[[0-9;:<=>?]*[ -\/]*[@-~]/, "", new)
		gsub(/\033[ -\/]*[0-OQ-WYZ\\`-~]/, "", new)
		if (match(new, /\033([]PX^_].*|\[[0-9;:<=>?]*[ -\/]*)?$/)) {
			unfinished = RLENGTH
			new = substr(new, 1, RSTART - 1)
		}
		if (new ~ /\007[\001-\040\177]*$/) m[id, "bell"] = up
		gsub(/[\001-\040\177]/, "", new)
		text = length(new)
	}
	if (unfinished > 4096) unfinished = 0
	# What an old agent wrote before this watcher began is no news.
	if (text >= busy_output && (old[id, "key"] == m[id, "key"] || up - born[id] < quiet)) m[id, "text"] = up
	m[id, "wrote"] = up
	m[id, "from"] = size[id] - unfinished
}
function match_rules(id,    file, line, r, hit, by, i, best, rest, bestby, restby) {
	file = "agents/" id "/rules"
	m[id, "tells"] = ""
	while (!norules && (getline line < file) > 0) {
		if (split(line, r, "\t") < 3 || r[2] == "process") continue
		if (r[2] == "told") m[id, "tells"] = 1
		else if (!(id in title)) { close(file); return }
		hit = 0
		if (r[2] == "title") { hit = title[id] ~ r[3]; by = title[id] }
		else if (r[2] == "told") { by = m[id, "told"]; hit = by != "" && by ~ r[3] }
		else if (r[2] == "screen") for (i = lines[id]; i > 0 && !hit; i--) { by = screen[id, i]; hit = by ~ r[3] }
		if (!hit) continue
		if (best == "") { best = r[1]; bestby = r[2] ": " by }
		if (rest == "" && r[1] != "running") { rest = r[1]; restby = r[2] ": " by }
	}
	close(file)
	m[id, "best"] = best; m[id, "bestby"] = sanitized(bestby)
	m[id, "rest"] = rest; m[id, "restby"] = sanitized(restby)
}
# told_state: what OSC 7501 says without a rule: running, a reason, or nothing.
function told_state(id,    told, kind) {
	told = m[id, "told"]
	if (!match(told, /(^|[:;])state=[a-z]+/)) return ""
	kind = substr(told, RSTART, RLENGTH); sub(/.*=/, "", kind)
	if (kind == "working") return up - m[id, "wrote"] < 600 ? "running" : ""
	# Long after it was said, text says something else.
	if (m[id, "text"] - m[id, "toldat"] > 600 && up - m[id, "text"] < quiet) return ""
	if (kind == "done" || kind == "idle") return "finished"
	if (kind != "blocked") return ""
	if (told ~ /kind=(login|auth)/) return "login"
	return told ~ /kind=permission/ ? "permission" : "question"
}
function soon(time) { if (time > up && (due == "" || time < due)) due = time }
# ready: whether it is still being made ready: its program installed, say. One that hangs is not paid for for ever.
function ready(id,    file, line, there) {
	if (up - m[id, "wrote"] >= 18000) return 0
	file = "agents/" id "/readying"
	there = (getline line < file) >= 0
	if (there) close(file)
	return there
}
function decide(id,    pause) {
	pause = m[id, "bell"] != "" && m[id, "bell"] >= m[id, "text"] ? 20 : quiet
	if (ready(id)) { is = "running"; by = "ready: it is being made ready"; sure = 1; soon(m[id, "wrote"] + 18000); return }
	is = m[id, "best"]; by = m[id, "bestby"]
	if (is == "running") {
		if (up - m[id, "wrote"] < 600) soon(m[id, "wrote"] + 600)
		else { is = m[id, "rest"]; by = m[id, "restby"] }
	}
	sure = by !~ /^screen: /
	if (is == "") {
		is = told_state(id); by = "told: " m[id, "told"]
		if (is == "running") soon(m[id, "wrote"] + 600)
	}
	if (is == "") {
		if (up - m[id, "text"] > 20) silent = 1
		else soon(m[id, "text"] + 21)
		if (up - m[id, "text"] < pause) { if (silent) doubt = 1; is = "running"; by = "output"; soon(m[id, "text"] + pause) }
		else if (id in hot) { doubt = 1; is = "running"; by = "CPU: " share[id] ", process " hot[id] }
		else { is = "-"; by = pause < quiet ? "bell" : "no output" }
	}
}
# was_sent: its first work, if that was sent to it (agent-send): it may be over before anything is seen of it.
function was_sent(id,    file, line, r) {
	file = "agents/" id "/began"
	line = ""
	getline line < file
	close(file)
	split(line, r, " ")
	if (r[1] == m[id, "key"] && r[2] ~ /^[0-9]+$/) m[id, "began"] = r[2]
}
function name_of(id,    file, name) {
	file = "agents/" id "/session"
	getline name < file
	close(file)
	return name
}
BEGIN {
	fields = split("key from text wrote bell toldat told best bestby rest restby began state reason since by ran pend tells", keys, " ")
	up = ENVIRON["up"] + 0; quiet = ENVIRON["quiet"] * 10; busy_output = ENVIRON["busy_output"] + 0
	norules = ENVIRON["norules"]; nonce = ENVIRON["nonce"]; hz = ENVIRON["hz"]
	n = split(ENVIRON["memory"], row, "\n")
	for (i = 1; i <= n; i++) {
		split(row[i], f, "\t")
		for (k = 1; k <= fields; k++) old[f[1], keys[k]] = f[k + 1]
	}
	n = split(ENVIRON["roster"], row, "\n")
	for (i = 1; i <= n; i++) {
		split(row[i], f, " ")
		if (f[1] == "") continue
		id = order[++agents] = f[1]
		size[id] = "-"; grew[id] = f[3]
		split(f[2], at, ":")
		born[id] = at[2] * 10 / hz
		if (old[id, "key"] == f[2]) for (k = 1; k <= fields; k++) m[id, keys[k]] = old[id, keys[k]]
		else {
			m[id, "key"] = f[2]; m[id, "text"] = int(born[id]); m[id, "wrote"] = m[id, "ran"] = up
			if (f[4] >= 0 && up - f[4] > m[id, "text"]) m[id, "text"] = up - f[4]
			if (f[5] != "-") { m[id, "state"] = f[5]; m[id, "reason"] = f[6]; m[id, "since"] = f[7]; m[id, "by"] = f[8] }
			if (f[9] != "-") m[id, "began"] = f[9]
		}
	}
	n = split(ENVIRON["files"], row, "\n")
	for (i = 1; i <= n; i++) {
		split(row[i], f, " ")
		split(f[1], at, "/")
		size[at[2]] = f[2]
	}
	n = split(ENVIRON["drew"], row, " ")
	for (i = 1; i <= n; i++) m[row[i], "text"] = up
	n = split(ENVIRON["warm"], row, "\n")
	for (i = 1; i <= n; i++) {
		split(row[i], f, " ")
		if (f[1] == "hot:") {
			hot[f[2]] = row[i]; sub(/^hot: [^ ]* [0-9]+ ?/, "", hot[f[2]])
			share[f[2]] = f[3] " %"
		}
		else if (f[1] == "background:") { background[f[2]] = row[i]; sub(/^background: [^ ]* /, "", background[f[2]]) }
	}
}
index($0, nonce " ") == 1 {
	split($0, f, " ")
	part = f[2]; one = ""
	if (part == "pane" && f[3] == f[4]) {
		one = f[3]
		title[one] = $0
		sub(/^[^ ]+ pane [^ ]+ [^ ]+ ?/, "", title[one])
		lines[one] = 0
	}
	expected = 0
	next
}
part == "pane" { if (one != "" && $0 ~ /[^ ]/) screen[one, ++lines[one]] = $0; next }
part == "logs" {
	if (substr($0, 1, 11) == "==> agents/" && $0 ~ /^==> agents\/[^\/]+\/log <==$/) {
		split($0, f, "/")
		if (!(f[2] in log_text)) { one = f[2]; log_text[one] = ""; piece = ""; first = 1; next }
	}
	piece = first ? $0 : piece "\n" $0
	first = 0
	if (length(piece) > 2048) { log_text[one] = log_text[one] piece; piece = "" }
	whole[one] = piece
	next
}
part == "sizes" && $0 ~ /^agents\/[^\/]+\/log / {
	split($1, f, "/")
	after[f[2]] = $2
}
END {
	for (a = 1; a <= agents; a++) {
		id = order[a]
		# Of a screen the last 15 lines that are not blank.
		if (lines[id] > 15) {
			for (i = 1; i <= 15; i++) screen[id, i] = screen[id, lines[id] - 15 + i]
			lines[id] = 15
		}
		if (id in log_text) {
			if (!(id in after)) after[id] = size[id]
			read_log(id, log_text[id] whole[id])
		} else if (grew[id] == 1) { m[id, "wrote"] = up; m[id, "from"] = "?" }
		if (grew[id]) match_rules(id)
		# What came was not read, as a rule held.
		if (grew[id] == 1 && !(id in log_text) && m[id, "best"] == "" && m[id, "key"] == old[id, "key"]) m[id, "text"] = up
		if (m[id, "began"] == "" && grew[id]) was_sent(id)
		decide(id)
		state = is == "running" ? "running" : "waiting"
		reason = is == "running" ? "-" : is
		if (state " " reason == m[id, "state"] " " m[id, "reason"]) {
			m[id, "pend"] = ""
			# The same, seen by another sign.
			kind = by; sub(/:.*/, "", kind)
			was = m[id, "by"]; sub(/:.*/, "", was)
			if (kind != was) { m[id, "by"] = by; changed[id] = 0 }
		} else if (!sure && state == "waiting" && m[id, "pend"] != reason) {
			# It may have been seen in the middle of being drawn.
			m[id, "pend"] = reason
			confirm[id] = 1
		} else {
			# Who starts an agent tells that it runs.
			changed[id] = m[id, "state"] != "" || state != "running"
			m[id, "state"] = state; m[id, "reason"] = reason; m[id, "since"] = ENVIRON["now"]; m[id, "by"] = by; m[id, "pend"] = ""
		}
		if (m[id, "state"] == "running") {
			m[id, "ran"] = up
			if (m[id, "began"] == "" && m[id, "by"] ~ /^(title|screen|told): /) {
				# Who works from the first moment on is seen to before it is itself all there.
				began = ENVIRON["last_judged"] > born[id] + 20 ? ENVIRON["last_judged"] + 0 : born[id] + 20
				m[id, "began"] = sprintf("%.0f", began * hz / 10)
				begun[id] = 1
			}
		}
		out = id
		for (k = 1; k <= fields; k++) out = out "\t" m[id, keys[k]]
		rows = rows out "\n"
	}
	for (a = 1; a <= agents; a++) {
		id = order[a]
		if (id in changed) print "change", id, m[id, "state"], m[id, "reason"], m[id, "since"], changed[id], m[id, "by"]
		if (m[id, "best"] == "" || m[id, "tells"]) print "read", id
		if (id in begun) print "began", id, m[id, "key"], m[id, "began"]
		if (m[id, "state"] == "running") print "busy", id
		if (m[id, "state"] == "running" && m[id, "by"] !~ /^CPU: /) work = "agent " name_of(id) ": " m[id, "by"]
		else if (id in hot) work = "process " hot[id] " of agent " name_of(id) ": " share[id] " CPU"
		else if ((id in background) && m[id, "reason"] != "-" && up - m[id, "ran"] <= ENVIRON["background"] * 10)
			work = "background process " background[id] " of agent " name_of(id)
		else continue
		print "work", work
	}
	if ("others" in share) print "work", "processes that are no agent\047s: " share["others"] " CPU"
	if (due != "") print "due", due
	if (silent) print "silent"
	if (doubt) print "doubt"
	for (id in confirm) print "confirm", id
	print "--"
	printf "%s", rows
}'
