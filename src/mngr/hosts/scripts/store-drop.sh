# store-drop PATHS…: removes files or folders below /state, in the state container. Gone already is success.
set -eu
exec 9>/state/lock
flock -w 30 9 || { echo "the store is locked" >&2; exit 1; }
cd /state
for path; do rm -rf "$path"; done
sync .
