# store-put < NEEDED, line end; for each file "SIZE PATH", line end; line end; all CONTENTS: writes each /state/PATH at once
# and durably, in that order, in the state container. The sizes tell whole contents from those whose sender was killed.
# Exit codes: 3 /state/NEEDED isn't there; 4 it is about a host that was removed (hosts/ID.gone).
set -eu
#include steps
doing 'enter /state'
umask 077
cd /state
doing 'read the list of files'
read -r needed
files='' total=0 count=0
while read -r size path && [ -n "$size" ]; do
	files="$files $size $path" total=$((total + size)) count=$((count + 1))
done
part=.part.$$
trap 'failed $?; rm -f "$part" "$part".*' EXIT
doing 'write the content to /state'
cat >"$part"
[ "$total" -gt 0 ] && [ "$(wc -c <"$part")" -eq "$total" ] || { echo "the content was cut short" >&2; exit 1; }
doing 'lock the store'
exec 9>/state/lock
flock -w 30 9 || { echo "the store is locked" >&2; exit 1; }
[ -z "$needed" ] || [ -f "$needed" ] || exit 3
# shellcheck disable=SC2086 # a list of sizes and paths
set -- $files
while [ $# -gt 0 ]; do
	host=${2#hosts/} host=${host%%/*}
	[ ! -e "hosts/${host%.json}.gone" ] || { echo "the host was removed meanwhile" >&2; exit 4; }
	shift 2
done
doing 'part the content'
at=1 parts=
# shellcheck disable=SC2086 # a list of sizes and paths
set -- $files
while [ $# -gt 0 ]; do
	one=$part
	[ "$count" -eq 1 ] || { one=$part.$# && tail -c "+$at" "$part" | head -c "$1" >"$one"; }
	parts="$parts $one" at=$((at + $1))
	shift 2
done
doing 'write the content to the disk (sync)'
# shellcheck disable=SC2086 # a list of names
sync $parts
# shellcheck disable=SC2086
set -- $files
for one in $parts; do
	doing "move the content to /state/$2"
	folder=${2%/*}
	[ -d "$folder" ] || { mkdir -p "$folder" && sync "${folder%/*}" "${folder%%/*}"; }
	mv -f "$one" "$2"
	sync "$folder"
	shift 2
done
