# host-key STEP [PUBLIC_KEY]: gives the machine an SSH host key that was made on it. Every step is repeatable.
#   make     prints the public key of the next host key, which is made here if it isn't there
#   install  makes it the only host key and has sshd take it; PUBLIC_KEY must be what `make` printed.
#            The old one is put back if sshd doesn't like the new one.
#   finish   forgets the old key; PUBLIC_KEY must be the one in use
set -eu
#include steps
umask 077
step=$1 wanted=${2:-}
here=/var/lib/mngr/host-key
key=/etc/ssh/ssh_host_ed25519_key
doing "make $here"
mkdir -p "$here"
doing 'wait for the lock (flock)'
exec 9>"$here/lock"
flock 9
sshd=$(command -v sshd || echo /usr/sbin/sshd)

public() { ssh-keygen -y -f "$1" </dev/null | cut -d ' ' -f 1,2; }
check() { mkdir -p /run/sshd && "$sshd" -t; }

# put PRIVATE: a key file becomes the host key, in one step.
put() {
	cp "$1" "$key.mngr-part"
	sync "$key.mngr-part" 2>/dev/null || true
	public "$1" >"$key.pub.mngr-part"
	chmod 644 "$key.pub.mngr-part"
	mv -f "$key.mngr-part" "$key"
	mv -f "$key.pub.mngr-part" "$key.pub"
}

case $step in
make)
	doing 'make a key (ssh-keygen)'
	if [ ! -f "$here/next" ]; then
		rm -f "$here/part" "$here/part.pub"
		ssh-keygen -q -t ed25519 -N '' -C mngr-host-key -f "$here/part" </dev/null
		mv -f "$here/part" "$here/next"
	fi
	public "$here/next"
	;;
install)
	doing 'compare the next key with the pinned one'
	[ "$(public "$here/next")" = "$wanted" ] || { echo "the next host key isn't the one that was pinned" >&2; exit 1; }
	if [ "$(public "$key")" != "$wanted" ]; then
		doing 'put the new key in the place of the old one'
		cp "$key" "$here/old"
		put "$here/next"
		# A later run of cloud-init mustn't bring the first key back.
		if [ -d /etc/cloud ]; then
			mkdir -p /etc/cloud/cloud.cfg.d
			printf 'ssh_deletekeys: false\nssh_genkeytypes: []\n' >/etc/cloud/cloud.cfg.d/99-mngr-host-key.cfg
		fi
		for other in rsa ecdsa dsa; do rm -f "/etc/ssh/ssh_host_${other}_key" "/etc/ssh/ssh_host_${other}_key.pub"; done
		doing 'have sshd check its configuration (sshd -t)'
		if ! check; then
			put "$here/old"
			exit 1
		fi
	fi
	doing 'have sshd take the key (systemctl reload)'
	said=$(systemctl reload ssh.service 2>&1) || systemctl reload sshd.service || {
		[ -z "$said" ] || printf '%s\n' "$said" >&2
		exit 1
	}
	;;
finish)
	doing 'compare the key in use with the pinned one'
	[ "$(public "$key")" = "$wanted" ] || { echo "the host key in use isn't the one that was pinned" >&2; exit 1; }
	doing 'forget the old key'
	rm -f "$here/old" "$here/next" "$here/part" "$here/part.pub"
	;;
esac
