"""What Azure asks for an hour: the Retail Prices API, which needs no login; kept for a day, as it is slow.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import MngrError
from mngr.vps_docker.http import Call, Failed
from mngr.vps_docker.http_wire import HttpWire

FRESH_S = 86400
LIMIT_S = 5.0


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    per_hour: float


class Prices:
    """`folder`: where answers are kept. Nothing here ever fails: a price that can't be had is None."""

    def __init__(self, url: str, folder: Path, clock: Clock = SYSTEM, transport: Any = None) -> None:
        ca_file = os.environ.get("REQUESTS_CA_BUNDLE", "")
        self._wire = HttpWire(url, {}, timeout=LIMIT_S, transport=transport, ca_file=ca_file)
        self._path = folder / "prices.json"
        self._clock = clock

    def per_hour(self, region: str, size: str, *, spot: bool = False) -> float | None:
        """In US dollars, for Linux, without disk and address."""
        key = f"{region} {size}{' spot' if spot else ''}".lower()
        kept = self._read()
        if key in kept and self._clock.now() - kept[key].at < FRESH_S:
            return kept[key].per_hour
        try:
            found = self._asked(region, size, spot)
        except (Failed, MngrError, ValueError):
            return kept[key].per_hour if key in kept else None
        if found is not None:
            self._write({**kept, key: _Kept(at=self._clock.now(), per_hour=found)})
        return found

    def _asked(self, region: str, size: str, spot: bool) -> float | None:
        wanted = (
            f"serviceName eq 'Virtual Machines' and armRegionName eq '{region}' and armSkuName eq '{size}'"
        )
        call = Call(method="GET", path="/api/retail/prices", params={"$filter": wanted})
        answer = self._wire.send(call)  # once: nobody waits for a price
        said = answer.json() if answer.status == 200 else None
        rows = said.get("Items") if isinstance(said, dict) else None
        prices = [price for row in rows or [] if (price := _price(row, spot)) is not None]
        return min(prices, default=None)

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


def _price(row: Any, spot: bool) -> float | None:
    """What a row asks for a Linux machine; None if it is another's, or isn't what Azure says it is."""
    try:
        ours = (
            row["type"] == "Consumption"
            and "Windows" not in row["productName"]
            and "Low Priority" not in row["skuName"]
            and ("Spot" in row["skuName"]) == spot
        )
        return float(row["retailPrice"]) if ours else None
    except (KeyError, TypeError, ValueError):
        return None
