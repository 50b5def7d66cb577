# shellcheck disable=SC2154,SC3013 # dash and busybox have -ef
# watch-newest: part of agent-start (`#include`), behind agent-processes: which watcher watches.

# newest: ends a watcher of another build than commands/watch.sh. That would watch for as long as an agent lives here, and
# knows nothing of what this build asks of it. In a container the entrypoint starts the next one (those of all builds do), else
# our caller does.
newest() {
	[ -f "$dir/watch.lock" ] && ! flock -n "$dir/watch.lock" true || return 0
	# shellcheck disable=SC2046 # fields
	build=$(echo $(cksum <"$dir/commands/watch.sh"))
	tries=0
	# One that has just begun may not have noted yet what it is.
	until { read -r pid at what <"$dir/watch.process"; } 2>/dev/null && [ "$what" = "$build" ] && is_alive "$pid" "$at"; do
		tries=$((tries + 1))
		if [ $tries -ge 4 ]; then
			kill_watchers TERM
			# What it started holds the lock for a moment.
			flock -w 5 "$dir/watch.lock" true || kill_watchers KILL
			return 0
		fi
		sleep 0.1
	done
}
# kill_watchers SIGNAL: those of before had no file watch.process.
kill_watchers() {
	for proc in /proc/[0-9]*; do
		{ read -r comm <"$proc/comm"; } 2>/dev/null && [ "$comm" = sh ] && [ "$proc/cwd" -ef "$dir" ] || continue
		case "$(tr '\000' ' ' 2>/dev/null <"$proc/cmdline")" in
		"sh commands/watch.sh "* | "sh $dir/commands/watch.sh "*) kill "-$1" "${proc#/proc/}" 2>/dev/null || true ;;
		esac
	done
}
