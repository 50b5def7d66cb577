"""The Retail Prices API, https://prices.azure.com/api/retail/prices: open to anybody, filtered by OData.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from mngr.simcloud.azure import catalog
from mngr.simcloud.azure.catalog import DISK_TIERS, REGIONS, SIZES
from mngr.simcloud.http import Request, Response

PATH = "/api/retail/prices"
PAGE = 100
CLAUSE = re.compile(
    r"\s*(?:(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'|(contains|startswith)\(\s*(\w+)\s*,\s*'((?:[^']|'')*)'\s*\))\s*",
    re.IGNORECASE,
)

ALIASES = {"priceType": "type"}
"""Filters call it otherwise than answers do."""


def answer(request: Request) -> Response:
    text = request.first("$filter") or ""
    try:
        wanted = _filter(text) if text else None
        skip = int(request.first("$skip") or 0)
    except ValueError:
        return Response(
            400, {"Error": {"Code": "OData", "Message": f"Invalid OData parameters supplied: {text}"}}
        )
    if (request.first("currencyCode") or "USD").strip("'").upper() != "USD":
        return Response(
            400, {"Error": {"Code": "Currency", "Message": "This simulated Azure sells in USD only."}}
        )
    found = [item for item in _items() if wanted is None or wanted(item)]
    more = skip + PAGE < len(found)
    following = f"{request.scheme}://{request.headers.get('host', 'localhost')}{PATH}?$filter={text}&$skip={skip + PAGE}"
    shown = found[skip : skip + PAGE]
    body = {
        "BillingCurrency": "USD",
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Items": shown,
        "NextPageLink": following.replace(" ", "%20") if more else None,
        "Count": len(shown),
    }
    return Response(200, body)


def _filter(text: str) -> Any:
    """`and` of clauses, each maybe several in parentheses with `or`. Raises ValueError. Values are compared with their case."""
    groups = []
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE):
        bare = part.strip()
        inner = bare[1:-1] if bare.startswith("(") and bare.endswith(")") else bare
        clauses = [CLAUSE.fullmatch(one) for one in re.split(r"\s+or\s+", inner, flags=re.IGNORECASE)]
        if not all(clauses):
            raise ValueError(part)
        groups.append(clauses)

    def fits(item: dict[str, Any]) -> bool:
        return all(any(_holds(item, clause) for clause in clauses) for clauses in groups)

    return fits


def _holds(item: dict[str, Any], clause: re.Match[str]) -> bool:
    name, operator, value = (
        (clause[1], clause[2].lower(), clause[3]) if clause[1] else (clause[5], clause[4].lower(), clause[6])
    )
    mine, value = str(item.get(ALIASES.get(name, name), "")), value.replace("''", "'")
    return {
        "eq": mine == value,
        "ne": mine != value,
        "contains": value in mine,
        "startswith": mine.startswith(value),
    }[operator]


def _items() -> Iterator[dict[str, Any]]:
    for region in REGIONS.values():
        for size in SIZES.values():
            bare = size.name.removeprefix("Standard_").replace("_", " ")
            product = f"Virtual Machines {size.family.removeprefix('standard').removesuffix('Family')} Series"
            for spot in (False, True) if size.spot else (False,):
                price, ending = catalog.hour(size, region.name, spot), " Spot" if spot else ""
                yield _item(
                    region.name,
                    size.name,
                    "Virtual Machines",
                    "Compute",
                    product,
                    f"{bare}{ending}",
                    "1 Hour",
                    price,
                )
            yield _item(
                region.name,
                size.name,
                "Virtual Machines",
                "Compute",
                f"{product} Windows",
                bare,
                "1 Hour",
                round(catalog.hour(size, region.name) * 1.5, 5),
            )
        for sku, tiers in DISK_TIERS.items():
            kind = {
                "Standard_LRS": "Standard HDD",
                "StandardSSD_LRS": "Standard SSD",
                "Premium_LRS": "Premium SSD",
            }[sku]
            letter = {"Standard_LRS": "S", "StandardSSD_LRS": "E", "Premium_LRS": "P"}[sku]
            for gigabytes, price in tiers:
                tier = f"{letter}{TIER_NUMBERS[gigabytes]} LRS"
                yield _item(
                    region.name,
                    "",
                    "Storage",
                    "Storage",
                    f"{kind} Managed Disks",
                    tier,
                    "1/Month",
                    price,
                    f"{tier} Disk",
                )
        yield _item(
            region.name,
            "",
            "Virtual Network",
            "Networking",
            "IP Addresses",
            "Standard",
            "1 Hour",
            catalog.ADDRESS_PER_HOUR,
            "Standard IPv4 Static Public IP",
        )


TIER_NUMBERS = {4: 1, 8: 2, 16: 3, 32: 4, 64: 6, 128: 10, 256: 15, 512: 20, 1024: 30}


def _item(
    region: str,
    arm: str,
    service: str,
    family: str,
    product: str,
    sku: str,
    unit: str,
    price: float,
    meter: str = "",
) -> dict[str, Any]:
    meter = meter or sku
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{region}/{product}/{sku}/{meter}"))
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": region,
        "location": REGIONS[region].display,
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterId": id,
        "meterName": meter,
        "productId": f"DZH318Z{id[:5].upper()}",
        "skuId": f"DZH318Z{id[:5].upper()}/{id[-4:].upper()}",
        "productName": product,
        "skuName": sku,
        "serviceName": service,
        "serviceId": "DZH313Z7MMC8" if service == "Virtual Machines" else "DZH317F1HKN0",
        "serviceFamily": family,
        "unitOfMeasure": unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": arm,
    }
