# Detaches this machine's loop devices. The kernel's are shared: those whose file isn't this one here are others'.
set -eu
losetup --list --noheadings --raw --output NAME,BACK-MAJ:MIN,BACK-INO | while read -r name device inode; do
    IFS= read -r path <"/sys/block/${name#/dev/}/loop/backing_file" || continue
    device=${device##*x20} # losetup pads it
    [ "$(stat -c '%Hd:%Ld %i' "$path" 2>/dev/null)" = "$device $inode" ] || continue
    umount --all-targets --lazy "$name" 2>/dev/null || true
    losetup --detach "$name" || true
done
