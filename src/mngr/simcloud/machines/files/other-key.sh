# Gives the machine a host key that nobody was told of.
set -eu
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -A
systemctl restart ssh
