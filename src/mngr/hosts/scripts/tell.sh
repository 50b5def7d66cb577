# shellcheck disable=SC2154
# tell: part of other scripts (`#include`), with `dir` (the host dir).

# tell ID NAME STATE [REASON [EXIT_CODE]]: one more line in agents/.events, "NUMBER TIME ID NAME STATE REASON EXIT_CODE",
# `-` for what there is none of. Numbers grow by one. The newest 1,000 lines at least are kept, 1,999 at most.
# Never fails, and says nothing: where the disk is full, or the lock isn't had within 5 s, there is no line. A line that was
# cut short, by a full disk, gets an eighth word, and is none.
tell() {
	(
		flock -w 5 7 || exit
		events=$dir/agents/.events
		last=0
		if [ -s "$events" ]; then
			[ "$(tail -c 1 "$events" | wc -l)" -eq 1 ] || echo ' !' >>"$events"
			last=$(tail -n 50 "$events" | LC_ALL=C awk '
				NF == 7 && $1 ~ /^[0-9]+$/ && length($1) < 16 { last = $1 } END { printf "%.0f", last }')
		fi
		printf '%s %s %s %s %s %s %s\n' $((${last:-0} + 1)) "$(date +%s)" "$1" "$2" "$3" "${4:--}" "${5:--}" >>"$events" || exit
		[ $((last % 1000)) -ne 999 ] || {
			tail -n 1000 "$events" >"$events.new" && [ "$(wc -l <"$events.new")" -eq 1000 ] && mv -f "$events.new" "$events"
		}
	) 7>>"$dir/agents/.events.lock" >/dev/null 2>&1 || :
	[ ! -s "$dir/commands/tell_url" ] || case $3 in
	'done' | waiting | stopping)
		# Nobody waits for that, it holds nobody's lock, and it is no agent's process.
		(unset MNGR_AGENT_ID && exec setsid sh "$dir/commands/tell-url.sh" "$dir") </dev/null >/dev/null 2>&1 3>&- 7>&- 8>&- 9>&- &
		;;
	esac || :
}
