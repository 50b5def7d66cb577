# machine-setup CONTAINER VOLUME ENDS_AT < TAR: puts the guard (machine-guard.sh and its units) on a machine.
# TAR is laid over /; VOLUME is the name of the Docker volume of the container's host dir; ENDS_AT epoch seconds
# or "" for no lifetime cap. Repeatable.
set -eu
#include steps
umask 077
container=$1 volume=$2 ends_at=$3
here=/var/lib/mngr/guard
doing "make $here"
mkdir -p "$here"
doing 'wait for the lock (flock)'
exec 8>"$here/setup.lock"
flock 8
doing 'lay the files of the guard (tar)'
tar -xf - -C / --no-same-owner
doing 'find the volume (docker volume inspect)'
path=$(docker volume inspect -f '{{.Mountpoint}}' "$volume")
put() {
	printf '%s\n' "$2" >"$here/.$1"
	mv -f "$here/.$1" "$here/$1"
}
doing "write what the guard is to know to $here"
put volume "$path"
put ends_at "$ends_at"
put container "$container"
doing 'write the unit mngr-guard.path'
# In a unit file % starts a specifier.
escaped=$(printf %s "$path" | sed 's/%/%%/g')
sed "s|@REQUEST@|$(printf %s "$escaped/stop/request" | sed 's/[&|\\]/\\&/g')|" \
	"$here/mngr-guard.path" >/etc/systemd/system/.mngr-guard.path
mv -f /etc/systemd/system/.mngr-guard.path /etc/systemd/system/mngr-guard.path
doing 'have systemd read its units (systemctl daemon-reload)'
systemctl daemon-reload
doing 'start the guard (systemctl enable --now)'
systemctl enable --now mngr-guard.timer mngr-guard.path
