# agent-follow HOST_DIR AGENT_ID TMUX_LABEL AT LINES [raw]: what an agent's terminal shows, as it comes, until the agent or our
# standard input ends. AT: so many bytes of its log were told before ("": first the last LINES (0: all) of what there is).
# Prints frames, each ended by a NUL: a line "KIND AT" (AT: how far that is), then
#   past    what was shown before (raw: written)
#   line    what was written since: lines
#   screen  what the screen shows now: what was written moves about on it
#   beat    nothing
#   end     the exit code of its command ("": there is none). The last frame
# Exit code 3: there is no such agent.
# shellcheck disable=SC2034 # the included part uses label
dir=$1 id=$2 label=$3 reached=$4 lines=$5 raw=${6-}
agent=$dir/agents/$id
umask 077
[ -f "$agent/agent.json" ] || exit 3
export LC_ALL=C.UTF-8
# (The included part has an `at` of its own.)
#include agent-processes
# Who listens uses no host, and ends with its client.
#include listening
listen "$dir/agents"

size() { stat -c %s "$1" 2>/dev/null || echo 0; }
# frame KIND: its line, then what this reads.
frame() {
	printf '%s %s\n' "$1" "$reached"
	tr -d '\000'
	printf '\000'
}
if [ -z "$reached" ]; then
	# What comes while it is looked at would be told twice, or never.
	tries=0
	while
		reached=$(size "$agent/log")
		past=$(sh "$dir/commands/agent-logs.sh" "$dir" "$id" "$label" "$lines" $raw | tr -d '\000'; echo .)
		tries=$((tries + 1))
		[ "$(size "$agent/log")" != "$reached" ] && [ $tries -lt 5 ]
	do :; done
	# In parts, none of which is too long to be a frame; the last is empty. Only with that the past was told.
	past_end=$reached
	printf %s "${past%.}" | (
		reached=''
		while
			part=$(dd bs=65536 count=16 2>/dev/null; echo .)
			[ "$part" != . ]
		do printf %s "${part%.}" | frame past; done
		reached=$past_end
		: | frame past
	)
	past=''
fi
# moves: whether what it reads puts text anywhere on the screen, and not line after line.
escape=$(printf '\033')
moves() { LC_ALL=C grep -aqE "$escape\[[0-9;]*[HfAd]"; }
# told FILE FROM TO: the bytes of a log after the first FROM, up to TO.
told() { tail -c "+$(($2 + 1))" "$1" | head -c $(($3 - $2)); }
# show FILE FROM TO
show() {
	from=$2
	if [ -z "$raw" ] && told "$1" "$2" "$3" | moves; then
		reached=$3
		find_server
		own_pane
		[ -z "$pane" ] || { ours -u capture-pane -p -t "$pane" 2>/dev/null | frame screen && return; }
	fi
	while [ "$from" -lt "$3" ]; do # in parts, none of which is too long to be a frame
		reached=$((from + 1048576))
		[ $reached -le "$3" ] || reached=$3
		told "$1" "$from" "$reached" | frame line
		from=$reached
	done
}
quiet=0
while :; do
	gone=''
	own_alive "$agent" || gone=1
	now=$(size "$agent/log")
	if [ "$now" -lt "$reached" ]; then # a next part has begun
		before=$(size "$agent/log.1")
		[ "$before" -le "$reached" ] || show "$agent/log.1" "$reached" "$before"
		reached=0
	fi
	if [ "$now" -gt "$reached" ]; then
		show "$agent/log" "$reached" "$now"
		quiet=0
	elif [ -n "$gone" ]; then
		code=$(cat "$agent/exit_code" 2>/dev/null)
		[ -d "$agent" ] && printf %s "$code" | frame end
		ended
	elif [ $quiet -ge 20 ]; then
		: | frame beat || ended
		quiet=0
	fi
	quiet=$((quiet + 1))
	sleep 0.5
done
