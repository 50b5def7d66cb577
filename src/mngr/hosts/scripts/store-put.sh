# store-put < NEEDED, line end; for each file "SIZE PATH", line end; line end; all CONTENTS: writes each /state/PATH at once
# and durably, in that order, in the state container. The sizes tell whole contents from those whose sender was killed.
# Exit code 3: /state/NEEDED isn't there.
set -eu
umask 077
cd /state
read -r needed
files='' total=0
while read -r size path && [ -n "$size" ]; do
	files="$files $size $path" total=$((total + size))
done
part=.part.$$
trap 'rm -f "$part" "$part.one"' EXIT
cat >"$part"
[ "$total" -gt 0 ] && [ "$(wc -c <"$part")" -eq "$total" ] || { echo "the content was cut short" >&2; exit 1; }
exec 9>/state/lock
flock -w 30 9 || { echo "the store is locked" >&2; exit 1; }
[ -z "$needed" ] || [ -f "$needed" ] || exit 3
at=1
# shellcheck disable=SC2086 # a list of sizes and paths
set -- $files
while [ $# -gt 0 ]; do
	size=$1 path=$2 folder=${2%/*}
	shift 2
	one=$part
	[ "$size" -eq "$total" ] || { one=$part.one && tail -c "+$at" "$part" | head -c "$size" >"$one"; }
	at=$((at + size))
	[ -d "$folder" ] || { mkdir -p "$folder" && sync "${folder%/*}"; }
	sync "$one"
	mv -f "$one" "$path"
	sync "$folder"
done
