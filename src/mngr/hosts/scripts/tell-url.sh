# tell-url HOST_DIR: tells the address in commands/tell_url, by HTTP POST, of what came to agents/.events: of agents that wait or are
# done, and of the host if it stops itself: "NAME STATE REASON" as plain text, nothing else.
# One at a time; who comes meanwhile ends at once, as that one sends this, too. What is older than the newest five is left
# out. One that can't be sent within 4 s is tried once more, and given up with all that waits; agents/.untold then says
# when, and why, until one is sent. The address is in no argument, as it may hold a token.
umask 077
cd "$1/agents" 2>/dev/null || exit
trap '' HUP TERM
events() { tail -n 50 .events 2>/dev/null | LC_ALL=C awk 'NF == 7 && $1 ~ /^[0-9]+$/ && length($1) < 16'; }
newest() { events | tail -n 1 | cut -d ' ' -f 1; }

# fetch_curl: installs curl in a container that lacks it; once an hour at most.
fetch_curl() {
	if command -v curl || [ ! -e ../commands/entrypoint.sh ] || [ -n "$(find .curl -mmin -60)" ]; then return; fi
	: >.curl
	export DEBIAN_FRONTEND=noninteractive
	if command -v apt-get; then
		apt-get -q -o DPkg::Lock::Timeout=300 update &&
			apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install curl
		rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
	elif command -v apk; then
		apk add --no-cache curl
	elif command -v dnf || command -v microdnf; then
		"$(command -v dnf || command -v microdnf)" install -y curl
	fi 7>&-
} >/dev/null 2>&1 </dev/null

# post TEXT: sets `why` if that fails.
post() {
	why=
	if command -v curl >/dev/null; then
		printf 'url = "%s"\nheader = "Content-Type: text/plain"\ndata = "%s"\n' "$url" "$1" |
			curl -q -sSf -m 4 -o /dev/null -K - >/dev/null 2>&1 || why="curl gave $?"
	else
		why="$no_curl"
	fi
	[ -z "$why" ]
}
no_curl="curl isn't there"

while :; do
	exec 7>.telling
	flock -n 7 || exit
	url='' last=''
	read -r url <../commands/tell_url
	[ -n "$url" ] || exit
	fetch_curl
	[ ! -s .told ] || read -r last <.told
	top=$(newest)
	case $last in '' | *[!0-9]*) last=$((${top:-1} - 1)) ;; esac
	[ "${top:-0}" -ge "$last" ] || last=0 # they begin anew
	events | while read -r number _ _ name state reason _; do
		[ "$number" -gt "$last" ] && [ "$number" -gt $((top - 50)) ] || continue
		case $state in 'done' | waiting | stopping) ;; *) continue ;; esac
		[ "$name" != - ] || name=host
		text="$name $state"
		[ "$reason" = - ] || text="$text $reason"
		echo "$text"
	done | tail -n 5 | while read -r text; do
		if ! post "$text"; then
			sleep 1
			[ "$why" = "$no_curl" ] || post "$text"
		fi
		if [ -n "$why" ]; then
			echo "$(date +%s) $why" >.untold.new && mv -f .untold.new .untold
			break
		fi
		rm -f .untold
	done
	echo "${top:-0}" >.told.new && mv -f .told.new .told || exit
	exec 7>&-
	# Who came right now, and found this one busy, has gone.
	[ "$(newest)" != "$top" ] || exit
done
