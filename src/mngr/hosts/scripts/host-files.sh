# host-files HOST_DIR < TAR: lays a host's own files (host.json, idle.conf, commands/) into HOST_DIR, each at once.
# Repeatable.
set -eu
cd "$1"
umask 077
new=.new-host-$$
mkdir "$new"
trap 'rm -rf "$new"' EXIT
tar -xof - -C "$new"
mkdir -p commands activity
sync "$new"/commands/* "$new"/*.*
mv -f "$new"/*.* .
mv -f "$new"/commands/* commands
[ -e activity/create ] || touch activity/create
