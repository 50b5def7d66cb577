# agent-send HOST_DIR AGENT_ID TMUX_LABEL TOKEN SIZE PROMPT screen|cursor WAIT [force|first] < MESSAGE: types a message of SIZE bytes at an agent's
# prompt (a line of its screen, or that of its cursor, that the ERE PROMPT matches while nothing is typed there; "": that isn't known), which is
# waited for up to WAIT seconds (where it isn't known: until its rules say that it has finished, or, with `first`, where they don't
# know that either, until something shows and stays). `force`: types whatever shows. TOKEN: of this message; it is sent once, however often it is asked for.
# Prints a line on how it ended, then what the terminal shows:
#   proven              the message was shown in the prompt, and is no longer there; or the agent turned busy
#   likely              the terminal changed after Enter; whether the message was taken can't be told
#   failed|untaken      after several Enters the prompt isn't empty; the text was never shown
#   blocked STATE       nothing was typed: it asks for something (permission, question, login)
#   noprompt            nothing was typed: its prompt didn't show, or holds something
#   ended CODE|stopped  nothing was typed: its command has ended, it isn't there
#   locked|cut|unknown  others talk to it; the message came in part; who began to send this very message was killed
# Exit code 3: there is no such agent.
# shellcheck disable=SC3013 # dash and busybox have -nt
# shellcheck disable=SC2154,SC2034 # of the included parts
dir=$1 id=$2 label=$3 token=$4 size=$5 prompt=$6 prompt_at=$7 wait=$8 how=${9-}
agent=$dir/agents/$id
#include agent-processes
#include agent-seen
begin

at_prompt() {
	if [ "$prompt_at" = cursor ]; then
		row=${signs#* } row=${row%% *}
		printf '%s\n' "$screen" | sed -n "$((row + 1))p"
	else
		printf '%s\n' "$screen"
	fi | grep -Eq -e "$prompt"
}

# young SECONDS: whether its command was started within them.
young() {
	while read -r _ at _; do started=$at; done <"$agent/process"
	[ $((now - started * 100 / $(getconf CLK_TCK 2>/dev/null || echo 100))) -lt ${1}00 ]
}

# takes_pastes: whether the program has asked for bracketed pastes, which travel as one text. Programs draw their prompt before that;
# one that hasn't within 3 s, or was started more than a minute ago, does without: it isn't waited for again.
takes_pastes() {
	shows=${shows:-$now}
	[ -f "$agent/log" ] && ! [ "$agent/plain" -nt "$agent/process" ] && young 60 || return 0
	! LC_ALL=C grep -aq "$(printf '\033')\[?[0-9;]*2004[0-9;]*h" "$agent/log" || return 0
	[ $((now - shows)) -ge 300 ] || return 1
	{ true >"$agent/plain"; } 2>/dev/null || true
}

# ready: returns once a message can be typed.
ready() {
	tick
	end=$((now + wait * 100)) quiet=$now before='' shows=''
	while :; do
		shot || listens
		judge
		recall
		! asks || outcome blocked "$rule"
		tick
		if [ "$how" = force ]; then return; fi
		if [ "$rule" = running ] || { [ -n "$prompt" ] && at_prompt; } || { [ -z "$prompt" ] && [ "$rule" = finished ]; }; then
			if takes_pastes; then return; fi
		elif [ -n "$prompt" ]; then
			# Of one that was started a moment ago nothing may show yet.
			[ $now -lt $end ] || { [ -z "$rule" ] && young 20; } || outcome noprompt
		elif grep -q '^finished	' "$agent/rules" 2>/dev/null; then
			[ $now -lt $end ] || { [ "$how" != first ] || outcome noprompt; return; }
		else
			# Nothing tells when it can be typed to: once something is there, and stays.
			[ "$signs" = "$before" ] || quiet=$now
			before=$signs
			if [ "$how" != first ] || [ $now -ge $end ]; then return; fi
			case $screen in *[!\ ]*) [ $((now - quiet)) -lt 50 ] || return ;; esac
		fi
		sleep 0.1
		listens
	done
}
ready
note unknown

# Its first work begins with this, for the watcher (watch-states), which may look too late to see it: what is older is the
# program's own.
if [ ! -e "$agent/began" ] && read -r first started _ <"$agent/process"; then
	tick
	echo "$first:$started $((now * $(getconf CLK_TCK 2>/dev/null || echo 100) / 100))" >"$agent/.began" && mv -f "$agent/.began" "$agent/began"
fi
before=$signs was=$rule
paste "$text" 2>/dev/null || { screen=''; listens; sure untaken; }
rm -f "$text"

# Programs swallow an Enter that comes with what was pasted, the longer after it the more there is: 0.5 s after it none of
# four did.
if [ "$size" -lt 1000 ]; then sleep 0.3; else sleep 0.4; fi
# What is big takes a program longer to read.
more=$((size / 1000))
tick
end=$((now + 200 + more))
while
	typed=$signs
	sleep 0.1
	shot || listens
	tick
	# On a busy computer it may not have read its terminal yet.
	{ [ $now -lt $end ] || { [ "$signs" = "$before" ] && [ $now -lt $((end + 300)) ]; }; } &&
		{ { [ "$was" != running ] && [ "$signs" != "$typed" ]; } || { [ -n "$prompt" ] && at_prompt; }; }
do :; done
typed=$signs shown=1
[ -z "$prompt" ] || ! at_prompt || shown=''
[ -z "$prompt" ] || [ -n "$shown" ] || [ "$typed" != "$before" ] || [ "$was" = running ] || sure untaken

for limit in 100 200 1000; do
	judge
	! asks || sure proven # it has begun, and asks already
	enter 2>/dev/null || true
	tick
	end=$((now + limit + more))
	while [ $now -lt $end ]; do
		sleep 0.05
		if ! shot || [ -f "$agent/exit_code" ]; then sure likely ended; fi
		tick
		[ "$signs" != "$typed" ] || continue
		judge
		if asks; then sure proven; fi
		if [ -n "$prompt" ]; then
			if ! at_prompt; then shown=1; elif [ -n "$shown" ]; then sure proven; fi
		else
			if [ "$rule" = running ] && [ "$was" != running ]; then sure proven; fi
			# A rule may see it a moment later.
			[ -s "$agent/rules" ] && [ $now -lt $((end - limit / 2)) ] || sure likely
		fi
	done
	[ -n "$shown" ] || [ "$signs" = "$typed" ] || sure likely
	# It works, and its prompt isn't seen meanwhile: another Enter might answer what it asks next.
	if [ "$rule" = running ] && [ "$signs" != "$typed" ]; then [ "$was" = running ] && sure likely || sure proven; fi
done
sure failed
