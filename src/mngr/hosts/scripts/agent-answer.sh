# agent-answer HOST_DIR AGENT_ID TMUX_LABEL TOKEN SIZE KEY… < TEXT: answers what an agent asks (its rules say `permission` or
# `question`, on the screen as it is now): with KEYs by tmux's names, or, where there is none, with the TEXT of SIZE bytes, pasted,
# and Enter. Prints as agent-send does:
#   proven              what it asked is gone
#   likely              its terminal changed, and it still asks: for the same, or the next thing
#   failed              its terminal stayed as it was
#   unasked STATE       nothing was typed: it asks nothing (STATE: what its rules say, if anything)
#   norules [older]     nothing was typed: its type has no rules by which that could be seen; `older`: it was last started by a
#                       build that gave it none
#   blocked login       nothing was typed: it wants somebody to log in
# and ended, stopped, locked, cut, unknown. Exit code 3: there is no such agent.
# shellcheck disable=SC2154,SC2034 # of the included parts
dir=$1 id=$2 label=$3 token=$4 size=$5
shift 5
agent=$dir/agents/$id
#include agent-processes
#include agent-seen
begin
shot || listens
[ -e "$agent/rules" ] || outcome norules older
grep -Eq '^(permission|question)	' "$agent/rules" 2>/dev/null || outcome norules
judge
recall
case $rule in
permission | question) asked=$rule ;;
login) outcome blocked login ;;
*) outcome unasked "$rule" ;;
esac
note unknown
before=$screen
if [ $# -gt 0 ]; then
	for key; do
		case $key in
		?) ours send-keys -l -t "$pane" -- "$key" ;;
		*) ours send-keys -t "$pane" -- "$key" ;;
		esac
		sleep 0.1
	done
else
	paste "$text"
	rm -f "$text"
	sleep 0.5
	shot || listens
	judge
	# Pasted text may have answered by its first letter: Enter would go to whatever comes next.
	[ -z "$rule" ] || [ "$rule" = "$asked" ] || sure proven
	before=$screen
	enter
fi
tick
end=$((now + 300)) last=$now changed=''
while [ $now -lt $end ]; do
	if ! shot || [ -f "$agent/exit_code" ]; then sure likely ended; fi
	judge
	# Where no rule holds: unless it is a title that blinks.
	[ "$rule" != "$asked" ] || last=$now
	if [ -n "$rule" ] && [ "$rule" != "$asked" ]; then sure proven; fi
	[ "$screen" = "$before" ] || changed=1
	[ -z "$changed" ] || [ $((now - last)) -lt 120 ] || sure proven
	sleep 0.05
	tick
done
if [ -n "$changed" ]; then sure likely; else sure failed; fi
