"""An example of each request and answer, by the name of its shape, as OpenAPI shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mngr.vmservice.shapes import IMAGE

UUID = "6a1f2c9e-3a53-4a0e-9c55-0d5f3c1b7a42"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDx8yqvYmOCm2ZBPFqMoVXCJ1L1oMcKQmEwPlx4tJq4 my-key"
SHA256 = "2f5a3c0e7d9b4c1a8e6f0d2b4a6c8e0f1a3c5e7092b4d6f8a0c2e4f60718293a"

_VM = {"name": "test-env", "uuid": UUID, "state": "running", "memory": 4096, "vcpus": 2, "autostart": False}
_DETAILS = {
    **_VM, "ip": "192.168.122.63", "sshPort": 22, "addressFrom": "lease", "noAddress": None, "acceleration": "kvm",
    "accelerationReason": "a guest was tried", "networks": ["default"], "diskSize": 20, "image": SHA256,
    "disks": ["/var/lib/libvirt/images/test-env-6a1f2c9e.qcow2"],
    "spec": {"name": "test-env", "image": f"/var/lib/libvirt/images/images/{SHA256}.img", "memory_mib": 4096, "vcpus": 2},
}  # fmt: skip
_CREATE = {
    "name": "test-env", "memory": 4096, "vcpus": 2, "diskSize": 20, "network": "default", "imageUrl": IMAGE,
    "sshKeys": ["my-key"], "user": "dev",
}  # fmt: skip
_TAGS = {"mngr-host-id": "host-0123456789abcdef"}
_MACHINE = {
    "name": "mngr-libvirt-box-0123abcd", "state": "running", "address": "192.168.122.64", "sshPort": 22, "ours": True,
    "memory": 2048, "vcpus": 2, "diskSize": 20, "tags": _TAGS, "agents": [], "madeAt": 1796032800.0, "offAt": None, "offBy": "",
}  # fmt: skip
_KEY = {
    "name": "my-key", "publicKey": PUBLIC_KEY, "privateKeyPath": "/app/ssh_keys/my-key",
    "publicKeyPath": "/app/ssh_keys/my-key.pub",
}  # fmt: skip
_SNAPSHOT = {
    "name": "before",
    "state": "running",
    "createdAt": "2026-11-30T12:00:00+00:00",
    "current": True,
}
_INJECTED = {
    "status": "injected", "vm": "test-env", "key": "my-key", "user": None, "applied": "next boot",
    "reason": "its guest agent isn't connected",
}  # fmt: skip
_OPERATION = {
    "id": "op-0123456789abcdef", "action": "vm_create", "target": "test-env", "state": "running",
    "progress": {"phase": "image", "detail": "fetching", "done": 104857600, "total": 425721856},
    "createdAt": "2026-11-30T12:00:00+00:00", "endedAt": None, "result": None, "problem": None,
}  # fmt: skip
_NETWORK = {
    "name": "agents", "mode": "nat", "cidr": "192.168.150.0/24", "bridge": "virbr1", "active": True, "autostart": True,
    "vms": ["test-env"],
}  # fmt: skip
_POOL = {
    "name": "fast", "kind": "dir", "path": "/srv/fast", "active": True, "autostart": True, "capacity": 500107862016,
    "available": 321402392576, "vms": [],
}  # fmt: skip
_GPU = {
    "address": "0000:01:00.0", "vendor": "NVIDIA Corporation", "product": "AD102", "driver": "vfio-pci", "problem": None,
    "vms": [],
}  # fmt: skip

EXAMPLES: Mapping[str, Any] = {
    # requests
    "Nothing": {},
    "VmName": {"name": "test-env"},
    "VmCreate": _CREATE,
    "VmChange": {"name": "test-env", "memory": 8192, "diskSize": 40},
    "VmClone": {"vm": "test-env", "name": "test-env-2"},
    "VmStop": {"name": "test-env", "force": True, "timeout": 30},
    "VmWait": {"name": "test-env", "until": "ready", "timeout": 60},
    "VmExec": {"name": "test-env", "command": "uname -r"},
    "VmRef": {"vm": "test-env"},
    "SnapshotCreate": {"vm": "test-env", "name": "before"},
    "SnapshotRef": {"vm": "test-env", "snapshot": "before"},
    "MachineCreate": {
        "name": "mngr-libvirt-box-0123abcd", "imageUrl": IMAGE, "tags": _TAGS, "userData": "#cloud-config\n{}\n",
        "forwards": [],
    },
    "MachineChange": {"name": "mngr-libvirt-box-0123abcd", "put": {"mngr-ready": "1"}, "drop": ["mngr-until"]},
    "MachinePower": {"name": "mngr-libvirt-box-0123abcd", "on": False},
    "KeyCreate": {"name": "my-key", "comment": "My SSH Key", "type": "ed25519"},
    "KeyRef": {"name": "my-key"},
    "KeyInject": {"vmName": "test-env", "keyName": "my-key", "user": "dev"},
    "VmKey": {"vmName": "test-env", "keyName": "my-key"},
    "VmKeys": {"vmName": "test-env"},
    "OperationsAsked": {"state": "running"},
    "OperationRef": {"operation": "op-0123456789abcdef", "wait": 60},
    "NetworkCreate": {"name": "agents", "mode": "nat", "cidr": "192.168.150.0/24"},
    "NetworkRef": {"network": "agents"},
    "PoolCreate": {"name": "fast", "path": "/srv/fast"},
    "PoolRef": {"pool": "fast"},
    # answers
    "str": PUBLIC_KEY,
    "Vms": {"vms": [_VM]},
    "VmDetails": _DETAILS,
    "VmChanged": {**_DETAILS, "memory": 8192, "diskSize": 40, "atNextStart": ["memory"]},
    "Status": {"status": "started", "vm": "test-env"},
    "Ended": {"vm": "test-env", "exitCode": 0, "stdout": "6.1.0-41-cloud-amd64\n", "stderr": "", "cut": False},
    "Snapshots": {"vm": "test-env", "snapshots": [_SNAPSHOT]},
    "Snapshot": _SNAPSHOT,
    "SnapshotStatus": {"status": "restored", "vm": "test-env", "snapshot": "before", "state": "running"},
    "Machines": {"machines": [_MACHINE]},
    "Machine": _MACHINE,
    "Checked": {"status": "ok"},
    "Key": _KEY,
    "Keys": {"keys": [_KEY]},
    "KeyDeleted": {"status": "deleted", "key": "my-key"},
    "Injected": _INJECTED,
    "InjectedKeys": {
        "keys": [{"key": "my-key", "publicKey": PUBLIC_KEY, "user": None, "applied": "now", "reason": None}]
    },
    "Operations": {"operations": [_OPERATION]},
    "Operation": _OPERATION,
    "Networks": {"networks": [_NETWORK]},
    "Network": _NETWORK,
    "NetworkStatus": {"status": "started", "network": "agents"},
    "Pools": {"pools": [_POOL]},
    "Pool": _POOL,
    "PoolStatus": {"status": "deleted", "pool": "fast"},
    "Templates": {
        "templates": [
            {
                "name": "debian-12", "path": "/root/.mngr/templates/debian-12.toml", "about": "Debian 12", "imageUrl": IMAGE, "imageSha256": None, "user": None, "packages": [],
                "memory": 2048, "vcpus": 2, "diskSize": 20,
            }
        ],
        "problems": [],
    },
    "Images": {
        "images": [
            {
                "sha256": SHA256, "urls": [IMAGE], "format": "qcow2", "size": 425721856, "diskSize": 3221225472,
                "path": f"/var/lib/libvirt/images/images/{SHA256}.img", "fetchedAt": 1796032800.0, "usedAt": 1796032800.0,
                "needed": True,
            }
        ]
    },
    "Host": {
        "uri": "qemu:///system", "libvirt": "9.0.0", "acceleration": "kvm", "accelerationReason": "a guest was tried",
        "storage": "/var/lib/libvirt/images", "gpus": [_GPU],
    },
}  # fmt: skip


def put(route: dict[str, Any], request: type[Any], answer: type[Any]) -> None:
    """Into what OpenAPI says of a route. What stands in its path isn't in its body."""
    for content in route["responses"]["200"]["content"].values():
        content["example"] = EXAMPLES[answer.__name__]
    if "requestBody" in route:
        in_path = {one["name"] for one in route.get("parameters", ()) if one["in"] == "path"}
        body = {key: value for key, value in EXAMPLES[request.__name__].items() if key not in in_path}
        route["requestBody"]["content"]["application/json"]["example"] = body
