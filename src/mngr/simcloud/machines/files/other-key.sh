# Gives the machine a host key that nobody was told of. Its first boot may be restarting sshd at the same time.
set -eu
rm -f /etc/ssh/ssh_host_*
for _ in 1 2 3 4 5 6; do
	ssh-keygen -q -A
	systemctl reset-failed ssh 2>/dev/null || true
	if systemctl restart ssh; then exit 0; fi
	sleep 1
done
exit 1
