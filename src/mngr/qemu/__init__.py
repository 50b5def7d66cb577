"""QEMU machines, whoever runs them: NoCloud seeds, overlays, QEMU's command line, the KVM probe, "SSH is up"."""
