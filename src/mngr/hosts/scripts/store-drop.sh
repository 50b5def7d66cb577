# store-drop PATHS…: removes files or folders below /state, in the state container. Gone already is success.
set -eu
#include steps
doing 'lock the store'
exec 9>/state/lock
flock -w 30 9 || { echo "the store is locked" >&2; exit 1; }
doing 'enter /state'
cd /state
for path; do
	doing "remove /state/$path"
	rm -rf "$path"
done
doing 'write that to the disk (sync)'
sync .
