"""What a create would cost, and whether somebody has to agree to it first: by the offer, whoever makes it."""

import msgspec

from mngr.model.states import SETTLED
from mngr.model.views import HostView, Offer
from mngr.ops.context import Mngr
from mngr.ops.create import code_notes, plan
from mngr.ops.notes import HostThere
from mngr.ops.placing import existing_host, placed
from mngr.ops.request import CreateRequest


def wanted(mngr: Mngr, request: CreateRequest) -> tuple[CreateRequest, Offer | None]:
    """The request to go on with, and the offer that somebody has to agree to before; None if nobody has to.

    Asked about is what is paid at once and can't be had back by destroying a minute later. Nobody is asked about a host
    that is there: the request is then for that one only. Raises what `create` would.
    """
    request = placed(mngr, request)
    if not mngr.provider(request.provider).abilities.costs:
        return request, None
    offer = plan(mngr, request)
    if not asks(offer):
        return request, None
    if _there(mngr, request):
        return msgspec.structs.replace(request, onto_existing=True), None
    return request, offer


def asks(offer: Offer) -> bool:
    """Whether somebody has to agree to this before it is bought."""
    return offer.due_now > 0 and not offer.agreed


def costs(offer: Offer) -> bool:
    return any((offer.per_hour, offer.per_month, offer.due_now))


def planned(mngr: Mngr, request: CreateRequest) -> Offer:
    """The offer of what `create` would buy. Raises what it would: also if the name is taken."""
    request = placed(mngr, request)
    offer = plan(mngr, request)
    existing, provider = _there(mngr, request), mngr.provider(request.provider)
    if existing and provider.abilities.isolated:
        return Offer(notes=[HostThere(host=existing.record.name), *code_notes(provider, request)])
    return offer


def _there(mngr: Mngr, request: CreateRequest) -> HostView | None:
    """The host that the agent would be put on, if it is there and made to its end."""
    existing = existing_host(mngr, mngr.provider(request.provider), request)
    return existing if existing and existing.state in SETTLED else None
