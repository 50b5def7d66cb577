"""What a VM is to be: names and values, checked at the door. What passes can stand in XML, YAML and file names as it is."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import msgspec

from mngr.model.errors import InvalidInput
from mngr.model.names import check_name

USER_NETWORK = "user"
"""Not one of libvirt's: QEMU's own, which needs no rights. A port of this computer's loopback leads to the VM's SSH."""

BRIDGE = "bridge:"
"""Before the name of a bridge of this computer's, which a VM's card is put on."""

LEAST_MIB, MOST_MIB = 64, 16 * 1024 * 1024
MOST_VCPUS = 512
MOST_GIB = 64 * 1024
MOST_KEYS = 64
MOST_USER_DATA = 1024**2
MOST_FORWARDS = 16

#: As `ssh-keygen` writes them. https://www.iana.org/assignments/ssh-parameters
KEY_TYPES = {
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
}  # fmt: skip

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")
_NETWORK = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,62}|bridge:[A-Za-z0-9][A-Za-z0-9_.-]{0,14})\Z")
_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]\Z")
MOST_GPUS = 16
_PLAIN = re.compile(r"[ -~]*\Z")


class VmSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VM as it was asked for. It is kept in libvirt, beside the VM: a second create with the same is the same VM. `image_url` and `image_sha256` say where the
    image was to come from, if it was fetched.

    `image` (raw or qcow2) is what the disk is laid over, and stays as it is; `kernel` and `initrd`, if given, are booted with
    `kernel_line` instead of what is on the disk. `keys` are public ones, of `user` (default: the image's own user). Of the
    user data only its SHA-256 is here, as it may hold secrets. `cloned_from`: the UUID of the VM that this is a clone of. `gpus`: PCI addresses of
    this computer's devices that are handed to it.

    `forwards`, on USER_NETWORK alone: (port here, the guest's port) pairs. The VM has a loopback address of its own then, for
    its life, at which these ports lead to it; without, its SSH is at a free port of 127.0.0.1.
    """

    name: str
    image: str
    memory_mib: int = 2048
    vcpus: int = 2
    disk_gib: int = 20
    network: str = "default"
    user: str = ""
    keys: tuple[str, ...] = ()
    user_data_sha256: str = ""
    kernel: str = ""
    initrd: str = ""
    kernel_line: str = ""
    autostart: bool = False
    image_url: str = ""
    image_sha256: str = ""
    forwards: tuple[tuple[int, int], ...] = ()
    cloned_from: str = ""
    gpus: tuple[str, ...] = ()
    pool: str = ""

    @property
    def hostname(self) -> str:
        return self.name.replace("_", "-").rstrip("-")


def check(spec: VmSpec) -> VmSpec:
    """`spec` itself, if each of its values can be used; its files are not looked at. Raises InvalidInput."""
    check_name(spec.name, "VM name")
    _between(spec.memory_mib, LEAST_MIB, MOST_MIB, "memory", "MiB")
    _between(spec.vcpus, 1, MOST_VCPUS, "vcpus", "")
    _between(spec.disk_gib, 1, MOST_GIB, "disk", "GiB")
    if not _NETWORK.match(spec.network):
        raise InvalidInput(
            f"network {spec.network!r} can't be used",
            hint=f"name one of libvirt's networks, {USER_NETWORK!r}, or {BRIDGE}NAME for a bridge of this computer's",
        )
    check_user(spec.user)
    for one in spec.gpus:
        if not _PCI.match(one):
            raise InvalidInput(
                f"GPU {one[:40]!r} is no PCI address", hint="such as 0000:01:00.0; `mngr vm host` lists them"
            )
    if len(spec.gpus) > MOST_GPUS or len(set(spec.gpus)) != len(spec.gpus):
        raise InvalidInput(
            "a GPU is there twice, or there are too many", hint=f"each once, at most {MOST_GPUS}"
        )
    if spec.pool:
        check_name(spec.pool, "pool name")
    check_path(spec.image, "image")
    for path, what in ((spec.kernel, "kernel"), (spec.initrd, "initrd")):
        if path:
            check_path(path, what)
    if not spec.kernel and (spec.initrd or spec.kernel_line):
        raise InvalidInput("an initrd or a kernel's line without a kernel", hint="give the kernel, too")
    if not _PLAIN.match(spec.kernel_line) or len(spec.kernel_line) > 2000:
        raise InvalidInput(f"the kernel's line {spec.kernel_line[:80]!r} can't be used", hint="plain ASCII")
    _check_forwards(spec)
    if len(spec.keys) > MOST_KEYS:
        raise InvalidInput(f"{len(spec.keys)} keys are too many", hint=f"at most {MOST_KEYS}")
    for key in spec.keys:
        if check_key(key) != key:
            raise InvalidInput(
                f"key {key[:60]!r} isn't in its plain form", hint="give one line, without blanks around"
            )
    for digest in (spec.user_data_sha256, spec.image_sha256):
        if digest and not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise InvalidInput(f"{digest[:80]!r} is no SHA-256")
    if not _PLAIN.match(spec.image_url) or len(spec.image_url) > 2048:
        raise InvalidInput(f"image address {spec.image_url[:80]!r} can't be used", hint="plain ASCII")
    return spec


def _check_forwards(spec: VmSpec) -> None:
    if not spec.forwards:
        return
    if spec.network != USER_NETWORK:
        raise InvalidInput(
            f"ports can't be forwarded on network {spec.network!r}",
            hint=f"VMs there have addresses; network {USER_NETWORK!r} forwards",
        )
    if len(spec.forwards) > MOST_FORWARDS or len({here for here, _ in spec.forwards}) < len(spec.forwards):
        raise InvalidInput(f"at most {MOST_FORWARDS} ports are forwarded, each once")
    for pair in spec.forwards:
        for port in pair:
            _between(port, 1, 65535, "port", "")


def check_user(user: str) -> str:
    """Whose keys they are to be; empty for the image's own user. Raises InvalidInput."""
    if user and not _USER.match(user):
        raise InvalidInput(
            f"user {user!r} can't be used",
            hint="use lower-case letters, digits, - and _, at most 32, starting with a letter or _",
        )
    if user == "root":
        raise InvalidInput(
            "user 'root' can't be used: images let nobody log in as root by a key",
            hint="name another user, who may sudo, or none for the image's own",
        )
    return user


def check_key(text: str) -> str:
    """A public key as one line, without blanks around it. Raises InvalidInput; what may be a private key is never shown."""
    line = text.strip()
    if "PRIVATE KEY" in line:
        raise InvalidInput(
            "that is a private key, which stays where it is",
            hint="give the public one: the file that ends in .pub",
        )
    kind, _, rest = line.partition(" ")
    data = rest.partition(" ")[0]
    shown = f"{line[:40]!r}{'…' if len(line) > 40 else ''}"
    if kind not in KEY_TYPES or len(line) > 16384 or not line.isprintable():
        raise InvalidInput(
            f"{shown} is no public SSH key",
            hint="give one line such as 'ssh-ed25519 AAAA… comment', as ssh-keygen writes it",
        )
    try:
        raw = base64.b64decode(data, validate=True)
    except ValueError:  # also binascii.Error
        raw = b""
    if not raw.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        raise InvalidInput(
            f"{shown} is a damaged public SSH key", hint="copy it again from the file that ends in .pub"
        )
    return line


def key_pattern() -> str:
    """A regular expression of the public keys that `check_key` takes, with a comment in ASCII at most."""
    base64s = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    kinds = []
    for kind in sorted(KEY_TYPES):
        begins = len(kind).to_bytes(4, "big") + kind.encode()
        whole, bits = divmod(len(begins) * 8, 6)
        text = base64.b64encode(begins).decode()
        fixed = text[:whole].replace("+", "[+]")
        if bits:  # the next character is fixed in part
            value = base64s.index(text[whole]) >> (6 - bits)
            fixed += f"[{''.join(one for one in base64s if base64s.index(one) >> (6 - bits) == value)}]"
        rest = -(whole + bool(bits)) % 4
        kinds.append(f"{kind.replace('.', '[.]')} {fixed}[A-Za-z0-9+/]{{{rest}}}")
    return f"^({'|'.join(kinds)})([A-Za-z0-9+/]{{4}})*([A-Za-z0-9+/]{{2}}==|[A-Za-z0-9+/]{{3}}=)?( [ -~]{{0,80}})?$"


def check_user_data(data: bytes) -> bytes:
    """cloud-init's user data, if cloud-init will know it as such: otherwise it would be ignored without a word.
    https://cloudinit.readthedocs.io/en/latest/explanation/format.html Raises InvalidInput."""
    if len(data) > MOST_USER_DATA:
        raise InvalidInput(f"{len(data)} bytes of user data are too many", hint=f"at most {MOST_USER_DATA}")
    starts = (b"#cloud-config", b"#!", b"#include", b"#cloud-boothook", b"#part-handler", b"Content-Type:", b"MIME-Version:",
              b"## template: jinja", b"\x1f\x8b")  # fmt: skip
    if data and not data.startswith(starts):
        raise InvalidInput(
            f"user data that begins with {data[:20]!r} would be ignored by cloud-init",
            hint="begin it with #cloud-config or #!",
        )
    return data


def differences(there: VmSpec, wanted: VmSpec) -> list[str]:
    """What differs, as `memory_mib is 1024, not 2048`. Where images came from is compared if both were fetched."""
    fields = list(VmSpec.__struct_fields__)
    if not (there.image_url and wanted.image_url):
        fields = [one for one in fields if one not in ("image_url", "image_sha256")]
    pairs = [(one, getattr(there, one), getattr(wanted, one)) for one in fields]
    return [
        f"{name} differs" if name in ("keys", "user_data_sha256") else f"{name} is {old!r}, not {new!r}"
        for name, old, new in pairs
        if old != new
    ]


def encode(spec: VmSpec) -> str:
    return msgspec.json.encode(spec).decode()


def decode(text: str) -> VmSpec:
    """Raises ValueError."""
    return msgspec.json.decode(text, type=VmSpec)


def _between(value: int, least: int, most: int, what: str, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"{what} {value!r} can't be used", hint=f"{least} to {most} {unit}".strip())


def check_path(text: str, what: str) -> None:
    """Raises InvalidInput unless it is one that libvirt and QEMU read as we do. A comma would have to be doubled in QEMU's lists, so it isn't taken."""
    if (
        not text.isprintable()
        or "," in text
        or not Path(text).is_absolute()
        or len(text.encode()) > 1024
        or ".." in Path(text).parts
    ):
        raise InvalidInput(
            f"{what} {text!r} can't be used",
            hint="give an absolute path of printable characters, without commas and ..",
        )
