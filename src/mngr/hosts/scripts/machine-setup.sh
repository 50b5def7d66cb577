# machine-setup CONTAINER VOLUME ENDS_AT < TAR: puts the guard (machine-guard.sh and its units) on a machine.
# TAR is laid over /; VOLUME is the name of the Docker volume of the container's host dir; ENDS_AT epoch seconds
# or "" for no lifetime cap. Repeatable.
set -eu
umask 077
container=$1 volume=$2 ends_at=$3
here=/var/lib/mngr/guard
mkdir -p "$here"
exec 8>"$here/setup.lock"
flock 8
tar -xf - -C / --no-same-owner
path=$(docker volume inspect -f '{{.Mountpoint}}' "$volume")
put() {
	printf '%s\n' "$2" >"$here/.$1"
	mv -f "$here/.$1" "$here/$1"
}
put volume "$path"
put ends_at "$ends_at"
put container "$container"
# In a unit file % starts a specifier.
escaped=$(printf %s "$path" | sed 's/%/%%/g')
sed "s|@REQUEST@|$(printf %s "$escaped/stop/request" | sed 's/[&|\\]/\\&/g')|" \
	"$here/mngr-guard.path" >/etc/systemd/system/.mngr-guard.path
mv -f /etc/systemd/system/.mngr-guard.path /etc/systemd/system/mngr-guard.path
systemctl daemon-reload
systemctl enable --quiet --now mngr-guard.timer mngr-guard.path
