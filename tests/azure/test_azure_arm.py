"""The client of Azure Resource Manager: how a write is followed to its end, what an error means, where the token goes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from mngr.backends.azure.arm import Arm, OperationFailed, Pending, missing_right
from mngr.model.errors import NotFound, TimedOut
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiRefused, VpsApiUnreadable
from support.rented import ManualClock

SUB = "11111111-aaaa-4bbb-8ccc-222222222222"
HERE = "https://management.azure.com"
VM = "/resourceGroups/mngr/providers/Microsoft.Compute/virtualMachines/v1"
WORKING = (200, {"status": "InProgress"})
OPERATION = {"Azure-AsyncOperation": f"{HERE}/ops/1?api-version=x"}
LOCATION = {"Location": f"{HERE}/where/1?api-version=x"}


class Login:
    def __init__(self) -> None:
        self.dropped = 0

    def token(self) -> str:
        return f"TOKEN-{self.dropped}"

    def drop(self) -> None:
        self.dropped += 1


def answering(*answers: Any) -> SimpleNamespace:
    """A client whose calls get these answers, one after the other; the last goes on for ever."""
    clock, asked, login = ManualClock(), [], Login()
    left = list(answers)

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = (*answer, {})[:3]
        content = {"content": b""} if body is None else {"json": body}
        return httpx2.Response(status, headers=headers, **content)

    arm = Arm(login, SUB, clock=clock, transport=httpx2.MockTransport(handle))  # type: ignore[arg-type]
    return SimpleNamespace(arm=arm, asked=asked, clock=clock, login=login)


def state(text: str, **more: Any) -> dict[str, Any]:
    return {"name": "v1", "properties": {"provisioningState": text}, **more}


def error(status: int, code: str, message: str = "because", **headers: str) -> tuple[Any, ...]:
    return status, {"error": {"code": code, "message": message}}, headers


def paths(one: SimpleNamespace) -> list[str]:
    return [f"{request.method} {request.url.path}" for request in one.asked]


def test_paths_begin_below_the_subscription_and_have_their_version() -> None:
    one = answering((200, state("Succeeded")))
    one.arm.get(VM)
    one.arm.get("/resourceGroups/mngr")
    one.arm.get(VM + "/providers/Microsoft.Authorization/roleAssignments/r")
    one.arm.get("/providers/Microsoft.Compute")
    one.arm.post("/providers/Microsoft.Network/register")
    one.arm.get("/resourceGroups/mngr/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0")
    urls = [request.url for request in one.asked]
    assert urls[0].path == f"/subscriptions/{SUB}{VM}"
    assert [url.params["api-version"] for url in urls] == [
        "2022-11-01", "2022-09-01", "2022-04-01", "2022-09-01", "2022-09-01", "2023-07-03",
    ]  # fmt: skip
    assert one.asked[0].headers["Authorization"] == "Bearer TOKEN-0"
    assert "TOKEN" not in repr(one.arm)


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([(200, state("Succeeded"))], 1),
        ([(201, state("Creating")), (200, state("Creating")), (200, state("Succeeded"))], 3),
        ([(201, state("Creating"), OPERATION), WORKING, (200, {"status": "SUCCEEDED"}), (200, state("Succeeded"))], 4),
        ([(202, None, LOCATION), (202, None, {}), (200, None), (200, state("Succeeded"))], 4),
        # Both: the operation says it.
        ([(201, state("Creating"), {**OPERATION, **LOCATION}), (200, {"status": "Succeeded"}), (200, state("Succeeded"))], 3),
    ],
)  # fmt: skip
def test_a_put_is_followed_to_the_resource(answers: list[Any], calls: int) -> None:
    one = answering(*answers)
    assert one.arm.write("PUT", VM, {"location": "westus"}) == state("Succeeded")
    assert len(one.asked) == calls
    if calls > 1:
        assert paths(one)[-1] == f"GET /subscriptions/{SUB}{VM}"


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "answers",
    [
        [(200, None)],
        [(202, None, OPERATION), WORKING, (200, {"status": "Succeeded"})],
        [(202, None, LOCATION), (202, None, LOCATION), (204, None)],
    ],
)
def test_what_leaves_no_resource_is_followed_to_its_end(method: str, answers: list[Any]) -> None:
    one = answering(*answers)
    assert one.arm.write(method, VM) == {}
    assert len(one.asked) == len(answers)


def test_pauses_are_azures() -> None:
    one = answering(
        (202, None, {**OPERATION, "Retry-After": "7"}),
        (*WORKING, {"Retry-After": "11"}),
        (200, {"status": "Succeeded"}),
    )
    began = one.clock.now()
    one.arm.write("DELETE", VM)
    assert one.clock.now() - began == 18


@pytest.mark.parametrize(
    "answers",
    [
        [(201, state("Creating"), OPERATION), (200, {"status": "Failed", "error": {"code": "AllocationFailed", "message": "no room"}})],
        [(201, state("Creating")), (200, {**state("Failed"), "error": {"code": "AllocationFailed", "message": "no room"}})],
        [(200, {**state("Failed"), "error": {"code": "AllocationFailed", "message": "no room"}})],
    ],
)  # fmt: skip
def test_a_write_that_fails_late_is_no_success(answers: list[Any]) -> None:
    one = answering(*answers)
    with pytest.raises(OperationFailed, match="no room") as caught:
        one.arm.write("PUT", VM, {})
    assert caught.value.code == "AllocationFailed"


def test_a_state_that_isnt_known_goes_on_within_a_limit() -> None:
    one = answering((202, None, OPERATION), (200, {"status": "Cancelled"}))
    pending = one.arm.begin("DELETE", VM)
    assert isinstance(pending, Pending)
    with pytest.raises(TimedOut, match="within 60 s"):
        one.arm.finish(pending, 60)


def test_a_status_without_a_word_is_unreadable() -> None:
    one = answering((202, None, OPERATION), (200, {}))
    with pytest.raises(VpsApiUnreadable):
        one.arm.write("DELETE", VM)


@pytest.mark.parametrize("header", ["Azure-AsyncOperation", "Location"])
def test_the_token_goes_to_no_other_host(header: str) -> None:
    one = answering((202, None, {header: "https://elsewhere.example/ops/1"}))
    with pytest.raises(VpsApiUnreadable, match="another host"):
        one.arm.write("DELETE", VM)
    assert len(one.asked) == 1


def test_pages_of_another_host_arent_read() -> None:
    one = answering((200, {"value": [1], "nextLink": "https://elsewhere.example/x"}))
    with pytest.raises(VpsApiUnreadable, match="another host"):
        one.arm.pages("/resourceGroups")


def test_all_pages_are_read_with_the_links_own_words() -> None:
    link = f"{HERE}/subscriptions/{SUB}/resourceGroups?api-version=x&$skiptoken=a%2Bb"
    one = answering((200, {"value": [1], "nextLink": link}), (200, {"value": [2]}))
    assert one.arm.pages("/resourceGroups") == [1, 2]
    assert str(one.asked[1].url) == link


def test_pages_that_go_round_are_no_list() -> None:
    link = f"{HERE}/subscriptions/{SUB}/resourceGroups?page=2"
    one = answering((200, {"value": [1], "nextLink": link}))
    with pytest.raises(VpsApiUnreadable, match="circle"):
        one.arm.pages("/resourceGroups")


def test_a_token_that_azure_refuses_is_got_anew_once() -> None:
    one = answering(error(401, "ExpiredAuthenticationToken"), (200, state("Succeeded")))
    assert one.arm.get(VM) == state("Succeeded")
    assert [request.headers["Authorization"] for request in one.asked] == ["Bearer TOKEN-0", "Bearer TOKEN-1"]
    one = answering(error(401, "InvalidAuthenticationToken"))
    with pytest.raises(VpsApiUnreadable):
        one.arm.get(VM)
    assert len(one.asked) == 2


def test_only_azures_own_404_means_gone() -> None:
    with pytest.raises(NotFound):
        answering(error(404, "ResourceNotFound")).arm.get(VM)
    with pytest.raises(VpsApiUnreadable):
        answering((404, {"oops": 1})).arm.get(VM)


@pytest.mark.parametrize("code", ["SubscriptionNotFound", "InvalidResourceType", "InvalidResourceNamespace"])
def test_a_404_about_the_subscription_or_the_call_is_no_word_about_the_thing(code: str) -> None:
    with pytest.raises(VpsApiUnreadable) as caught:
        answering(error(404, code)).arm.get(VM)
    assert not isinstance(caught.value, NotFound)
    with pytest.raises(VpsApiRefused):
        answering(error(404, code)).arm.write("DELETE", VM)


@pytest.mark.parametrize("code", ["Conflict", "OperationNotAllowed", "SkuNotAvailable"])
def test_a_refused_write_is_refused_with_azures_word(code: str) -> None:
    with pytest.raises(VpsApiRefused, match="because") as caught:
        answering(error(409, code)).arm.write("PUT", VM, {})
    assert caught.value.code == code


def test_a_missing_right_is_told_by_its_code_alone() -> None:
    with pytest.raises(VpsApiError) as caught:
        answering(
            error(
                403, "AuthorizationFailed", "does not have authorization to perform action 'x' over scope 'y'"
            )
        ).arm.write("PUT", VM, {})
    assert missing_right(caught.value)
    assert "action 'x' over scope 'y'" in str(caught.value)
    with pytest.raises(VpsApiError) as caught:
        answering(error(409, "Conflict", "no authorization was needed for this")).arm.write("PUT", VM, {})
    assert not missing_right(caught.value)


def test_a_write_without_an_answer_is_repeated_and_then_unknown() -> None:
    """Names are ours, so a repeat makes nothing twice."""
    one = answering(httpx2.ReadTimeout("slow"), (200, state("Succeeded")))
    assert one.arm.write("PUT", VM, {}) == state("Succeeded")
    with pytest.raises(VpsApiNoAnswer):
        answering(httpx2.ReadTimeout("slow")).arm.write("PUT", VM, {})


def test_throttling_is_heeded() -> None:
    one = answering(error(429, "TooManyRequests", **{"Retry-After": "13"}), (200, state("Succeeded")))
    began = one.clock.now()
    one.arm.get(VM)
    assert one.clock.now() - began == 13


def test_what_a_put_made_is_waited_for_until_it_shows() -> None:
    """ARM's reads lag: a 404 right after a write isn't "gone"."""
    done, unseen = (200, {"status": "Succeeded"}), error(404, "ResourceNotFound")
    one = answering((201, state("Creating"), OPERATION), done, unseen, unseen, (200, state("Succeeded")))
    assert one.arm.write("PUT", VM, {})["name"] == "v1"
    never = answering((201, state("Creating"), OPERATION), done, unseen)
    with pytest.raises(VpsApiUnreadable, match="doesn't show"):
        never.arm.write("PUT", VM, {})
    assert sum(never.clock.slept) < 60


@pytest.mark.parametrize(
    ("code", "next_step"),
    [("SkuNotAvailable", "--azure-vm-size"), ("Conflict", "again"), ("NobodyKnowsThis", "https://learn")],
)
def test_each_refusal_says_what_to_do_next(code: str, next_step: str) -> None:
    one = answering(error(409, code))
    with pytest.raises(VpsApiRefused) as caught:
        one.arm.write("PUT", VM, {})
    assert next_step in (caught.value.hint or "")
    late = answering(
        (201, state("Creating"), OPERATION),
        (200, {"status": "Failed", "error": {"code": code, "message": "x"}}),
    )
    with pytest.raises(OperationFailed) as caught:
        late.arm.write("PUT", VM, {})
    assert caught.value.hint
