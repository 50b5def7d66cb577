"""The HTTP client: what is repeated, what isn't, how long it waits, and that it never takes an error for an answer."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from mngr.backends.vultr.client import VultrClient
from mngr.model.errors import NotFound, Unreachable, Unreadable
from mngr.vps_docker import http as module
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable
from support.rented import ManualClock

Answer = Callable[[httpx2.Request], httpx2.Response]


def answering(*answers: object) -> tuple[VultrClient, list[httpx2.Request], ManualClock]:
    """A client whose calls get these answers, one after the other; the last goes on for ever."""
    clock, asked = ManualClock(), []
    left = list(answers)

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, tuple)
        status, body, headers = (*answer, {})[:3]
        return httpx2.Response(status, json=body, headers=headers)

    key = "KEY-that-nobody-sees"
    return VultrClient(key, clock=clock, transport=httpx2.MockTransport(handle)), asked, clock


def error(text: str, status: int) -> tuple[int, dict[str, object]]:
    return status, {"error": text, "status": status}


LOST = httpx2.ReadTimeout("timed out")
REFUSED = httpx2.ConnectError("connection refused")


def test_the_key_goes_in_the_header_to_the_right_address() -> None:
    client, asked, _ = answering((200, {"account": {}}))
    client.get("/account")
    assert str(asked[0].url) == "https://api.vultr.com/v2/account"
    assert asked[0].headers["Authorization"] == "Bearer KEY-that-nobody-sees"
    assert "KEY" not in repr(client)


def test_all_pages_are_read() -> None:
    client, asked, _ = answering(
        (200, {"plans": [{"id": "a"}], "meta": {"links": {"next": "c2"}}}),
        (200, {"plans": [{"id": "b"}], "meta": {"links": {"next": ""}}}),
    )
    assert client.pages("/plans", "plans") == [{"id": "a"}, {"id": "b"}]
    assert [request.url.params.get("cursor") for request in asked] == [None, "c2"]


def test_a_page_that_fails_gives_no_part_of_the_list() -> None:
    client, _, _ = answering(
        (200, {"plans": [{"id": "a"}], "meta": {"links": {"next": "c2"}}}), error("broken", 500)
    )
    with pytest.raises(Unreadable):
        client.pages("/plans", "plans")


@pytest.mark.parametrize("body", [{}, {"plans": None}, {"plans": {"id": "a"}}])
def test_an_answer_without_the_list_isnt_an_empty_list(body: object) -> None:
    client, _, _ = answering((200, body))
    with pytest.raises(Unreadable, match="GET /plans of Vultr is no list"):
        client.pages("/plans", "plans")


def test_pages_that_go_round_end() -> None:
    client, _, _ = answering((200, {"plans": [], "meta": {"links": {"next": "c"}}}))
    with pytest.raises(Unreadable, match="round in a circle"):
        client.pages("/plans", "plans")


@pytest.mark.parametrize("trouble", [LOST, REFUSED, error("oops", 500), error("bad gateway", 502)])
def test_reads_are_repeated_until_they_work(trouble: object) -> None:
    client, asked, _ = answering(trouble, trouble, (200, {"account": {}}))
    assert client.get("/account") == {"account": {}}
    assert len(asked) == 3


@pytest.mark.parametrize("trouble", [LOST, REFUSED, error("oops", 503)])
def test_but_not_for_ever(trouble: object) -> None:
    client, _, clock = answering((200, {"account": {}}), trouble)
    client.get("/account")
    with pytest.raises(VpsApiUnreadable):
        client.get("/account")
    assert 20 < sum(clock.slept) <= module.RETRY_BUDGET_S


@pytest.mark.parametrize(
    ("trouble", "limit_s"),
    [
        (LOST, module.UNANSWERED_BUDGET_S),
        (REFUSED, module.UNREACHED_BUDGET_S),
        (error("oops", 503), module.UNANSWERED_BUDGET_S),
    ],
)
def test_where_vultr_never_answered_a_person_hears_soon(trouble: object, limit_s: float) -> None:
    client, _, clock = answering(trouble)
    with pytest.raises(VpsApiUnreadable):
        client.get("/account")
    assert limit_s / 4 < sum(clock.slept) <= limit_s


def test_an_order_whose_answer_is_lost_isnt_sent_again() -> None:
    for trouble in (LOST, httpx2.RemoteProtocolError("closed"), error("oops", 500)):
        client, asked, _ = answering(trouble)
        with pytest.raises(VpsApiNoAnswer):
            client.post("/instances", {}, repeat=False)
        assert len(asked) == 1


def test_an_order_that_never_left_is_told_apart() -> None:
    client, asked, _ = answering(REFUSED)
    with pytest.raises(VpsApiError, match="can't reach Vultr") as caught:
        client.post("/instances", {}, repeat=False)
    assert not isinstance(caught.value, VpsApiNoAnswer)
    assert len(asked) == 1


def test_throttling_is_waited_out_as_asked_also_for_orders() -> None:
    busy = (429, {"error": "Rate limit reached", "status": 429}, {"Retry-After": "7"})
    client, asked, clock = answering(busy, busy, (202, {"instance": {"id": "i"}}))
    client.post("/instances", {}, repeat=False)
    assert clock.slept == [7, 7]
    assert len(asked) == 3


def test_throttling_that_asks_for_too_long_ends_with_a_message() -> None:
    client, asked, clock = answering((429, {"error": "slow down"}, {"Retry-After": "3600"}))
    with pytest.raises(VpsApiUnreadable, match="throttling us: GET /account: slow down"):
        client.get("/account")
    assert (len(asked), clock.slept) == (1, [])


@pytest.mark.parametrize("after", ["", "soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_an_odd_retry_after_is_no_reason_to_hammer(after: str) -> None:
    client, _, clock = answering((429, {"error": "x"}, {"Retry-After": after}), (200, {"account": {}}))
    client.get("/account")
    assert clock.slept == [0.5]


def test_only_vultrs_own_404_means_gone() -> None:
    client, _, _ = answering(error("Invalid instance.", 404))
    with pytest.raises(NotFound):
        client.get("/instances/x")
    odd = [{"error": said} for said in (None, {}, [], False, 0, "")]
    for answer in ((404, {}), (404, "Not found"), (404, [1]), *((404, body) for body in odd)):
        client, _, _ = answering(answer)
        with pytest.raises(Unreadable):
            client.get("/instances/x")


def test_a_refused_key_says_where_keys_go() -> None:
    client, asked, _ = answering(error("Invalid API token.", 401))
    with pytest.raises(
        Unreachable, match=r"Vultr refused: GET /account: Invalid API token. \(401\)"
    ) as caught:
        client.get("/account")
    assert "VULTR_API_KEY" in caught.value.hint
    assert "KEY-that" not in str(caught.value) + caught.value.hint + caught.value.details
    assert len(asked) == 1


def test_deletion_is_repeated_and_204_is_success() -> None:
    clock, asked = ManualClock(), []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.method)
        return httpx2.Response(204) if len(asked) > 1 else httpx2.Response(503, json={"error": "x"})

    client = VultrClient("k", clock=clock, transport=httpx2.MockTransport(handle))
    client.delete("/instances/x")
    assert asked == ["DELETE", "DELETE"]


def test_a_proxys_page_isnt_an_answer() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text="<html>log in</html>")

    client = VultrClient("k", clock=ManualClock(), transport=httpx2.MockTransport(handle))
    with pytest.raises(Unreadable, match="isn't Vultr's"):
        client.get("/account")
    with pytest.raises(VpsApiNoAnswer):
        client.post("/instances", {}, repeat=False)


def test_the_clouds_time_goes_on_with_our_steady_clock() -> None:
    client, asked, clock = answering((200, {}, {"Date": "Wed, 21 Oct 2026 07:28:00 GMT"}))
    before = client.now()
    assert before == 1792567680
    clock.at += 100
    assert client.now() == before + 100
    assert len(asked) == 1


def test_an_id_cant_lead_to_another_resource() -> None:
    assert module.segment("../ssh-keys/x?y") == "..%2Fssh-keys%2Fx%3Fy"
