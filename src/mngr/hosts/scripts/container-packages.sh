# container-packages: installs in a container what a host needs and the image lacks. Repeatable.
set -u
#include steps
lacks() {
	PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
	for command in sshd ssh-keygen tmux git rsync ps flock setsid awk tar; do command -v $command >/dev/null || return 0; done
	for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
		[ ! -e $file ] || return 1
	done
}
# Only for agents that aren't root; BusyBox's can't do it.
if ! lacks && setpriv --reuid=0 true 2>/dev/null; then exit 0; fi
if command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	doing 'install packages (apt-get)'
	apt-get -q update &&
		apt-get -q -y --no-install-recommends install openssh-server openssh-client tmux git rsync procps ca-certificates util-linux tar
	code=$?
	rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
elif command -v apk >/dev/null; then
	doing 'install packages (apk)'
	apk add --no-cache openssh tmux git rsync procps ca-certificates util-linux coreutils tar
	code=$?
elif command -v dnf >/dev/null || command -v microdnf >/dev/null; then
	doing 'install packages (dnf)'
	$(command -v dnf || command -v microdnf) install -y openssh-server openssh-clients tmux git rsync procps-ng ca-certificates util-linux gawk tar
	code=$?
else
	echo "the image has none of apt-get, apk, dnf: use one that has openssh-server, tmux, git, rsync, procps and ca-certificates" >&2
	exit 1
fi
rm -f /etc/ssh/ssh_host_*
[ $code -eq 0 ] || exit $code
! lacks || { echo "the packages were installed, and some of their commands still aren't there" >&2; exit 1; }
