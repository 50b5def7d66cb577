# host-key-swap PUBLIC_KEY: makes the key that host-key-make made the machine's only SSH host key.
# The old one goes only after sshd took the new one and answers. Repeatable.
set -eu
umask 077
wanted=$1
here=/var/lib/mngr/host-key
key=/etc/ssh/ssh_host_ed25519_key
exec 9>"$here/lock"
flock 9
[ "$(cut -d ' ' -f 1,2 "$here/next.pub")" = "$wanted" ] || { echo "the new host key isn't the one that was pinned" >&2; exit 1; }
# cloud-init makes and deletes host keys at a first boot only, but a re-run must not put the old one back.
mkdir -p /etc/cloud/cloud.cfg.d
[ ! -d /etc/cloud ] || printf 'ssh_deletekeys: false\nssh_genkeytypes: []\n' >/etc/cloud/cloud.cfg.d/99-mngr-host-key.cfg
cp -p "$here/next" "$key.mngr-new"
cp -p "$here/next.pub" "$key.pub.mngr-new"
chmod 644 "$key.pub.mngr-new"
mv -f "$key.pub.mngr-new" "$key.pub"
mv -f "$key.mngr-new" "$key"
for other in rsa ecdsa dsa; do rm -f "/etc/ssh/ssh_host_${other}_key" "/etc/ssh/ssh_host_${other}_key.pub"; done
mkdir -p /run/sshd
sshd=$(command -v sshd || echo /usr/sbin/sshd)
"$sshd" -t
systemctl reload ssh.service 2>/dev/null || systemctl reload sshd.service
