# shellcheck disable=SC2034
# listening: part of scripts that tell as long as their client listens (`#include`), behind agent-processes. Who listens is no SSH
# session for the watcher: as long as it runs there is a file FOLDER/.listener-PID with its pid and start time.

# ended: with all that was started here, but nothing else of the process group.
ended() {
	trap '' TERM HUP INT
	rm -f "$listener"
	kids=
	{ read -r kids <"/proc/$$/task/$$/children"; } 2>/dev/null
	# shellcheck disable=SC2086 # pids
	kill ${kids:-$ender ${follower-}} 2>/dev/null
	exit 0
}
# listen FOLDER: from here on our standard input is read, and its end is ours.
listen() {
	listener=$1/.listener-$$
	trap ended TERM HUP INT PIPE
	read -r stat <"/proc/$$/stat"
	# shellcheck disable=SC2046,SC2086 # fields
	echo "$$ $(set -- ${stat##*) } && echo "${20}")" >"$listener" 2>/dev/null
	# Those whose listener was killed.
	for file in "$1"/.listener-*; do
		[ "$file" != "$listener" ] && read -r pid started <"$file" && ! is_alive "$pid" "$started" && rm -f "$file"
	done 2>/dev/null
	exec 3<&0 </dev/null
	(while read -r _ <&3; do :; done; kill -TERM $$ 2>/dev/null) >/dev/null 2>&1 &
	ender=$!
	exec 3<&-
}
