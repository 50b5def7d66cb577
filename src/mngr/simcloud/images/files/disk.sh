# Makes an ext4 disk image ($1) of this container's own root and a kernel's modules ($2, a tar), with the content of
# /docker-root as /var/lib/docker. Works in /disk-root, which is memory. Read from standard input.
set -eu
root=/disk-root
keeping() { tar --xattrs --xattrs-include='*' --numeric-owner "$@"; }
keeping --one-file-system -C / -c . | keeping -C "$root" -x
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/var/lib/docker"
chmod 1777 "$root/tmp"
keeping -C /docker-root -c . | keeping -C "$root/var/lib/docker" -x
tar -C "$root" -xf "$2" usr
rm -f "$root/.dockerenv" "$root/etc/hostname"
: >"$root/etc/machine-id"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
cat >"$root/usr/sbin/power-button" <<'END'
#!/bin/sh
# Waits for the power button. logind would need udev to know of it.
for event in /sys/class/input/event*; do
    read -r name <"$event/device/name"
    [ "$name" = "Power Button" ] || continue
    head -c 24 "/dev/input/$(basename "$event")" >/dev/null
    exec systemctl poweroff
done
END
chmod 755 "$root/usr/sbin/power-button"
cat >"$root/etc/systemd/system/power-button.service" <<'END'
[Unit]
Description=Power off when the button is pressed
[Service]
ExecStart=/usr/sbin/power-button
[Install]
WantedBy=sysinit.target
END
cat >"$root/etc/systemd/system/grow-root.service" <<'END'
[Unit]
Description=Let the root file system have the whole disk
[Service]
Type=oneshot
ExecStart=/usr/sbin/resize2fs /dev/vda
[Install]
WantedBy=multi-user.target
END
cat >"$root/etc/cloud/cloud.cfg.d/92_vm.cfg" <<'END'
# Emulated machines are slow: only what user data may ask for
apt: {preserve_sources_list: true}
cloud_init_modules:
  [seed_random, bootcmd, write-files, set_hostname, update_hostname, update_etc_hosts, users-groups, ssh]
cloud_config_modules: [set-passwords, apt-configure, ntp, timezone, runcmd]
cloud_final_modules: [package-update-upgrade-install, scripts-vendor, scripts-per-once, scripts-per-boot,
  scripts-per-instance, scripts-user, final-message, power-state-change]
END
mkdir -p "$root/etc/systemd/system/sysinit.target.wants" "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../grow-root.service "$root/etc/systemd/system/multi-user.target.wants/"
ln -s ../power-button.service "$root/etc/systemd/system/sysinit.target.wants/"
mkfs.ext4 -q -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$root" "$1" 8G
