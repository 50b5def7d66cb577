"""What Azure asks for an hour: the Retail Prices API, which needs no login; kept for a day, as it is slow.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from mngr.model.background import each
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import MngrError
from mngr.vps_docker.http import Call, Failed
from mngr.vps_docker.http_wire import wire_to

FRESH_S = 86400
LIMIT_S = 5.0
HOURS_A_MONTH = 730


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    per_hour: float


class Prices:
    """`folder`: where answers are kept. Nothing here ever fails: a price that can't be had is None."""

    def __init__(self, url: str, folder: Path, clock: Clock = SYSTEM, transport: Any = None) -> None:
        ca_file = os.environ.get("REQUESTS_CA_BUNDLE", "")
        self._wire = wire_to(url, {}, timeout=LIMIT_S, transport=transport, ca_file=ca_file)
        self._path = folder / "prices.json"
        self._clock = clock
        self._lock = threading.Lock()

    def per_hour(self, region: str, size: str, *, spot: bool = False) -> float | None:
        """In US dollars, for Linux, without disk and address."""
        wanted = (
            f"serviceName eq 'Virtual Machines' and armRegionName eq '{region}' and armSkuName eq '{size}'"
        )
        key = f"{region} {size}{' spot' if spot else ''}"
        return self._price(key, wanted, lambda row: _vm(row, spot))

    def rest_per_hour(self, region: str, disk: str, gigabytes: int | None) -> float | None:
        """In US dollars: of a disk of that kind (`StandardSSD_LRS`) and size, and of an address. That goes on while the VM is
        deallocated. None unless both are known."""
        tier = _tier(disk, gigabytes)
        if tier is None:
            return None
        product, sku = tier
        of_region = f"armRegionName eq '{region}' and productName eq"
        both = each(
            lambda one: self._price(*one),
            [
                (
                    f"{region} {sku}",
                    f"serviceName eq 'Storage' and {of_region} '{product}' and skuName eq '{sku}'",
                    lambda row: _month(row, sku),
                ),
                (
                    f"{region} address",
                    f"serviceName eq 'Virtual Network' and {of_region} 'IP Addresses' and meterName eq '{_ADDRESS}'",
                    lambda row: _consumed(row) if row["unitOfMeasure"] == "1 Hour" else None,
                ),
            ],
        )
        known = [one for one in both if one is not None]
        return sum(known) if len(known) == len(both) else None

    def _price(self, key: str, wanted: str, price: Callable[[Any], float | None]) -> float | None:
        """The lowest that `price` reads in the rows of that filter: as kept, or as asked."""
        kept, key = self._read(), key.lower()
        if key in kept and self._clock.now() - kept[key].at < FRESH_S:
            return kept[key].per_hour
        try:
            call = Call(method="GET", path="/api/retail/prices", params={"$filter": wanted})
            answer = self._wire.send(call)  # once: nobody waits for a price
            said = answer.json() if answer.status == 200 else None
        except (Failed, MngrError, ValueError):
            said = None
        rows = said.get("Items") if isinstance(said, dict) else None
        if not isinstance(rows, list):
            return kept[key].per_hour if key in kept else None
        found = min((one for row in rows if (one := _read_row(row, price)) is not None), default=None)
        if found is not None:
            with self._lock:
                self._write({**self._read(), key: _Kept(at=self._clock.now(), per_hour=found)})
        return found

    def _read(self) -> dict[str, _Kept]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Kept])
        except (OSError, ValueError):
            return {}

    def _write(self, kept: dict[str, _Kept]) -> None:
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._path.with_name(f".prices.{os.urandom(4).hex()}")
            part.write_bytes(msgspec.json.encode(kept))
            os.replace(part, self._path)


def _read_row(row: Any, price: Callable[[Any], float | None]) -> float | None:
    """None also for what isn't what Azure says it is."""
    try:
        return price(row)
    except (KeyError, TypeError, ValueError):
        return None


def _consumed(row: Any) -> float | None:
    return float(row["retailPrice"]) if row["type"] == "Consumption" else None


def _vm(row: Any, spot: bool) -> float | None:
    """What a row asks for a Linux machine; None if it is another's."""
    ours = (
        "Windows" not in row["productName"]
        and "Low Priority" not in row["skuName"]
        and ("Spot" in row["skuName"]) == spot
    )
    return _consumed(row) if ours else None


def _month(row: Any, sku: str) -> float | None:
    """An hour of a disk, of which a month is sold; not of its operations and mounts, which have rows of their own."""
    ours = row["unitOfMeasure"] == "1/Month" and row["meterName"] in (
        f"{sku} Disk",
        f"{sku.split()[0]} Disks",
    )
    price = _consumed(row) if ours else None
    return None if price is None else price / HOURS_A_MONTH


_ADDRESS = "Standard IPv4 Static Public IP"
_DISKS = {
    "Standard": ("S", "Standard HDD"),
    "StandardSSD": ("E", "Standard SSD"),
    "Premium": ("P", "Premium SSD"),
}
#: The largest disk (GiB) of each tier, and the tier's number. https://azure.microsoft.com/pricing/details/managed-disks/
_TIERS = {4: 1, 8: 2, 16: 3, 32: 4, 64: 6, 128: 10, 256: 15, 512: 20, 1024: 30, 2048: 40, 4096: 50}


def _tier(disk: str, gigabytes: int | None) -> tuple[str, str] | None:
    """(product, SKU) of a disk; None for a kind that isn't sold by tiers, or where the size isn't known."""
    kind, _, redundancy = disk.partition("_")
    if kind not in _DISKS or gigabytes is None:
        return None
    letter, name = _DISKS[kind]
    smallest = 32 if letter == "S" else 4
    numbers = [number for most, number in _TIERS.items() if most >= max(gigabytes, smallest)]
    return (f"{name} Managed Disks", f"{letter}{numbers[0]} {redundancy}") if numbers else None
