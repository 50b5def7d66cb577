"""Where OVH Europe and OVH US differ (docs/clouds-as-they-are.md)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True)
class Datacenter:
    name: str
    long_name: str
    country: str
    zone: str
    """As `GET /vps/{s}` has it: not the name that an order uses."""

    @property
    def country_code(self) -> str:
        """ISO 3166, as people's countries are written; `country` is the geolocation of its addresses."""
        return {"uk": "GB"}.get(self.country, self.country.upper())


def address6(number: str) -> str:
    """The IPv6 address of a VPS, of eight hex digits, as it is written canonically: out of 2001:db8::/32 (RFC 3849)."""
    return str(ip_address(f"2001:db8::{number[:4]}:{number[4:]}"))


@dataclass(frozen=True)
class Flavour:
    name: str
    domain: str
    """What service names end in."""
    subsidiary: str
    subsidiaries: tuple[str, ...]
    country: str
    language: str
    currency: str
    symbol: str
    tax: float
    datacenters: tuple[Datacenter, ...]
    names_in_details: bool
    """EU: an order's details name the VPS as `domain`. US: `domain` is always "*"; its operations name it."""

    def price(self, amount: float) -> dict[str, object]:
        """Model `order.Price`."""
        return {
            "currencyCode": self.currency,
            "priceInUcents": round(amount * 100_000_000),
            "text": f"${amount:.2f}" if self.currency == "USD" else f"{amount:.2f} {self.symbol}",
            "value": round(amount, 2),
        }

    def datacenter(self, name: str) -> Datacenter | None:
        return next((one for one in self.datacenters if one.name == name), None)


_IN_EUROPE = (
    *("CZ", "DE", "ES", "EU", "FI", "FR", "GB", "IE"),
    *("IT", "LT", "MA", "NL", "PL", "PT", "SN", "TN"),
)

EU = Flavour(
    name="eu",
    domain="vps.ovh.net",
    subsidiary="FR",
    subsidiaries=_IN_EUROPE,
    country="FR",
    language="fr_FR",
    currency="EUR",
    symbol="€",
    tax=0.2,
    datacenters=(
        Datacenter("GRA", "Gravelines", "fr", "Region OpenStack: os-gra7"),
        Datacenter("SBG", "Strasbourg", "fr", "Region OpenStack: os-sbg5"),
        Datacenter("WAW", "Warsaw", "pl", "Region OpenStack: os-waw2"),
        Datacenter("DE", "Limburg", "de", "Region OpenStack: os-de2"),
        Datacenter("UK", "London", "uk", "Region OpenStack: os-uk2"),
    ),
    names_in_details=True,
)

US = Flavour(
    name="us",
    domain="vps.ovh.us",
    subsidiary="US",
    subsidiaries=(*_IN_EUROPE, "ASIA", "AU", "CA", "QC", "SG", "US", "WE", "WS"),
    country="US",
    language="en_US",
    currency="USD",
    symbol="$",
    tax=0.0,
    datacenters=(
        Datacenter("US-EAST-VA", "Vint Hill", "us", "Region OpenStack: os-us-east-va-vps-1"),
        Datacenter("US-WEST-OR", "Hillsboro", "us", "Region OpenStack: os-us-west-or-vps-1"),
    ),
    names_in_details=False,
)

FLAVOURS = {"eu": EU, "us": US}
