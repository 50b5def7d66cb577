# machine-guard: stops the host's container when it asked for it (idle), or when its lifetime is over.
#
# Run by systemd on the machine, out of the container's reach: at once by a path unit when the request appears,
# and every 30 s by a timer. So a stop that fails is tried again for as long as the machine runs.
# /var/lib/mngr/guard/: container (its name), volume (where its host dir is on the machine), ends_at (epoch s),
# then (a script that ends the machine's bill after a stop; empty on clouds where that can't be).
# Leaves stop-reason there when the lifetime ended: the container's own folder is the agent's to write.
# `then` is run until it succeeds, whatever becomes of the request and the machine meanwhile: `stopping` is there from before
# the request is removed until the next `mngr start`. Tries are 30 s apart, then longer, an hour at most. Its output goes
# to the journal. Of a stop before this boot (`stopping` has another boot's id, or ends_at is older) it isn't run within
# 15 minutes: somebody booted the machine, and `mngr start` is on its way.
umask 077
here=${MNGR_GUARD:-/var/lib/mngr/guard}
cd "$here" || exit 1
exec 9>lock
flock 9
container=$(cat container 2>/dev/null)
volume=$(cat volume 2>/dev/null)
ends_at=$(cat ends_at 2>/dev/null)
now=$(date +%s)
proc=${MNGR_PROC:-/proc}
boot=$(cat "$proc/sys/kernel/random/boot_id" 2>/dev/null)
up=$(cut -d. -f1 "$proc/uptime" 2>/dev/null)

# The folder is under an agent's control while its container runs: no link in it is followed.
asked() { [ -n "$volume" ] && [ ! -L "$volume/stop" ] && [ -e "$volume/stop/request" ]; }
running() { [ "$(docker container inspect -f '{{.State.Running}}' "$container" 2>/dev/null)" = true ]; }

late=
case $ends_at in
'' | *[!0-9]*) ;;
*) [ "$now" -lt "$ends_at" ] || late=1 ;;
esac
[ -n "$late" ] || asked || [ -e stopping ] || exit 0

if [ -n "$late" ] && [ ! -f stop-reason ]; then
	if [ -z "$container" ] || running; then
		echo "lifetime at=$ends_at" >.stop-reason
		sync .stop-reason 2>/dev/null
		mv -f .stop-reason stop-reason
	fi
fi
if [ -n "$container" ] && docker container inspect "$container" >/dev/null 2>&1; then
	# Neither the daemon's restart nor the machine's brings it back; `mngr start` does.
	if ! { docker update --restart=no "$container" && docker stop -t 8 "$container"; } >/dev/null; then
		sleep 5 # the path unit starts us again at once
		exit 1
	fi
fi
if [ -s 'then' ] && [ ! -e stopping ]; then
	echo "$boot" >.stopping
	sync .stopping 2>/dev/null
	mv -f .stopping stopping
fi
# Nothing runs in the container now that could put a link in our way.
if [ -n "$volume" ]; then
	[ ! -L "$volume/stop" ] || rm -f "$volume/stop"
	rm -f "$volume/stop/request"
fi
[ -s 'then' ] || exit 0
number() { case $1 in '' | *[!0-9]*) echo 0 ;; *) echo "$1" ;; esac }
[ "$now" -ge "$(number "$(cat again_at 2>/dev/null)")" ] || exit 0
before=
[ "$(cat stopping 2>/dev/null)" = "$boot" ] || before=1
[ -z "$late" ] || [ "$ends_at" -gt $((now - $(number "$up"))) ] || before=1
[ -z "$before" ] || [ "$(number "$up")" -ge 900 ] || exit 0
if sh ./then; then exit 0; fi
pause=$(($(number "$(cat pause 2>/dev/null)") * 2))
[ $pause -gt 0 ] || pause=30
[ $pause -lt 3600 ] || pause=3600
echo "tried again in $pause s"
echo $pause >pause
echo $((now + pause)) >again_at
exit 1
