# generalize: makes this machine's disk one that others can start from: nothing of its own is left on it, no key, no login.
#
# Docker and its images stay. From here on nobody can log in; the machine is deallocated next.
set -eu
systemctl stop docker.service docker.socket 2>/dev/null || :
rm -f /var/lib/docker/engine-id /etc/docker/key.json
command -v waagent >/dev/null && waagent -force -deprovision >/dev/null 2>&1 || :
rm -rf /var/lib/mngr /var/log/mngr-boot.log
: >/var/lib/mngr-baked # machine-booted looks for it
rm -f /etc/systemd/system/mngr-guard.* /etc/systemd/system/*.wants/mngr-guard.*
# What the first boot was told has this machine's host key in it.
rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem /run/cloud-init
rm -f /var/log/cloud-init.log /var/log/cloud-init-output.log
rm -f /etc/ssh/ssh_host_* /root/.ssh/authorized_keys /root/.bash_history
userdel -f -r mngr >/dev/null 2>&1 || :
rm -f /etc/sudoers.d/90-cloud-init-users /var/lib/dhcp/*.leases
: >/etc/machine-id
sync
