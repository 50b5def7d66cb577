# purge-qemu: takes off what OVH's backups freeze the file system with. Fails if anything of it stays. Repeatable.
set -eu
export DEBIAN_FRONTEND=noninteractive
installed() { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 'qemu*' 2>/dev/null | sed -n 's/^.[^nc]. *//p'; }
if [ -n "$(installed)" ]; then
	apt-get -q -y -o DPkg::Lock::Timeout=120 purge --auto-remove 'qemu*'
fi
left=$(installed)
[ -z "$left" ] || { echo "still installed: $left" >&2; exit 1; }
