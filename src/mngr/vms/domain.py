"""A VM as libvirt's domain XML, made and read with an XML library. https://libvirt.org/formatdomain.html

The spec is in its metadata, in a namespace of ours, so whoever reads the domain knows what it was made of.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field

from mngr.qemu.command import KERNEL_LINE, MACHINE
from mngr.vms import notes
from mngr.vms import spec as specs
from mngr.vms.spec import BRIDGE, USER_NETWORK, VmSpec

NAMESPACE = "urn:mngr:vm:1"
QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
FORWARDED_FROM = "127.0.0.1"
#: Where the network card of USER_NETWORK is, on q35's first bus: libvirt, which doesn't know of it, puts nothing there.
CARD_SLOT = "0x1e"
AGENT_CHANNEL = "org.qemu.guest_agent.0"


@dataclass(frozen=True)
class Made:
    """What a VM gets beside its spec. `accel` is `kvm` or `tcg`, `reason` why. On USER_NETWORK: `port` is that of its SSH, 0
    elsewhere, and `address` the loopback address. `at`: when it was made (epoch s). `notes`: see notes.py.
    `devices`: PCI addresses beside the spec's GPUs, which go with these."""

    uuid: str
    disk: str
    seed: str
    accel: str
    reason: str = ""
    port: int = 0
    address: str = FORWARDED_FROM
    at: float = 0.0
    notes: Mapping[str, object] = field(default_factory=dict)
    devices: tuple[str, ...] = ()

    @property
    def mac(self) -> str:
        """Of its network card: QEMU's own prefix, and three bytes of the UUID."""
        digits = self.uuid.replace("-", "")[:6]
        return ":".join(("52:54:00", digits[0:2], digits[2:4], digits[4:6]))


@dataclass(frozen=True)
class Domain:
    """What a domain's XML says. `spec` is None if mngr didn't make it. Memory in MiB. `address`: with `port` alone."""

    name: str
    uuid: str
    memory_mib: int
    vcpus: int
    accel: str
    reason: str
    disks: tuple[str, ...]
    networks: tuple[str, ...]
    spec: VmSpec | None = None
    port: int = 0
    address: str = ""
    made_at: float | None = None


def write(spec: VmSpec, made: Made) -> str:
    """The XML of a VM. `spec` was checked. Raises ValueError if a text can't stand in XML."""
    _name_namespaces()
    domain = ET.Element("domain", type="kvm" if made.accel == "kvm" else "qemu")
    _add(domain, "name", spec.name)
    _add(domain, "uuid", made.uuid)
    metadata = _add(domain, "metadata")
    facts = {"accel_reason": made.reason, "port": str(made.port), "at": str(int(made.at))}
    if made.port and made.address != FORWARDED_FROM:
        facts["address"] = made.address
    note = _add(metadata, f"{{{NAMESPACE}}}vm", **facts)
    _add(note, f"{{{NAMESPACE}}}spec", specs.encode(spec))
    for name, value in made.notes.items():
        notes.add(metadata, name, value)
    _add(domain, "memory", str(spec.memory_mib * 1024), unit="KiB")
    _add(domain, "vcpu", str(spec.vcpus))
    _add(domain, "cpu", mode="host-passthrough" if made.accel == "kvm" else "maximum")
    _boot(domain, spec)
    features = _add(domain, "features")
    _add(features, "acpi")
    _add(features, "apic")
    _add(domain, "clock", offset="utc")
    for event, then in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        _add(domain, f"on_{event}", then)
    _devices(domain, spec, made)
    if spec.network == USER_NETWORK:
        _user_network(domain, spec, made)
    return ET.tostring(domain, encoding="unicode")


def read(xml: str) -> Domain:
    """What libvirt says of a domain. A metadata of ours that can't be read counts as none."""
    root = ET.fromstring(xml)
    note = root.find(f"metadata/{{{NAMESPACE}}}vm")
    spec, port, reason, address, at = None, 0, "", "", 0
    if note is not None:
        try:
            spec = specs.decode(note.findtext(f"{{{NAMESPACE}}}spec") or "")
            port, reason = int(note.get("port", "0")), note.get("accel_reason", "")
            address = note.get("address", FORWARDED_FROM) if port else ""
            at = int(note.get("at", "0"))
        except ValueError:
            spec = None
    networks = [
        source.get("network") or (BRIDGE + source.get("bridge", "") if source.get("bridge") else "?")
        for source in root.iterfind("devices/interface/source")
    ]
    return Domain(
        root.findtext("name") or "",
        root.findtext("uuid") or "",
        _mib(root.find("memory")),
        int(root.findtext("vcpu") or 0),
        "kvm" if root.get("type") == "kvm" else "tcg",
        reason,
        tuple(one.get("file") or "" for one in root.iterfind("devices/disk/source") if one.get("file")),
        (USER_NETWORK,) if port else tuple(networks),
        spec,
        port,
        address,
        at or None,
    )


def devices(xml: str) -> list[str]:
    """PCI addresses of this computer's devices that a domain has."""
    found = []
    for one in ET.fromstring(xml).iterfind("devices/hostdev[@type='pci']/source/address"):
        parts = [int(one.get(part, "0"), 0) for part in ("domain", "bus", "slot", "function")]
        found.append("{:04x}:{:02x}:{:02x}.{:x}".format(*parts))
    return found


def changed(xml: str, spec: VmSpec) -> str:
    """The same domain with that spec's memory and processors, and with the spec as what it was made of. `spec` was checked."""
    _name_namespaces()
    root = ET.fromstring(xml)
    for tag in ("memory", "currentMemory"):
        if (memory := root.find(tag)) is not None:
            memory.text = str(spec.memory_mib * 1024)
            memory.set("unit", "KiB")
    if (vcpu := root.find("vcpu")) is not None:
        vcpu.text = str(spec.vcpus)
        vcpu.attrib.pop("current", None)
    if (kept := root.find(f"metadata/{{{NAMESPACE}}}vm/{{{NAMESPACE}}}spec")) is not None:
        kept.text = specs.encode(spec)
    return ET.tostring(root, encoding="unicode")


def note(xml: str, spec: VmSpec) -> str:
    """Our part of that domain's metadata with another spec, as libvirt's setMetadata wants it: without a namespace."""
    found = ET.fromstring(xml).find(f"metadata/{{{NAMESPACE}}}vm")
    made = ET.Element("vm", found.attrib if found is not None else {})
    _add(made, "spec", specs.encode(spec))
    return ET.tostring(made, encoding="unicode")


def _name_namespaces() -> None:
    ET.register_namespace("mngr", NAMESPACE)
    ET.register_namespace("qemu", QEMU_NAMESPACE)


def _boot(domain: ET.Element, spec: VmSpec) -> None:
    os = _add(domain, "os")
    _add(os, "type", "hvm", arch="x86_64", machine=MACHINE)
    if spec.kernel:
        _add(os, "kernel", spec.kernel)
        if spec.initrd:
            _add(os, "initrd", spec.initrd)
        _add(os, "cmdline", spec.kernel_line or KERNEL_LINE)
    else:
        _add(os, "boot", dev="hd")


def _devices(domain: ET.Element, spec: VmSpec, made: Made) -> None:
    """No display, no USB, no sound: what isn't there takes no time at boot. The seed is a virtio disk, as the kernels of
    cloud images have no driver for a SATA CD-ROM."""
    devices = _add(domain, "devices")
    disk = _add(devices, "disk", type="file", device="disk")
    _add(disk, "driver", name="qemu", type="qcow2", discard="unmap")
    _add(disk, "source", file=made.disk)
    _add(disk, "target", dev="vda", bus="virtio")
    seed = _add(devices, "disk", type="file", device="disk")
    _add(seed, "driver", name="qemu", type="raw")
    _add(seed, "source", file=made.seed)
    _add(seed, "target", dev="vdb", bus="virtio")
    _add(seed, "readonly")
    _add(devices, "controller", type="usb", model="none")
    if spec.network != USER_NETWORK:
        bridge = spec.network.removeprefix(BRIDGE) if spec.network.startswith(BRIDGE) else ""
        card = _add(devices, "interface", type="bridge" if bridge else "network")
        _add(card, "mac", address=made.mac)
        _add(card, "source", **({"bridge": bridge} if bridge else {"network": spec.network}))
        _add(card, "model", type="virtio")
    _add(_add(devices, "serial", type="pty"), "target", port="0")
    _add(_add(devices, "console", type="pty"), "target", type="serial", port="0")
    _add(_add(devices, "channel", type="unix"), "target", type="virtio", name=AGENT_CHANNEL)
    for address in (*spec.gpus, *made.devices):
        at = re.split("[:.]", address)
        device = _add(devices, "hostdev", mode="subsystem", type="pci", managed="yes")
        words = dict(zip(("domain", "bus", "slot", "function"), (f"0x{one}" for one in at), strict=True))
        _add(_add(device, "source"), "address", **words)
    _add(_add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    _add(_add(devices, "video"), "model", type="none")


def _user_network(domain: ET.Element, spec: VmSpec, made: Made) -> None:
    """QEMU's own network with forwarded ports: libvirt can say that only with passt, which Debian's can't use."""
    pairs = spec.forwards or ((made.port, 22),)
    forwarded = "".join(f",hostfwd=tcp:{made.address}:{here}-:{there}" for here, there in pairs)
    line = _add(domain, f"{{{QEMU_NAMESPACE}}}commandline")
    for word in (
        "-netdev", f"user,id=mngr,ipv6=off{forwarded}",
        "-device", f"virtio-net-pci,netdev=mngr,mac={made.mac},romfile=,bus=pcie.0,addr={CARD_SLOT}",
    ):  # fmt: skip
        _add(line, f"{{{QEMU_NAMESPACE}}}arg", value=word)


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    for value in (text, *attributes.values()):
        if any(not _in_xml(char) for char in value):
            raise ValueError(f"{value!r} can't stand in XML")
    element = ET.SubElement(parent, tag, attributes)
    element.text = text or None
    return element


def _in_xml(char: str) -> bool:
    """https://www.w3.org/TR/xml/#charsets"""
    return (
        char in "\t\n\r"
        or (" " <= char <= "\ud7ff")
        or ("\ue000" <= char <= "\ufffd")
        or char >= "\U00010000"
    )


def _mib(memory: ET.Element | None) -> int:
    """libvirt answers in KiB."""
    return int(memory.text or 0) // 1024 if memory is not None else 0
