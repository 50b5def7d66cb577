# Makes a disk image ($1) that boots by itself of one ($2) that needs its kernel given ($3, a tar), with the kernel's line $4:
# GRUB's first sector goes before the file system, where ext4 leaves room, and the rest of it into a file. Read from standard input.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends grub-pc-bin >/dev/null
cd "$(mktemp -d)"
tar -xf "$3" boot
printf 'set root=(hd0)\nlinux /boot/vmlinuz %s\ninitrd /boot/initrd\nboot\n' "$4" >config
grub-mkimage -O i386-pc -p /boot -c config -o core.img biosdisk ext2 linux boot
cp --sparse=always "$2" "$1"
for file in boot/vmlinuz boot/initrd core.img; do
    debugfs -w -R "write $file boot/$(basename "$file")" "$1" >/dev/null 2>&1
done
python3 - "$1" <<'END'
import struct, subprocess, sys

image = sys.argv[1]
told = subprocess.run(["debugfs", "-R", "blocks /boot/core.img", image], capture_output=True, text=True, check=True).stdout
sectors = [int(block) * 8 + at for block in told.split() for at in range(8)]
if sectors != list(range(sectors[0], sectors[0] + len(sectors))):
    sys.exit("core.img isn't in one piece")
with open("/usr/lib/grub/i386-pc/boot.img", "rb") as file:
    first = bytearray(file.read(512))
struct.pack_into("<Q", first, 0x5C, sectors[0])
first[0x66:0x68] = b"\x90\x90"  # it is a hard disk
with open(image, "r+b") as file:
    file.write(first)
    file.seek(sectors[0] * 512 + 0x1F4)  # where diskboot.img has the place of what follows it
    file.write(struct.pack("<QH", sectors[0] + 1, len(sectors) - 1))
END
