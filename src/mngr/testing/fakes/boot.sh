# boot TOP: what happens inside a fake machine between power-on and power-off: cloud-init at the first boot, sshd,
# Docker's containers, the systemd units that were enabled; then it reaps orphans until the test session ends.
umask 022
first=
[ -e /var/lib/cloud/instance/boot-finished ] || first=1
hostname "$(sed -n 's/.*"local-hostname": "\([^"]*\)".*/\1/p' /.fakes/seed/meta-data)" 2>/dev/null
if [ -n "$first" ]; then perl /.fakes/code/client.pl /.fakes/server cloud-init config; fi
systemctl start ssh.service
docker boot
systemctl boot
if [ -n "$first" ]; then perl /.fakes/code/client.pl /.fakes/server cloud-init final; fi
# What runs in here can't kill process 1, only ask it to end.
trap 'exit 0' TERM
echo booted >&8
exec 8>&-
flock -s 9 &
wait $!
