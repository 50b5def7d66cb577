"""Virtual machines on libvirt: checked specs, images as overlays, NoCloud seeds, states and addresses."""
