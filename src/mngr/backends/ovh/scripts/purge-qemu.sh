# purge-qemu: takes off what OVH's backups freeze the file system with, by dpkg or rpm. Fails if anything of it stays, and
# where that can't be told. Repeatable.
set -eu
export DEBIAN_FRONTEND=noninteractive
installed() {
	if command -v dpkg-query >/dev/null; then
		code=0
		rows=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 'qemu*' 2>/dev/null) || code=$?
		# 1: there is none of that name
		[ "$code" -le 1 ] || { echo "dpkg-query failed with exit code $code" >&2; return 1; }
		printf '%s\n' "$rows" | sed -n 's/^.[^nc]. *//p'
	elif command -v rpm >/dev/null; then
		rpm -qa 'qemu*'
	else
		echo "this image has neither dpkg nor rpm, so it can't be told whether qemu's guest agent is on it" >&2
		return 1
	fi
}
found=$(installed)
[ -n "$found" ] || exit 0
if command -v dpkg-query >/dev/null; then
	apt-get -q -y -o DPkg::Lock::Timeout=120 purge --auto-remove 'qemu*'
else
	dnf -q -y remove 'qemu*'
fi
left=$(installed)
[ -z "$left" ] || { echo "still installed: $left" >&2; exit 1; }
