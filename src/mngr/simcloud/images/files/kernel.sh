# Makes a tar ($1) of Debian's cloud kernel and its modules, of an initrd without udev, and of QEMU's guest agent with its
# libraries, which nothing starts. Read from standard input.
set -eu
cd "$(mktemp -d)"
apt-get update -qq
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
apt-get download -qq "$package" busybox-static
agent="qemu-guest-agent libglib2.0-0 liburing2 libnuma1"
# shellcheck disable=SC2086 # a list of names
apt-get download -qq $agent
mkdir initrd kernel tools agent
for name in $agent; do dpkg-deb --extract "$name"_*.deb agent; done
dpkg-deb --extract "$package"_*.deb kernel
dpkg-deb --extract busybox-static_*.deb tools
version=$(ls kernel/lib/modules)
depmod --basedir kernel "$version"

mkdir initrd/bin initrd/modules initrd/proc initrd/dev initrd/root
cp tools/bin/busybox initrd/bin/
for module in virtio_pci virtio_blk ext4 virtio_net virtio_rng button evdev nls_cp437 nls_ascii nls_utf8 vfat; do
    modprobe --dirname kernel --set-version "$version" --show-depends "$module"
done | while read -r verb path; do
    name=$(basename "$path")
    [ "$verb" = insmod ] && [ ! -e "initrd/modules/$name" ] || continue
    cp "$path" initrd/modules/
    echo "$name" >>initrd/modules/order
done
cat >initrd/init <<'END'
#!/bin/busybox sh
# No device manager and no DHCP: what this machine has is known. `simcloud.fault=` asks for a broken first boot.
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t devtmpfs dev /dev
while read -r module; do $busybox insmod "/modules/$module"; done </modules/order
$busybox mount -t ext4 -o noinit_itable /dev/vda /root || exec $busybox poweroff -f
$busybox ip link set eth0 up
$busybox ip address add 10.0.2.15/24 dev eth0
$busybox ip route add default via 10.0.2.2
read -r line </proc/cmdline
case $line in
*simcloud.fault=network*) echo 'nameserver 127.0.0.1' >/root/etc/resolv.conf ;;
*simcloud.fault=docker*) $busybox mkdir -p /root/etc/docker && echo '{this is no JSON' >/root/etc/docker/daemon.json ;;
*simcloud.fault=refuse_key*)
    $busybox mkdir -p /root/etc/systemd/system/ssh.service.d
    printf '[Service]\nExecStartPre=/bin/sh -c "rm -f /etc/ssh/ssh_host_* && ssh-keygen -q -A"\n' \
        >/root/etc/systemd/system/ssh.service.d/other-key.conf
    ;;
esac
$busybox mount --move /dev /root/dev
$busybox umount /proc
exec $busybox switch_root /root /lib/systemd/systemd
END
chmod 755 initrd/init
(cd initrd && find . | ../tools/bin/busybox cpio -o -H newc >../kernel/boot/initrd)
mv "kernel/boot/vmlinuz-$version" kernel/boot/vmlinuz
mkdir -p kernel/usr/sbin
mv kernel/lib kernel/usr/lib
mv agent/usr/sbin/qemu-ga kernel/usr/sbin/
mv agent/usr/lib/x86_64-linux-gnu kernel/usr/lib/
tar -C kernel -cf "$1" boot/vmlinuz boot/initrd usr/lib/modules usr/lib/x86_64-linux-gnu usr/sbin/qemu-ga
