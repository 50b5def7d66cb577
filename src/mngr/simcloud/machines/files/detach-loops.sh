# Detaches this machine's loop devices. The kernel's are shared: those whose file isn't this one here are others'.
set -eu
# losetup pads the numbers with \x20, as four letters, before and behind.
losetup --list --noheadings --raw --output NAME,BACK-MAJ:MIN,BACK-INO | sed 's/\\x20//g' | while read -r name device inode; do
    IFS= read -r path <"/sys/block/${name#/dev/}/loop/backing_file" || continue
    [ "$(stat -c '%Hd:%Ld %i' "$path" 2>/dev/null)" = "$device $inode" ] || continue
    umount --all-targets --lazy "$name" 2>/dev/null || true
    losetup --detach "$name" || true
done
