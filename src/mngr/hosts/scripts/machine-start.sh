# machine-start ENDS_AT: before a stopped container starts again: a lifetime of its own, and nothing left of why
# it stopped, or the guard would stop it at once. ENDS_AT: epoch seconds, or "". Prints the line of why it stopped itself, if
# it did. Repeatable.
set -eu
#include steps
umask 077
ends_at=$1
here=/var/lib/mngr/guard
doing "make $here"
mkdir -p "$here"
doing 'wait for the lock (flock)'
exec 9>"$here/lock"
flock 9
doing "write the lifetime to $here/ends_at"
printf '%s\n' "$ends_at" >"$here/.ends_at"
mv -f "$here/.ends_at" "$here/ends_at"
reason=$(head -c 1000 "$here/stop-reason" 2>/dev/null | head -n 1 || true)
doing "remove why it stopped ($here/stop-reason)"
rm -f "$here/stop-reason" "$here/stopping" "$here/pause" "$here/again_at"
container=$(cat "$here/container" 2>/dev/null || true)
volume=$(cat "$here/volume" 2>/dev/null || true)
tell() { printf '%s\n' "$reason"; }
[ -n "$container" ] && [ -n "$volume" ] || { tell; exit 0; }
[ "$(docker container inspect -f '{{.State.Running}}' "$container" 2>/dev/null)" = false ] || { tell; exit 0; }
doing "remove the request to stop from $volume/stop"
# Nothing runs in there now: no link can be put in our way after the look.
[ ! -L "$volume/stop" ] || rm -f "$volume/stop"
if [ -z "$reason" ] && [ ! -L "$volume/stop/reason" ] && [ -f "$volume/stop/reason" ]; then
	reason=$(head -c 1000 "$volume/stop/reason" 2>/dev/null | head -n 1 || true)
fi
rm -f "$volume/stop/request" "$volume/stop/reason"
tell
