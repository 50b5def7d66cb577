# shellcheck disable=SC2154
# tell: part of other scripts (`#include`), with `dir` (the host dir).

# tell ID NAME STATE [REASON [EXIT_CODE]]: one more line in agents/.events, "NUMBER TIME ID NAME STATE REASON EXIT_CODE",
# `-` for what there is none of. Numbers grow by one. The newest 1,000 lines at least are kept.
tell() {
	(
		flock -w 5 7 || exit 0
		events=$dir/agents/.events
		last=$(tail -n 1 "$events" 2>/dev/null) || last=0
		last=${last%% *}
		case $last in *[!0-9]* | '') last=0 ;; esac
		printf '%s %s %s %s %s %s %s\n' $((last + 1)) "$(date +%s)" "$1" "$2" "$3" "${4:--}" "${5:--}" >>"$events"
		[ $((last % 1000)) -ne 999 ] || { tail -n 1000 "$events" >"$events.new" && mv -f "$events.new" "$events"; }
	) 7>>"$dir/agents/.events.lock"
}
