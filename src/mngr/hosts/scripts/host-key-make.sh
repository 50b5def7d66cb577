# host-key-make: the public key of the machine's next SSH host key, which is made here if it isn't there.
# Repeatable; the private key never leaves the machine.
set -eu
umask 077
here=/var/lib/mngr/host-key
mkdir -p "$here"
exec 9>"$here/lock"
flock 9
if [ ! -f "$here/made" ]; then
	rm -f "$here/next" "$here/next.pub"
	ssh-keygen -q -t ed25519 -N '' -C mngr-host-key -f "$here/next" </dev/null
	touch "$here/made"
fi
cut -d ' ' -f 1,2 "$here/next.pub"
