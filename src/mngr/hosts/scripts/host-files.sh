# host-files HOST_DIR < TAR: lays a host's own files (host.json, idle.conf, commands/) into HOST_DIR, each at once.
# Repeatable.
set -eu
#include steps
doing "enter $1"
cd "$1"
umask 077
new=.new-host-$$
doing "make $1/$new"
mkdir "$new"
trap 'failed $?; rm -rf "$new"' EXIT
doing 'unpack the files (tar)'
tar -xof - -C "$new"
doing "make $1/commands and activity"
mkdir -p commands activity
doing 'write the files to the disk (sync)'
sync "$new"/commands/* "$new"/*.*
doing "move the files to $1"
mv -f "$new"/*.* .
mv -f "$new"/commands/* commands
[ -e activity/create ] || touch activity/create
