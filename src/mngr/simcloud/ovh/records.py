"""VPSs, orders, carts and tasks as this cloud keeps them. Frozen: a change is a new record, and lists can lag."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vps:
    """One service. `power` is installing, running, stopping, stopped or rebooting (`vps.VpsStateEnum`)."""

    name: str
    id: int
    iam_id: str
    order: int
    plan: str
    datacenter: str
    image: str
    mode: str
    ordered: float
    expires: float
    paid: float
    """So far, without tax."""
    delivered: float | None = None
    display_name: str = ""
    address: str = ""
    address6: str = ""
    power: str = "installing"
    machine: bool = True
    """False for a VPS that was only ever listed: there is nothing to switch on or off behind it."""
    automatic: bool = True
    delete_at_expiration: bool = False
    renewal_type: str = "automaticV2012"
    forced: bool = False
    manual_payment: bool | None = False
    period: int | None = 1
    engaged_until: float | None = None
    status: str = "ok"
    gone_at: float | None = None
    """When an expired one that was never cancelled is removed."""

    @property
    def renews(self) -> bool:
        """Whether it is paid again when it expires; one that has expired unpaid isn't any more."""
        return (
            self.status != "expired"
            and self.automatic
            and not self.delete_at_expiration
            and self.renewal_type.startswith("automatic")
        )


@dataclass(frozen=True)
class Line:
    """One entry of an order; `service` is the VPS that it is, which the order may not show yet, and "" for what is sold
    with one (its system). `family` is the product's name on orders."""

    id: int
    operation: int
    service: str
    plan: str
    product: str
    mode: str
    duration: str
    type: str
    action: str
    price: float
    configurations: tuple[tuple[str, str], ...]
    family: str = "virtualPrivateServer"


@dataclass(frozen=True)
class Order:
    """`stuck` is a status it stays in until it is released; `paid` is when it was."""

    id: int
    date: float
    expires: float
    lines: tuple[Line, ...]
    paid: float | None = None
    stuck: str = ""
    cancelled: bool = False

    @property
    def amount(self) -> float:
        """Without tax."""
        return round(sum(line.price for line in self.lines), 2)

    @property
    def id_text(self) -> str:
        """Its key in the table of orders."""
        return str(self.id)

    def services(self) -> list[str]:
        return list(dict.fromkeys(line.service for line in self.lines if line.service))


@dataclass
class Item:
    id: int
    plan: str
    mode: str
    duration: str
    quantity: int
    configurations: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Cart:
    id: str
    description: str
    expire: float
    subsidiary: str
    assigned: bool = False
    read_only: bool = False
    items: dict[int, Item] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """`todo` until it starts, then `doing`; `ends` is None as long as nobody knows when."""

    id: int
    service: str
    type: str
    created: float
    starts: float
    ends: float | None = None
    outcome: str = "done"

    def state(self, moment: float) -> str:
        """`vps.TaskStateEnum`, as it was at that moment."""
        if self.ends is not None and moment >= self.ends:
            return self.outcome
        return "todo" if moment < self.starts else "doing"
