# power-on TOP CODE: process 1 of a fake machine, in fresh mount, process and host name namespaces.
# Mounts the machine's disk, and becomes boot.sh in there.
set -e
read -r stat </proc/self/stat
top=$1 code=$2
root=$top/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/run/sshd" "$root/run/lock" "$root/run/cloud-init"
mount --bind "$top/docker" "$root/var/lib/docker"
mount --bind / "$root/.fakes/host"
mount --bind "$code" "$root/.fakes/code"
mount --bind "$MNGR_FAKES/server" "$root/.fakes/server"
mount --bind "$top/seed" "$root/.fakes/seed"
mount --bind "$code/machine-bin" "$root/usr/local/sbin"
# Its tools are a machine's, not this computer's.
for tool in systemctl apt-get; do
	[ ! -e "$root/usr/bin/$tool" ] || mount --bind "$code/machine-bin/$tool" "$root/usr/bin/$tool"
done
exec 9<"$MNGR_FAKES/session.lock"
# $stat is split on purpose: field 22 is when the process was born, which tells it from a later one of the same id.
pid=${stat%% *}
set -- $stat
shift 21
echo "$pid $1" >"$top/.pid"
mv -f "$top/.pid" "$top/pid"
exec 8>"$top/booted"
exec /usr/bin/env -i -C / PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	chroot "$root" /bin/sh /.fakes/code/boot.sh "$top"
