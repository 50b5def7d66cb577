#!/bin/sh
# libvirt 9.0.0 (Debian 12: libvirt-daemon and -clients 9.0.0-4+deb12u2, qemu-system-x86 7.2).
#
# A guest that shut itself down is "shut off (shutdown)", one whose plug was pulled "shut off (destroyed)". One would
# expect that to stay: the domain is persistent, and so is what libvirt keeps of it. Seen: once libvirtd was started anew,
# as an update of the package does, both are "shut off (unknown)". The reason was in its memory alone; on disk there is
# a line of the domain's log ("shutting down, reason=shutdown"), which no call answers with. Whoever tells by the reason
# whether a machine switched itself off, or somebody did it, does so until the next update.
#
# Needs root, 400 MB and Debian 12's package lists. Its libvirtd is in a root, and in namespaces, of its own.
set -eu
if [ "${1:-}" != inside ]; then
	script=$(readlink -f "$0") work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	mkdir "$work/packages" "$work/root"
	cd "$work/packages"
	wanted='libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 dash coreutils sed grep mount'
	# shellcheck disable=SC2086 # lists of names
	others=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
		$wanted | grep '^[a-z0-9]' | grep -v ':' | sort -u | grep -v '^libvirt')
	version=9.0.0-4+deb12u2
	# shellcheck disable=SC2086 # as above
	apt-get -qq download libvirt-daemon=$version libvirt-daemon-driver-qemu=$version libvirt-clients=$version libvirt0=$version $others 2>/dev/null
	for package in *.deb; do dpkg -x "$package" "$work/root"; done
	cp "$script" "$work/root/script"
	unshare --mount --pid --fork --kill-child chroot "$work/root" /bin/dash /script inside
	exit
fi
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
ln -sf dash /bin/sh
mkdir -p /proc /sys /dev /run /tmp /var /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt
ln -s /run /var/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs dev /dev # without /dev/kvm, which may be there and not work
mknod /dev/null c 1 3 && mknod /dev/zero c 1 5 && mknod /dev/urandom c 1 9 && mknod /dev/random c 1 8
mkdir /dev/pts && mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts && ln -s pts/ptmx /dev/ptmx
printf 'root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:64055::/:/bin/false\n' >/etc/passwd
printf 'root:x:0:\nlibvirt-qemu:x:64055:\nkvm:x:64056:\nlibvirt:x:64057:\n' >/etc/group
printf 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nstdio_handler = "file"\nnamespaces = []\ncgroup_controllers = []\n' >/etc/libvirt/qemu.conf
printf 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n' >/etc/libvirt/libvirtd.conf
within() { # SECONDS COMMAND…
	tries=$(($1 * 2))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "not within its time: $*" >&2 && exit 1; }
		sleep 0.5
	done
}
daemon=
start() {
	libvirtd >/log 2>&1 &
	daemon=$!
	within 120 answers
}
answers() { virsh version >/version 2>/dev/null; }
is_off() { virsh domstate "$1" | grep -q '^shut off'; }
reasons() { for name in itself pulled; do echo "$name: $(virsh domstate --reason $name | sed '/^$/d')"; done; }
domain() { # NAME IMAGE
	printf "<domain type='qemu'><name>%s</name><memory unit='MiB'>64</memory><os><type machine='q35'>hvm</type></os><features><acpi/></features>" "$1"
	printf "<devices><disk type='file'><source file='%s'/><target dev='vda' bus='virtio'/></disk></devices></domain>" "$2"
}
# Boot sectors: one writes what ACPI has a guest write to switch itself off (0x2000 to port 0x604), the other waits.
printf '\272\004\006\270\000\040\357\364' >/off.img
printf '\364\353\375' >/wait.img
for image in /off.img /wait.img; do
	truncate -s 510 $image && printf '\125\252' >>$image && truncate -s 1M $image
done
start
sed -n 's/^Using library: /library: /p; s/^Running hypervisor: //p' /version
domain itself /off.img >/itself.xml && domain pulled /wait.img >/pulled.xml
for name in itself pulled; do virsh -q define /$name.xml && virsh -q start $name; done
within 120 is_off itself
virsh -q destroy pulled
within 20 is_off pulled
reasons | tee /before
kill "$daemon"
wait "$daemon" || true
start
echo "after libvirtd's restart:" && reasons | tee /after
grep -ho 'shutting down, reason=.*' /var/log/libvirt/qemu/*.log
printf '%s\n' 'itself: shut off (shutdown)' 'pulled: shut off (destroyed)' >/expected
grep -qxFf /expected /before && [ "$(grep -cxFf /expected /before)" = 2 ]
[ "$(grep -c 'shut off (unknown)' /after)" = 2 ]
echo "as described"
