# Makes an ext4 disk image ($1) of this container's own root and a kernel's modules ($2, a tar), with the content of
# /docker-root as /var/lib/docker. Works in /disk-root, which is memory. Read from standard input.
set -eu
root=/disk-root
groupadd --force --system netdev  # cloud-init's users are in it
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
    exec systemctl start --no-block --job-mode=replace-irreversibly poweroff.target
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
ssh_genkeytypes: [ed25519]
cloud_init_modules:
  [seed_random, bootcmd, write-files, set_hostname, update_hostname, update_etc_hosts, users-groups, ssh]
cloud_config_modules: [set-passwords, apt-configure, ntp, timezone, runcmd]
cloud_final_modules: [package-update-upgrade-install, scripts-vendor, scripts-per-once, scripts-per-boot,
  scripts-per-instance, scripts-user, final-message, power-state-change]
END
mkdir -p "$root/etc/systemd/system/sysinit.target.wants" "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../grow-root.service "$root/etc/systemd/system/multi-user.target.wants/"
ln -s ../power-button.service "$root/etc/systemd/system/sysinit.target.wants/"

# An emulated machine takes a tenth of a second to run a program: none of these is needed here. Without logind and D-Bus
# a login begins no session of systemd's, which would take longer than SSH does.
for unit in systemd-logind.service systemd-repart.service systemd-sysusers.service systemd-ask-password-console.path \
    systemd-ask-password-wall.path systemd-initctl.socket systemd-journald-audit.socket; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
sed -i /pam_systemd/d "$root/etc/pam.d/common-session"
rm -f "$root/lib/systemd/system/multi-user.target.wants/dbus.service" "$root"/etc/update-motd.d/*
mkdir -p "$root/etc/systemd/system-generators"
for generator in "$root"/lib/systemd/system-generators/*; do
    case ${generator##*/} in
    systemd-fstab-generator | systemd-debug-generator) ;;
    *) ln -s /dev/null "$root/etc/systemd/system-generators/${generator##*/}" ;;
    esac
done

# cloud-init's stages in one process: `stages` comes instead of the line that names it
unit() { cat >"$root/etc/systemd/system/$1"; }
cat >"$root/usr/lib/cloud-init/stages" <<'END'
@stages@
END
cat >"$root/usr/lib/cloud-init/stage" <<'END'
#!/bin/sh
# Has a stage of cloud-init ($1) carried out by `stages`; once that has ended by cloud-init itself, with the other arguments.
cd /run/cloud-init-stages 2>/dev/null || { shift && exec cloud-init "$@"; }
echo "$1" >ask
read -r code <"$1"
exit "$code"
END
chmod 755 "$root/usr/lib/cloud-init/stage"
while read -r stage name; do
    sed "s|^ExecStart=/usr/bin/cloud-init|ExecStart=/usr/lib/cloud-init/stage $stage|" "$root/lib/systemd/system/$name" | unit "$name"
done <<'END'
local cloud-init-local.service
init cloud-init.service
config cloud-config.service
final cloud-final.service
END
sed -i 's/^\[Unit\]$/&\nWants=cloud-init-stages.service\nAfter=cloud-init-stages.service/' \
    "$root/etc/systemd/system/cloud-init-local.service"
unit cloud-init-stages.service <<'END'
[Unit]
Description=What carries out cloud-init's stages
DefaultDependencies=no
RequiresMountsFor=/var/lib/cloud
Before=shutdown.target
Conflicts=shutdown.target
[Service]
Type=notify
ExecStart=/usr/bin/python3 -I /usr/lib/cloud-init/stages
KillMode=process
TasksMax=infinity
StandardOutput=journal+console
END
ln -s /lib/systemd/system/cloud-init.target "$root/etc/systemd/system/multi-user.target.wants/"

# SSH is there before Docker is, and sshd sees by itself whether its settings are right
for of in ssh containerd docker; do mkdir -p "$root/etc/systemd/system/$of.service.d"; done
printf '[Service]\nExecStartPre=\n' | unit ssh.service.d/at-once.conf
printf '[Unit]\nAfter=ssh.service\n' | tee "$root/etc/systemd/system/containerd.service.d/later.conf" | unit docker.service.d/later.conf
mkfs.ext4 -q -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$root" "$1" 8G
