"""`/order/cart`: carts, their items and configurations. Most of it needs no login (contract: `noAuthentication`)."""

from __future__ import annotations

import uuid
from typing import Any

from mngr.simcloud.clock import iso
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.catalog import IMAGES, MONTHS, PLANS, duration, offers
from mngr.simcloud.ovh.dates import DAY_S, parse
from mngr.simcloud.ovh.records import Cart, Item
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.words import bad, not_found

DATACENTER, SYSTEM, MONITORING = "vps_datacenter", "vps_os", "vps_install_rtm"
REQUIRED = (DATACENTER, SYSTEM)


def create(state: State, call: Call) -> dict[str, Any]:
    subsidiary = call.text("ovhSubsidiary")
    if subsidiary not in state.flavour.subsidiaries:
        raise bad(
            f"[ovhSubsidiary] Given data ({subsidiary}) does not belong to the OvhSubsidiaryEnum enumeration"
        )
    expire = parse(call.text("expire")) if call.body.get("expire") else state.now() + DAY_S
    cart = Cart(str(uuid.uuid4()), call.text("description"), expire, subsidiary)
    state.carts[cart.id] = cart
    return _view(cart)


def list_carts(state: State, call: Call) -> list[str]:
    """Those that were assigned to this account."""
    wanted = call.query.get("description")
    now = state.now()
    return [
        cart.id
        for cart in state.carts.values()
        if cart.assigned and now < cart.expire and wanted in (None, cart.description)
    ]


def get(state: State, call: Call) -> dict[str, Any]:
    return _view(find(state, call))


def delete(state: State, call: Call) -> None:
    del state.carts[find(state, call).id]


def assign(state: State, call: Call) -> None:
    """Give the cart to the account that signs the call. May be repeated."""
    cart = find(state, call)
    if cart.subsidiary != state.flavour.subsidiary:
        raise bad(
            f"This cart is for subsidiary {cart.subsidiary}, your account is of {state.flavour.subsidiary}"
        )
    cart.assigned = True


def list_offers(state: State, call: Call) -> list[dict[str, Any]]:
    find(state, call)
    return offers(state.flavour)


def list_options(state: State, call: Call) -> list[dict[str, Any]]:
    """Model `order.cart.GenericOptionDefinition[]`: no plan has any here."""
    find(state, call)
    if call.query["planCode"] not in PLANS:
        raise bad(f"[planCode] Given plan code ({call.query['planCode']}) is not available")
    return []


def add_item(state: State, call: Call) -> dict[str, Any]:
    cart = _open(state, call)
    plan, mode = call.text("planCode"), call.text("pricingMode")
    if plan not in PLANS:
        raise bad(f"[planCode] Given plan code ({plan}) is not available")
    if mode not in MONTHS or call.text("duration") != duration(mode):
        raise bad(f"No pricing for {plan} with mode {mode} and duration {call.text('duration')}")
    quantity = call.integer("quantity")
    if not 1 <= quantity <= 10:
        raise bad("[quantity] should be between 1 and 10")
    item = Item(state.next_id(), plan, mode, duration(mode), quantity)
    cart.items[item.id] = item
    return _item_view(state, cart, item)


def list_items(state: State, call: Call) -> list[int]:
    return list(find(state, call).items)


def get_item(state: State, call: Call) -> dict[str, Any]:
    cart = find(state, call)
    return _item_view(state, cart, _item(cart, call))


def delete_item(state: State, call: Call) -> None:
    cart = _open(state, call)
    del cart.items[_item(cart, call).id]


def required(state: State, call: Call) -> list[dict[str, Any]]:
    """Model `order.cart.ConfigurationRequirements[]`."""
    _item(find(state, call), call)
    allowed, needed = allowed_values(state), needed_labels(state)
    found: list[dict[str, Any]] = [
        {"label": label, "type": "String", "fields": [], "required": label in needed} for label in allowed
    ]
    if state.behaviour.show_allowed_values:
        for requirement in found:
            requirement["allowedValues"] = allowed[requirement["label"]]
    return found


def needed_labels(state: State) -> tuple[str, ...]:
    """Without these an item can't be bought."""
    return (*REQUIRED, MONITORING) if state.behaviour.rtm_required else REQUIRED


def allowed_values(state: State) -> dict[str, list[str]]:
    return {
        DATACENTER: [one.name for one in state.flavour.datacenters],
        SYSTEM: list(IMAGES),
        MONITORING: ["no", "if_available"],
    }


def configure(state: State, call: Call) -> dict[str, Any]:
    """Model `order.cart.ConfigurationItem`. A label that is set already is set anew."""
    cart = _open(state, call)
    item = _item(cart, call)
    label, value = call.text("label"), call.text("value")
    allowed = allowed_values(state)
    if label not in allowed:
        raise bad(f"[label] {label} is not a configuration of this product")
    if value not in allowed[label]:
        raise bad(f"[value] {value} is not allowed for {label}")
    for id in [id for id, (present, _) in item.configurations.items() if present == label]:
        del item.configurations[id]
    id = state.next_id()
    item.configurations[id] = label, value
    return {"id": id, "label": label, "value": value}


def list_configurations(state: State, call: Call) -> list[int]:
    wanted = call.query.get("label")
    item = _item(find(state, call), call)
    return [id for id, (label, _) in item.configurations.items() if wanted in (None, label)]


def get_configuration(state: State, call: Call) -> dict[str, Any]:
    found = _item(find(state, call), call).configurations.get(call.number("configurationId"))
    if found is None:
        raise not_found()
    return {"id": call.number("configurationId"), "label": found[0], "value": found[1]}


def delete_configuration(state: State, call: Call) -> None:
    item = _item(_open(state, call), call)
    if item.configurations.pop(call.number("configurationId"), None) is None:
        raise not_found()


def find(state: State, call: Call) -> Cart:
    cart = state.carts.get(call.parts["cartId"])
    if cart is None or cart.expire <= state.now():
        raise not_found(f"Cart {call.parts['cartId']} does not exist")
    return cart


def _open(state: State, call: Call) -> Cart:
    cart = find(state, call)
    if cart.read_only:
        raise bad(f"Cart {cart.id} has already been validated")
    return cart


def _item(cart: Cart, call: Call) -> Item:
    item = cart.items.get(call.number("itemId"))
    if item is None:
        raise not_found(f"Item {call.parts['itemId']} does not exist")
    return item


def _view(cart: Cart) -> dict[str, Any]:
    """Model `order.cart.Cart`."""
    return {
        "cartId": cart.id,
        "description": cart.description,
        "expire": iso(cart.expire),
        "items": list(cart.items),
        "readOnly": cart.read_only,
    }


def _item_view(state: State, cart: Cart, item: Item) -> dict[str, Any]:
    """Model `order.cart.Item`."""
    price = state.flavour.price(PLANS[item.plan].price(state.flavour, item.mode) * item.quantity)
    return {
        "cartId": cart.id,
        "itemId": item.id,
        "parentItemId": None,
        "productId": "vps",
        "offerId": None,
        "duration": item.duration,
        "options": [],
        "configurations": list(item.configurations),
        "settings": {"planCode": item.plan, "pricingMode": item.mode, "quantity": item.quantity},
        "prices": [{"label": label, "price": price, "promotions": None} for label in ("PRICE", "TOTAL")],
    }
