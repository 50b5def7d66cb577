# machine-start CONTAINER ENDS_AT: starts a stopped container, with a lifetime of its own, and nothing left of
# why it stopped. ENDS_AT: epoch seconds, or "". Repeatable. Exit code 3: there is no such container.
set -eu
umask 077
container=$1 ends_at=$2
here=/var/lib/mngr/guard
mkdir -p "$here"
exec 9>"$here/lock"
flock 9
docker container inspect "$container" >/dev/null 2>&1 || {
	docker version >/dev/null
	echo "there is no container $container on this machine" >&2
	exit 3
}
printf '%s\n' "$ends_at" >"$here/.ends_at"
mv -f "$here/.ends_at" "$here/ends_at"
rm -f "$here/stop-reason" "$here/stopped"
if [ "$(docker container inspect -f '{{.State.Running}}' "$container")" != true ]; then
	volume=$(cat "$here/volume" 2>/dev/null || true)
	if [ -n "$volume" ]; then
		[ ! -L "$volume/stop" ] || rm -f "$volume/stop"
		rm -f "$volume/stop/request" "$volume/stop/reason"
	fi
	docker start "$container" >/dev/null
fi
