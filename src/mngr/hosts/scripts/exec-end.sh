# exec-end < TOKEN: ends a command of `mngr exec` with all its processes: INT, TERM after 2 s, KILL after 3 s more.
# They carry its token in their environment or command line, or are below one that does.
# Prints 255 if the command had ended, with that exit code; `ended` if there was something to end. Repeatable.
read -r token
case $token in '' | *[!a-z0-9-]*) exit 1 ;; esac
if [ -e "/tmp/.mngr-exec-$token" ]; then
	rm -f "/tmp/.mngr-exec-$token"
	echo 255
	exit
fi
family() {
	# shellcheck disable=SC2062 # files, not a pattern
	marked=$(printf '%s\n' "$token" | grep -l -s -F -f - /proc/[0-9]*/environ /proc/[0-9]*/cmdline)
	[ -n "$marked" ] || return
	awk -v marked="$marked" 'BEGIN {
		n = split(marked, rows, "\n")
		for (i = 1; i <= n; i++) { split(rows[i], part, "/"); mine[part[3]] = 1 }
		for (i = 1; i < ARGC; i++) {
			if ((getline line < ARGV[i]) <= 0) continue
			close(ARGV[i])
			pid = line; sub(/ .*/, "", pid)
			sub(/^.*\) /, "", line); split(line, f, " ")
			up[pid] = f[2]
			if (f[1] ~ /[ZX]/) gone[pid] = 1
		}
		for (pid in up) {
			for (p = pid; p > 1 && !(p in mine); p = up[p]);
			if (p in mine && !(pid in gone)) print pid
		}
		exit
	}' /proc/[0-9]*/stat
}
for step in INT:20 TERM:30 KILL:10; do
	tries=${step#*:}
	pids=$(family)
	[ -n "$pids" ] || break
	found=ended
	# All at once: a shell whose command was ended first would go on to its next.
	for signal in STOP "${step%:*}" CONT; do
		# shellcheck disable=SC2086 # a list
		kill -s $signal $pids 2>/dev/null
	done
	while [ "$tries" -gt 0 ] && [ -n "$(family)" ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
done
rm -f "/tmp/.mngr-exec-$token"
echo "${found-}"
