#!/bin/sh
# Docker 20.10.24 (Debian 12: docker.io 20.10.24+dfsg1-1+deb12u1, containerd 1.6.20, runc 1.1.5).
#
# dockerd is killed (SIGKILL) while containers run, and started again. They run on meanwhile; the new daemon ends them
# and then applies their restart policy. One would expect `unless-stopped` to act as `always` here, as nobody stopped
# anything, and it does so when dockerd is ended by SIGTERM. Seen: after a kill, `always` and `on-failure` come back;
# `unless-stopped` stays down (exit code 143), as if it had been stopped by hand. Whoever keeps services by
# `unless-stopped` finds them down after a crash of the daemon, and up after a clean restart.
#
# Needs root, cgroups, and Debian 12's package lists. Uses a daemon of its own, with folders and a network namespace of its own.
set -eu
if [ $# -eq 0 ]; then
	script=$(readlink -f "$0") work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cd "$work"
	chmod 755 .
	apt-get -qq download docker.io=20.10.24+dfsg1-1+deb12u1* containerd=1.6.20~ds1-1+deb12u3 \
		runc=1.1.5+ds1-1+deb12u1 busybox-static=1:1.35.0-4+deb12u1* 2>/dev/null
	for package in *.deb; do dpkg -x "$package" root; done
	# A network namespace, as a second daemon takes the first one's bridge away.
	unshare --net sh "$script" "$work"
	exit
fi
work=$1
daemon='' containerd=''
finish() {
	for process in $daemon $containerd; do
		{ kill "$process" && wait "$process"; } 2>/dev/null || true
	done
	pkill -f "^$work/" || true # what kept containers, if we failed
	sleep 1
	grep -o "${work}[^ ]*" /proc/self/mounts | sort -r | while read -r mounted; do umount -l "$mounted" 2>/dev/null || true; done
}
trap finish EXIT
cd "$work"
PATH=$work/root/usr/bin:$work/root/usr/sbin:$work/root/sbin:$PATH
export PATH DOCKER_HOST="unix://$work/socket"

containerd --root "$work/containerd" --state "$work/state" --address "$work/containerd.sock" >"$work/containerd.log" 2>&1 &
containerd=$!
start() {
	dockerd --containerd "$work/containerd.sock" --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" \
		--bridge none --iptables=false --storage-driver vfs >>"$work/log" 2>&1 &
	daemon=$!
	tries=0
	until docker info >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 240 ] || { tail -5 "$work/log" >&2 && exit 1; }
		sleep 0.5
	done
}
states() { for policy in always on-failure unless-stopped; do echo "$policy $(docker inspect -f '{{.State.Status}}' "$policy")"; done; }

start
echo "docker $(docker version -f '{{.Server.Version}}')"
mkdir image && cp root/bin/busybox image/
tar -C image -c . | docker import -c 'CMD ["/busybox","sleep","100000"]' - one >/dev/null
for policy in always on-failure unless-stopped; do
	docker run -d --network none --name $policy --restart $policy one >/dev/null
done
kill "$daemon"
wait "$daemon" || true
start
sleep 3
echo "after SIGTERM:" && states | tee term
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || true
start
sleep 3
echo "after SIGKILL:" && states | tee kill
docker rm -f always on-failure unless-stopped >/dev/null
printf '%s\n' 'always running' 'on-failure running' 'unless-stopped running' | cmp - term
printf '%s\n' 'always running' 'on-failure running' 'unless-stopped exited' | cmp - kill
echo "as described"
