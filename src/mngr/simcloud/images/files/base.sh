#!/bin/sh
# mmdebstrap's last step for debian:bookworm-slim. $1: the new root. What Docker Hub's image has, too.
set -eu
root=$1
cat >"$root/etc/apt/apt.conf.d/docker" <<'EOF'
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Apt::AutoRemove::SuggestsImportant "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
EOF
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
