#!/bin/sh
# mmdebstrap's last step for a machine. $1: the new root. What needs hardware or a kernel of its own is
# masked, and so are timers that would set in during a test.
set -eu
root=$1
cat >"$root/etc/cloud/cloud.cfg.d/90_simcloud.cfg" <<'EOF'
datasource_list: [NoCloud, None]
# the container's network is there already; cloud-init would wait a minute for DHCP
network: {config: disabled}
locale: C.UTF-8
disable_root: false
users: [default]
system_info:
  default_user: {name: root, lock_passwd: false}
EOF
for unit in \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer logrotate.timer \
    e2scrub_reap.service networking.service ifupdown-pre.service systemd-remount-fs.service systemd-resolved.service \
    systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service \
    systemd-udev-settle.service systemd-hwdb-update.service systemd-pstore.service systemd-modules-load.service \
    systemd-sysctl.service systemd-binfmt.service systemd-firstboot.service systemd-machine-id-commit.service \
    systemd-random-seed.service systemd-journal-flush.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service cloud-init-hotplugd.socket cloud-init-hotplugd.service \
    getty.target getty@tty1.service getty-static.service console-getty.service proc-sys-fs-binfmt_misc.automount \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    sys-fs-fuse-connections.mount; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
printf 'Acquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/90languages"
: >"$root/etc/machine-id"
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root/etc/hostname"
