"""Instances, snapshots and SSH keys as this cloud keeps them. Schemas `instance`, `snapshot`, `ssh`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mngr.simcloud.clock import iso
from mngr.simcloud.vultr.catalog import PLANS, SYSTEMS

PASSWORD_SHOWN_S = 600
"""`default_password` is answered for about ten minutes after deployment."""


@dataclass(frozen=True)
class Instance:
    id: str
    created: float
    region: str
    plan: str
    os_id: int
    image_id: str
    snapshot_id: str
    label: str
    hostname: str
    tags: tuple[str, ...]
    user_data: str
    ssh_keys: tuple[str, ...]
    enable_ipv6: bool
    password: str
    main_ip: str = "0.0.0.0"
    status: str = "pending"
    power_status: str = "running"
    server_status: str = "none"
    firewall_group_id: str = ""
    user_scheme: str = "root"

    def view(self, now: float) -> dict[str, Any]:
        plan = PLANS[self.plan]
        here = self.main_ip != "0.0.0.0"
        view = {
            "id": self.id,
            "os": SYSTEMS[self.os_id]["name"],
            "ram": plan.ram,
            "disk": plan.disk if here else 0,
            "main_ip": self.main_ip,
            "vcpu_count": plan.vcpu_count,
            "region": self.region,
            "date_created": iso(self.created),
            "status": self.status,
            "power_status": self.power_status,
            "server_status": self.server_status,
            "allowed_bandwidth": plan.bandwidth,
            "netmask_v4": "255.0.0.0" if here else "",
            "gateway_v4": "127.0.0.1" if here else "0.0.0.0",
            "v6_network": "",
            "v6_main_ip": "",
            "v6_network_size": 0,
            "hostname": self.hostname,
            "label": self.label,
            "tag": self.tags[0] if self.tags else "",
            "internal_ip": "",
            "vpc_only": False,
            "kvm": "",
            "os_id": self.os_id,
            "app_id": 0,
            "image_id": self.image_id,
            "snapshot_id": self.snapshot_id,
            "firewall_group_id": self.firewall_group_id,
            "features": ["ipv6"] if self.enable_ipv6 else [],
            "plan": self.plan,
            "tags": list(self.tags),
            "user_scheme": self.user_scheme,
        }
        if now - self.created < PASSWORD_SHOWN_S:
            view["default_password"] = self.password
        return view


@dataclass(frozen=True)
class Snapshot:
    id: str
    created: float
    description: str
    instance: str
    os_id: int
    size: int = 0
    status: str = "pending"

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "date_created": iso(self.created),
            "description": self.description,
            "size": self.size,
            "compressed_size": self.size // 2,
            "status": self.status,
            "os_id": self.os_id,
            "app_id": 0,
        }


@dataclass(frozen=True)
class SshKey:
    id: str
    created: float
    name: str
    ssh_key: str

    def view(self) -> dict[str, Any]:
        return {"id": self.id, "date_created": iso(self.created), "name": self.name, "ssh_key": self.ssh_key}
