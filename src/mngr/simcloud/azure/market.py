"""Whether a size can be had in a region: capacity, restrictions and the subscription's quota, as a test sets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.azure.catalog import FAMILIES, REGIONS, SIZES
from mngr.simcloud.match import refuse_unknown

CAPACITY = ("ok", "none", "late", "restricted")
"""`none`: SkuNotAvailable on the PUT; `late`: AllocationFailed after it; `restricted`: as none, and the SKUs say so."""
CORES = 10
"""The quota of a new subscription: cores in a region, and of a family there."""


@dataclass
class Market:
    capacity: dict[tuple[str, str], str] = field(default_factory=dict)
    """(region, size in lower case), each maybe `*`."""
    quota: dict[tuple[str, str], int] = field(default_factory=dict)
    """(region, family, or `cores`, `lowPriorityCores`)."""

    def has(self, region: str, size: str) -> str:
        for key in ((region, size), (region, "*"), ("*", size), ("*", "*")):
            if key in self.capacity:
                return self.capacity[key]
        return "ok"

    def limit(self, region: str, family: str) -> int:
        for key in ((region, family), ("*", family)):
            if key in self.quota:
                return self.quota[key]
        return CORES

    def set_capacity(self, data: dict[str, Any]) -> None:
        """As `POST /capacity` gets it. Raises ValueError."""
        refuse_unknown("capacity", data, ("region", "size", "is"))
        region, size = data.get("region", "*"), str(data.get("size", "*")).lower()
        if data.get("is") not in CAPACITY:
            raise ValueError(f"capacity: is must be one of {', '.join(CAPACITY)}")
        if (region != "*" and region not in REGIONS) or (size != "*" and size not in SIZES):
            raise ValueError(f"capacity: no size {size} in {region} here")
        self.capacity[region, size] = data["is"]

    def set_quota(self, data: dict[str, Any]) -> None:
        """As `POST /quota` gets it. Raises ValueError."""
        refuse_unknown("quota", data, ("region", "family", "limit"))
        region, family, limit = data.get("region", "*"), data.get("family", "cores"), data.get("limit")
        if family not in (*FAMILIES, "cores", "lowPriorityCores"):
            raise ValueError(f"quota: family is cores, lowPriorityCores or one of {', '.join(FAMILIES)}")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
            raise ValueError("quota: limit is a number of cores")
        self.quota[region, family] = limit

    def view(self) -> dict[str, Any]:
        return {
            "capacity": [
                {"region": region, "size": size, "is": state}
                for (region, size), state in self.capacity.items()
            ],
            "quota": [
                {"region": region, "family": family, "limit": limit}
                for (region, family), limit in self.quota.items()
            ],
        }
