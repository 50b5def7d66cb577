"""What this Vultr sells: plans, regions and systems as the public lists show them, at list prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    id: str
    vcpu_count: int
    ram: int
    disk: int
    bandwidth: int
    monthly_cost: float
    hourly_cost: float
    type: str
    locations: tuple[str, ...]

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.id,
            "vcpu_count": self.vcpu_count,
            "ram": self.ram,
            "disk": self.disk,
            "disk_count": 1,
            "bandwidth": self.bandwidth,
            "monthly_cost": self.monthly_cost,
            "hourly_cost": self.hourly_cost,
            "invoice_type": "hourly",
            "type": self.type,
            "locations": list(self.locations),
        }


_REGIONS = (
    ("ewr", "New Jersey", "US", "North America"),
    ("ord", "Chicago", "US", "North America"),
    ("lax", "Los Angeles", "US", "North America"),
    ("atl", "Atlanta", "US", "North America"),
    ("yto", "Toronto", "CA", "North America"),
    ("ams", "Amsterdam", "NL", "Europe"),
    ("fra", "Frankfurt", "DE", "Europe"),
    ("lhr", "London", "GB", "Europe"),
    ("cdg", "Paris", "FR", "Europe"),
    ("waw", "Warsaw", "PL", "Europe"),
    ("nrt", "Tokyo", "JP", "Asia"),
    ("sgp", "Singapore", "SG", "Asia"),
    ("syd", "Sydney", "AU", "Australia"),
    ("sao", "São Paulo", "BR", "South America"),
)

REGIONS: dict[str, dict[str, Any]] = {
    id: {
        "id": id,
        "city": city,
        "country": country,
        "continent": continent,
        "options": ["ddos_protection", "block_storage", "kubernetes"],
        "connectivity": ["public_ip"],
    }
    for id, city, country, continent in _REGIONS
}

_ALL = tuple(REGIONS)
_AMD = tuple(id for id in _ALL if id not in ("sao", "waw"))
_FEW = ("ewr", "ord", "fra", "ams", "sgp")

PLANS: dict[str, Plan] = {
    plan.id: plan
    for plan in (
        Plan("vc2-1c-0.5gb-v6", 1, 512, 10, 512, 2.5, 0.004, "vc2", ("ewr", "atl")),
        Plan("vc2-1c-1gb", 1, 1024, 25, 1024, 5, 0.007, "vc2", _ALL),
        Plan("vc2-1c-2gb", 1, 2048, 55, 2048, 10, 0.015, "vc2", _ALL),
        Plan("vc2-2c-2gb", 2, 2048, 65, 3072, 15, 0.022, "vc2", _ALL),
        Plan("vc2-2c-4gb", 2, 4096, 80, 3072, 20, 0.03, "vc2", _ALL),
        Plan("vc2-4c-8gb", 4, 8192, 160, 4096, 40, 0.06, "vc2", _ALL),
        Plan("vc2-6c-16gb", 6, 16384, 320, 5120, 80, 0.119, "vc2", _ALL),
        Plan("vc2-8c-32gb", 8, 32768, 640, 6144, 160, 0.238, "vc2", _ALL),
        Plan("vhf-1c-1gb", 1, 1024, 32, 1024, 6, 0.009, "vhf", _AMD),
        Plan("vhf-2c-4gb", 2, 4096, 128, 3072, 24, 0.036, "vhf", _AMD),
        Plan("vhp-1c-1gb-amd", 1, 1024, 25, 2048, 6, 0.009, "vhp", _AMD),
        Plan("vhp-2c-4gb-amd", 2, 4096, 100, 5120, 24, 0.036, "vhp", _AMD),
        Plan("voc-g-2c-8gb-50s-amd", 2, 8192, 50, 5120, 60, 0.089, "voc-g", _FEW),
        Plan("voc-c-4c-8gb-75s-amd", 4, 8192, 75, 5120, 80, 0.119, "voc-c", _FEW),
    )
}

SYSTEMS: dict[int, dict[str, Any]] = {
    id: {"id": id, "name": name, "arch": "x64", "family": family}
    for id, name, family in (
        (167, "CentOS 7 x64", "centos"),
        (477, "Debian 11 x64 (bullseye)", "debian"),
        (1743, "Ubuntu 22.04 LTS x64", "ubuntu"),
        (2136, "Debian 12 x64 (bookworm)", "debian"),
        (2284, "Ubuntu 24.04 LTS x64", "ubuntu"),
        (159, "Custom", "iso"),
        (164, "Snapshot", "snapshot"),
        (180, "Backup", "backup"),
        (186, "Application", "application"),
    )
}

IMAGES = {2136: "stock"}
"""The systems whose machines can really be booted here, and the machine image that each is."""

MARKETPLACE = {"docker": "baked"}
"""Marketplace images likewise: Debian 12 with a Docker daemon."""

SNAPSHOT_GB_MONTH = 0.05
