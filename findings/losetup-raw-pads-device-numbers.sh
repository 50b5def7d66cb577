#!/bin/sh
# losetup 2.38.1 (Debian 12: mount 2.38.1-5+deb12u3, libsmartcols1 of the same version).
#
# `--raw` and `--json` are the outputs for programs. One would expect the column BACK-MAJ:MIN (the device that the
# backing file is on) to be `254:0` there. Seen: the number keeps the padding of the table, on both sides. In JSON those
# are blanks within the text; with --raw each is written as the four characters `\x20`. MAJ:MIN is padded in the same
# way; OFFSET and SIZELIMIT aren't. Whoever compares the value with what stat(1) says, or takes the word as it is, finds
# no loop device on any disk.
#
# Needs root and a free loop device.
set -eu
work=$(mktemp -d)
loop=
finish() {
	[ -z "$loop" ] || losetup -d "$loop"
	rm -rf "$work"
}
trap finish EXIT
cd "$work"
apt-get -qq download mount=2.38.1-5+deb12u3 libsmartcols1=2.38.1-5+deb12u3 2>/dev/null
for package in *.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu:"$work"/root/lib/*-linux-gnu)
export LD_LIBRARY_PATH
losetup=$work/root/sbin/losetup
"$losetup" --version
truncate -s 1M file
loop=$("$losetup" --find --show file)
device=$(stat -c '%Hd:%Ld' file)
raw=$("$losetup" --raw --noheadings --output BACK-MAJ:MIN "$loop")
json=$("$losetup" --json --output BACK-MAJ:MIN "$loop" | sed -n 's/.*"back-maj:min": "\(.*\)".*/\1/p')
echo "stat: [$device]"
echo "raw:  [$raw]"
echo "json: [$json]"
case $raw in '\x20'*"$device"*'\x20') ;; *) echo "not padded any more" && exit 1 ;; esac
case $json in ' '*"$device"*' ') ;; *) echo "not padded any more" && exit 1 ;; esac
echo "as described"
