# Makes a stock machine one of OVH's: its own user instead of root, and a guest agent that can be purged.
set -eu
cat >/etc/cloud/cloud.cfg.d/95_ovh.cfg <<'EOF'
# a rebuild's key opens this user; root's own authorized_keys say whom to log in as instead
disable_root: true
system_info:
  default_user:
    name: debian
    gecos: Debian
    lock_passwd: true
    groups: [adm, sudo]
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
EOF

# The real agent needs a virtio port. What matters here is a package of that name, with a service that
# runs until it is purged, and a second one that only it needs.
build() {
    name=$1 depends=$2
    mkdir -p "/tmp/$name/DEBIAN"
    cat >"/tmp/$name/DEBIAN/control" <<EOF
Package: $name
Version: 1:7.2+simcloud
Architecture: all
Maintainer: simcloud <simcloud@example.com>
Depends: $depends
Description: stands in for $name on a simulated machine
EOF
}

build qemu-simcloud-common init-system-helpers
build qemu-guest-agent qemu-simcloud-common
root=/tmp/qemu-guest-agent
mkdir -p "$root/usr/sbin" "$root/lib/systemd/system"
printf '#!/bin/sh\nexec sleep infinity\n' >"$root/usr/sbin/qemu-ga"
cat >"$root/lib/systemd/system/qemu-guest-agent.service" <<'EOF'
[Unit]
Description=QEMU Guest Agent (simulated)
[Service]
ExecStart=/usr/sbin/qemu-ga
[Install]
WantedBy=multi-user.target
EOF
printf '#!/bin/sh\nset -e\n[ ! -d /run/systemd/system ] || systemctl stop qemu-guest-agent\n' >"$root/DEBIAN/prerm"
# shellcheck disable=SC2016  # $1 is the package script's own
printf '#!/bin/sh\nset -e\n[ "$1" != purge ] || rm -f /etc/systemd/system/multi-user.target.wants/qemu-guest-agent.service\n' \
    >"$root/DEBIAN/postrm"
chmod 755 "$root/usr/sbin/qemu-ga" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
for name in qemu-simcloud-common qemu-guest-agent; do
    dpkg-deb --root-owner-group --build "/tmp/$name" "/tmp/$name.deb" >/dev/null
    dpkg --install "/tmp/$name.deb" >/dev/null
    rm -rf "/tmp/$name" "/tmp/$name.deb"
done
apt-mark auto qemu-simcloud-common >/dev/null
ln -s /lib/systemd/system/qemu-guest-agent.service \
    /etc/systemd/system/multi-user.target.wants/qemu-guest-agent.service
