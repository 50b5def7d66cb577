"""What this OVH sells: the 2025 range of VPSs, and the systems they can be installed with."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from mngr.simcloud.ovh.flavour import Flavour

MONTHS = {"default": 1, "upfront6": 6, "upfront12": 12}
"""Pricing modes, and the months each pays in advance. All but `default` engage for that time."""

DISCOUNTS = {"default": 1.0, "upfront6": 0.95, "upfront12": 0.9}


@dataclass(frozen=True)
class Plan:
    code: str
    vcore: int
    memory: int
    disk: int
    monthly: dict[str, float]

    @property
    def product(self) -> str:
        return f"VPS-{self.code[-1]} {self.vcore} vCPU {self.memory // 1024} GB RAM {self.disk} GB disk"

    def price(self, flavour: Flavour, mode: str) -> float:
        """For all the months that the mode pays at once, without tax."""
        return round(self.monthly[flavour.name] * MONTHS[mode] * DISCOUNTS[mode], 2)


PLANS = {
    plan.code: plan
    for plan in (
        Plan("vps-2025-model1", 1, 8192, 80, {"us": 7.99, "eu": 4.49}),
        Plan("vps-2025-model2", 2, 12288, 100, {"us": 12.75, "eu": 7.21}),
        Plan("vps-2025-model3", 4, 24576, 200, {"us": 23.5, "eu": 13.25}),
        Plan("vps-2025-model4", 8, 49152, 300, {"us": 41.8, "eu": 25.5}),
        Plan("vps-2025-model5", 16, 65536, 350, {"us": 62.5, "eu": 40.4}),
        Plan("vps-2025-model6", 24, 98304, 400, {"us": 85.0, "eu": 53.5}),
    )
}

IMAGES = {
    "Debian 12 - Docker": "ovh-docker",
    "Debian 12": "ovh-plain",
}
"""What can be installed, and its machine image. Nothing else is listed."""

SYSTEM_FAMILY = "vps-os"
"""The product's name of an order's line for the system [infer]."""

DEFAULT_USER = "debian"
"""Of both images: the one whom the rebuild key opens."""

_IMAGE_IDS = uuid.UUID("6f0a6a3e-56a2-4b52-9a7c-0c3d2f1b7e55")


def image_id(service: str, name: str) -> str:
    """Ids differ from VPS to VPS [live]."""
    return str(uuid.uuid5(_IMAGE_IDS, f"{service} {name}"))


def system_code(name: str) -> str:
    """The plan code of a system [infer]: `option-os-debian-12-docker`."""
    return f"option-os-{'-'.join(re.findall(r'[a-z0-9]+', name.lower()))}"


def offers(flavour: Flavour) -> list[dict[str, Any]]:
    """Model `order.cart.GenericProductDefinition[]`."""
    return [
        {
            "planCode": plan.code,
            "productName": plan.product,
            "productType": "cloud_service",
            "prices": [
                _pricing(flavour, "default", 0, 0.0, "installation"),
                *(
                    _pricing(flavour, mode, months, plan.price(flavour, mode), "renew")
                    for mode, months in MONTHS.items()
                ),
            ],
        }
        for plan in PLANS.values()
    ]


def duration(mode: str) -> str:
    """ISO 8601: P1M, P6M, P12M."""
    return f"P{MONTHS[mode]}M"


def _pricing(flavour: Flavour, mode: str, months: int, amount: float, capacity: str) -> dict[str, Any]:
    """Model `order.cart.GenericProductPricing`."""
    price = flavour.price(amount)
    return {
        "capacities": [capacity],
        "description": "Installation" if capacity == "installation" else f"Paid for {months} month(s)",
        "duration": f"P{months}M" if months else "P0D",
        "interval": months,
        "maximumQuantity": 10,
        "maximumRepeat": 1 if capacity == "installation" else None,
        "minimumQuantity": 1,
        "minimumRepeat": 1,
        "price": price,
        "priceInUcents": price["priceInUcents"],
        "pricingMode": mode,
        "pricingType": "purchase" if capacity == "installation" else "rental",
    }
