"""`/me`, its payment methods, and `/auth`: whose account this is, and what the caller may do."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.call import ApiError
from mngr.simcloud.clock import iso
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.credentials import Credential
from mngr.simcloud.ovh.state import NICHANDLE, State
from mngr.simcloud.ovh.words import not_found

PAYMENT_METHOD = 4100
STATUSES = (
    *("CANCELED", "CANCELING", "CREATED", "CREATING", "ERROR", "EXPIRED", "FAILED", "MAINTENANCE"),
    *("PAUSED", "REJECTED", "REPLACED", "VALID", "VALIDATING"),
)
"""`me.payment.method.StatusEnum`."""


def get(state: State, call: Call) -> dict[str, Any]:
    """Model `nichandle.Nichandle`."""
    empty = (
        *("address", "area", "birthCity", "birthDay", "city", "companyNationalIdentificationNumber"),
        *("complementaryAddress", "corporationType", "fax", "italianSDI", "nationalIdentificationNumber"),
        *("organisation", "phone", "phoneCountry", "phoneType", "purposeOfPurchase", "sex", "spareEmail"),
        *("vat", "zip"),
    )
    flavour = state.flavour
    return {
        **dict.fromkeys(empty),
        "nichandle": NICHANDLE,
        "customerCode": "1234-5678-90",
        "firstname": "Simulated",
        "name": "Account",
        "email": "account@example.com",
        "country": flavour.country,
        "currency": {"code": flavour.currency, "symbol": flavour.symbol},
        "kycValidated": True,
        "language": flavour.language,
        "legalform": "individual",
        "ovhCompany": "ovh",
        "ovhSubsidiary": flavour.subsidiary,
        "state": "complete",
    }


def payment_methods(state: State, call: Call) -> list[int]:
    fits = (
        call.choice("default", ("true", "false"), "boolean") in (None, "true")
        and call.choice("status", STATUSES, "StatusEnum") in (None, "VALID")
        and call.query.get("paymentType") in (None, "CREDIT_CARD")
    )
    return [PAYMENT_METHOD] if fits and state.behaviour.payment_method else []


def payment_method(state: State, call: Call) -> dict[str, Any]:
    """Model `me.payment.PaymentMethod`."""
    if call.number("paymentMethodId") != PAYMENT_METHOD or not state.behaviour.payment_method:
        raise not_found()
    empty = (
        "billingContactId",
        "description",
        "expirationDate",
        "formSessionId",
        "integration",
        "merchantId",
    )
    return {
        **dict.fromkeys(empty),
        "paymentMethodId": PAYMENT_METHOD,
        "paymentMeanId": 1,
        "paymentType": "CREDIT_CARD",
        "paymentSubType": "VISA",
        "default": True,
        "label": "4XXX XXXX XXXX X123",
        "oneclick": False,
        "status": "VALID",
        "icon": {"name": "visa", "data": None, "url": None},
        "creationDate": iso(0),
        "lastUpdate": iso(0),
    }


def time(state: State, call: Call) -> int:
    return state.auth.time()


def current_credential(state: State, call: Call) -> dict[str, Any]:
    """Model `auth.ApiCredential`; only signing keys have one."""
    credential = call.credential
    if credential is None or credential.kind != "keys":
        raise ApiError(403, "This call needs an application's credential", code="FORBIDDEN")
    return {
        "credentialId": credential.id,
        "applicationId": credential.id + 100_000,
        "allowedIPs": None,
        "creation": iso(credential.created),
        "expiration": None,
        "lastUse": iso(credential.last_use) if credential.last_use is not None else None,
        "ovhSupport": False,
        "rules": rules(state, credential),
        "status": credential.status,
    }


def details(state: State, call: Call) -> dict[str, Any]:
    """Model `auth.Details`."""
    credential = call.credential
    assert credential
    urn = f"urn:v1:{state.flavour.name}:identity"
    oauth2 = credential.kind == "oauth2"
    return {
        "account": NICHANDLE,
        "method": "oauth2_client_credentials" if oauth2 else "account",
        "allowedRoutes": None if oauth2 else rules(state, credential),
        "description": None,
        "identities": [
            f"{urn}:credential:{NICHANDLE}/oauth2-{credential.name}"
            if oauth2
            else f"{urn}:account:{NICHANDLE}"
        ],
        "roles": None,
        "user": None,
    }


def rules(state: State, credential: Credential) -> list[dict[str, str]]:
    """What was allowed, call by call if something was taken out of it."""
    if not credential.denied:
        return [{"method": method, "path": path} for method, path in credential.allowed]
    return [{"method": method, "path": path} for method, path in state.calls if credential.may(method, path)]
