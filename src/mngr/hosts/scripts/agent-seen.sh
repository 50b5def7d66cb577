# shellcheck disable=SC2154,SC2034
# agent-seen: part of other scripts (`#include`), behind agent-processes, with `agent` (the agent's folder), `id` and `pane`:
# what an agent's terminal shows now, and what the rules of its type make of it.

# Rules may name letters that one byte doesn't hold.
export LC_ALL=C.UTF-8

# tick: sets `now`, in hundredths of a second since some time; without a process.
tick() {
	read -r up _ </proc/uptime
	now=$((${up%.*} * 100 + 1${up#*.} - 100))
}

# shot: sets `screen`, `title`, `in_mode` (somebody scrolls), and `signs`: all by which a change is seen, but for the title.
# Returns 1 if the pane is gone.
shot() {
	screen=$(ours -u display-message -p -t "$pane" '#{cursor_x} #{cursor_y} #{history_size} #{pane_in_mode} #{pane_title}' \; \
		capture-pane -p -t "$pane" 2>/dev/null) || return 1
	head=${screen%%"
"*}
	screen=${screen#"$head"}
	screen=${screen#"
"}
	title=${head#* * * * }
	head=${head%" $title"}
	in_mode=${head##* }
	signs="${head% *} $screen"
}

# told: what the agent last said of itself, in OSC 7501.
told() { tail -c 65536 "$agent/log" 2>/dev/null | LC_ALL=C tr '\033\007' '\n\n' | sed -n 's/^]7501;//p' | tail -n 1; }

# judge: sets `rule` to the state that the first rule which holds now (agents/ID/rules) tells; "" if none does.
judge() {
	rule=''
	[ -s "$agent/rules" ] || return 0
	lines=$(printf '%s\n' "$screen" | grep -v '^[[:space:]]*$' | tail -n 15)
	while IFS='	' read -r state source pattern; do
		case $source in
		title) words=$title ;;
		told) words=$(told) ;;
		screen) words=$lines ;;
		*) continue ;;
		esac
		[ -n "$words" ] || continue
		if printf '%s\n' "$words" | grep -Eq -e "$pattern" 2>/dev/null; then
			rule=$state
			return
		fi
	done <"$agent/rules"
}
# recall: where no rule holds just now, what the watcher saw last that the agent asks for: a title that blinks, say.
recall() {
	[ -z "$rule" ] && { read -r state reason _ <"$agent/state"; } 2>/dev/null && [ "$state" = waiting ] || return 0
	case $reason in permission | question | login) rule=$reason ;; esac
}
asks() { case $rule in permission | question | login) return 0 ;; esac && return 1; }

# enter: the Enter key. Keys go to who scrolls, if somebody does; what is pasted doesn't.
enter() {
	if [ "$in_mode" = 1 ]; then
		ours set-buffer -b "mngr-$token" "$(printf '\r')" \; paste-buffer -d -r -b "mngr-$token" -t "$pane"
	else
		ours send-keys -t "$pane" Enter
	fi
}

# paste FILE: as one bracketed paste, where the program knows such; line ends travel as Enter does.
paste() { ours load-buffer -b "mngr-$token" "$1" \; paste-buffer -d -p -b "mngr-$token" -t "$pane"; }

# outcome WORDS…: prints how it ended, and then what the terminal shows; ends the script.
outcome() {
	printf '%s\n%s\n' "$*" "${screen:-}"
	exit 0
}

# begin: takes what is to be typed from standard input (`size` bytes) into the file `text`, the lock of who talks to this
# agent, and finds its pane. Ends the script where the agent doesn't listen, or
# where this very message (`token`) was sent before, by a client whose connection broke.
begin() {
	umask 077
	[ -f "$agent/agent.json" ] || exit 3
	text=$agent/message-$token
	trap 'rm -f "$text"' EXIT
	trap 'exit 130' INT TERM HUP
	cat >"$text"
	[ "$(stat -c %s "$text")" = "$size" ] || outcome cut
	{ true >"$dir/activity/user"; } 2>/dev/null
	exec 8>"$agent/message-lock"
	flock -w 30 8 || outcome locked
	# What was left where one was killed; it isn't of those who wait for the lock.
	find "$agent" -maxdepth 1 -name 'message-????????????????????????????????' -mmin +2 -exec rm -f {} + 2>/dev/null
	if { read -r last_token last_outcome <"$agent/message-last"; } 2>/dev/null && [ "$last_token" = "$token" ]; then
		outcome "$last_outcome"
	fi
	listens
}

# sure WORDS…: as `outcome`, and kept for the same client that asks again.
sure() { note "$@"; outcome "$@"; }

# listens: sets `pane`; ends the script if the agent isn't alive, or won't be in a moment: as agent-start, where the host is about to
# stop itself.
listens() {
	decided=$(stat -c %Y "$dir/stop/reason" 2>/dev/null)
	decided=$(($(date +%s) - ${decided:-0}))
	if [ $decided -lt 60 ] && [ $decided -ge -5 ]; then outcome stopped; fi
	find_server
	own_pane
	if [ -f "$agent/exit_code" ]; then
		[ -z "$pane" ] || shot
		outcome ended "$(cat "$agent/exit_code")"
	fi
	[ -n "$pane" ] && own_alive "$agent" || outcome stopped
}

# note WORDS…: how far this message has come, for the same client that asks again.
note() {
	printf '%s\n' "$token $*" >"$agent/message-last.new"
	mv -f "$agent/message-last.new" "$agent/message-last"
}
