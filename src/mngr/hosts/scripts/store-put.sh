# store-put PATH SIZE [NEEDED] < CONTENT: writes /state/PATH at once and durably, in the state container.
# SIZE tells a whole content from one whose sender was killed. Exit code 3: /state/NEEDED isn't there.
set -eu
umask 077
exec 9>/state/lock
flock -w 30 9 || { echo "the store is locked" >&2; exit 1; }
cd /state
path=$1 size=$2 needed=${3:-}
[ -z "$needed" ] || [ -f "$needed" ] || exit 3
folder=${path%/*}
mkdir -p "$folder"
part=$folder/.part
cat >"$part"
[ "$(wc -c <"$part")" -eq "$size" ] || { echo "the content was cut short" >&2; exit 1; }
sync "$part"
mv -f "$part" "$path"
sync "$folder"
