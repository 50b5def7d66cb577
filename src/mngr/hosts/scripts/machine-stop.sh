# machine-stop CONTAINER: stops the container because a person said so, and notes that. Repeatable.
# A container that isn't there, or isn't running, is success.
set -eu
umask 077
container=$1
here=/var/lib/mngr/guard
mkdir -p "$here"
exec 9>"$here/lock"
flock 9
docker container inspect "$container" >/dev/null 2>&1 || { docker version >/dev/null; exit 0; }
date +%s >"$here/.stopped"
mv -f "$here/.stopped" "$here/stopped"
docker stop "$container" >/dev/null
