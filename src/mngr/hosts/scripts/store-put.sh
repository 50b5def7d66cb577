# store-put < "PATH SIZE [NEEDED]", a line end, CONTENT: writes /state/PATH at once and durably, in the state container.
# SIZE tells a whole content from one whose sender was killed. Exit code 3: /state/NEEDED isn't there.
set -eu
umask 077
cd /state
read -r path size needed
folder=${path%/*}
[ -z "$needed" ] || [ -f "$needed" ] || exit 3
[ -d "$folder" ] || mkdir -p "$folder"
part=$folder/.part.$$
trap '[ ! -e "$part" ] || rm -f "$part"' EXIT
cat >"$part"
[ "$(wc -c <"$part")" -eq "$size" ] || { echo "the content was cut short" >&2; exit 1; }
exec 9>/state/lock
flock -w 30 9 || { echo "the store is locked" >&2; exit 1; }
[ -z "$needed" ] || [ -f "$needed" ] || { rm -rf "$folder"; exit 3; }
sync "$part"
mv -f "$part" "$path"
sync "$folder"
