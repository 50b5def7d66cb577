#!/bin/sh
# docker-by-hand NAME KEY [IMAGE]: what `mngr create --provider docker` makes, as one would script it: a container with a volume, our key,
# a host key of its own, sshd on a loopback port; it is there when a whole ssh login works. `docker-by-hand --rm NAME` removes it.
set -eu
if [ "$1" = --rm ]; then
	docker rm -f -v "$2" >/dev/null
	docker volume rm -f "$2" >/dev/null
	exit
fi
name=$1 key=$2 image=${3:-mngr/agent:bookworm}
docker run -d --name "$name" -p 127.0.0.1::22 -v "$name:/mngr" -e "KEY=$(cat "$key.pub")" "$image" sh -c '
	rm -f /etc/ssh/ssh_host_*
	ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
	mkdir -p /root/.ssh /run/sshd
	echo "$KEY" >/root/.ssh/authorized_keys
	exec /usr/sbin/sshd -D' >/dev/null
port=$(docker port "$name" 22)
port=${port##*:}
tries=0
until ssh -F /dev/null -i "$key" -p "$port" -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=5 \
	-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1 true 2>/dev/null; do
	tries=$((tries + 1))
	[ $tries -lt 200 ] || exit 1
	sleep 0.1
done
