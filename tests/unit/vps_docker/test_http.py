"""The HTTP client that clouds share: its table of errors, its time, its pages. tests/vultr/test_vultr_client.py has the rest."""

from collections.abc import Sequence

import pytest

from mngr.model.clock import within
from mngr.model.errors import NotFound
from mngr.vps_docker import http
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiRefused, VpsApiUnreadable
from support.rented import ManualClock

DATES = ["Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT"]


class Script:
    """A Wire that gives these answers in turn, the last for ever."""

    def __init__(self, answers: Sequence[http.Answer | http.Failed]) -> None:
        self.left = list(answers)
        self.calls: list[http.Call] = []

    def send(self, call: http.Call) -> http.Answer:
        self.calls.append(call)
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(answer, http.Failed):
            raise answer
        return answer


def api(*answers: http.Answer | http.Failed, read_time: float | None = None) -> tuple[http.Api, ManualClock]:
    def refusal(answer: http.Answer, what: str) -> http.Refusal:
        return http.Refusal(said="no", gone=answer.status == 404, code="E1")

    clock = ManualClock()
    made = http.Api(
        Script(answers), refusal, title="Acme", where="https://acme.example", clock=clock,
        read_time=lambda: read_time,
    )  # fmt: skip
    return made, clock


@pytest.mark.parametrize(
    ("answer", "read", "write"),
    [
        (http.Failed("refused", sent=False), VpsApiUnreadable, VpsApiError),
        (http.Failed("timed out", sent=True), VpsApiUnreadable, VpsApiNoAnswer),
        (http.Answer(400, {}, b""), VpsApiUnreadable, VpsApiRefused),
        (http.Answer(429, {}, b""), VpsApiUnreadable, VpsApiRefused),
        (http.Answer(503, {}, b""), VpsApiUnreadable, VpsApiNoAnswer),
        (http.Answer(200, {}, b"<html>"), VpsApiUnreadable, VpsApiNoAnswer),
        (http.Answer(404, {}, b""), NotFound, NotFound),
    ],
    ids=repr,
)
def test_a_failed_read_is_unreadable_and_a_write_that_may_have_been_done_is_told_apart(
    answer: http.Answer | http.Failed, read: type[Exception], write: type[Exception]
) -> None:
    for method, expected in (("GET", read), ("POST", write)):
        with pytest.raises(expected) as caught:
            api(answer)[0].json(method, "/things", repeat=False)
        assert type(caught.value) is expected
        assert f"{method} /things" in str(caught.value)


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(("sent", "at_most_s"), [(False, 2.0), (True, 8.0)])
def test_where_no_connection_comes_about_it_is_soon_given_up(
    method: str, sent: bool, at_most_s: float
) -> None:
    acme, clock = api(http.Failed("refused", sent=sent))
    began = clock.at
    with pytest.raises(VpsApiError):
        acme.json(method, "/things", repeat=True)
    assert at_most_s / 4 < clock.at - began <= at_most_s


def test_a_connection_that_breaks_between_good_answers_is_waited_for_longer() -> None:
    acme, clock = api(http.Answer(204, {}, b""), http.Failed("refused", sent=False))
    acme.json("GET", "/things", repeat=True)
    began = clock.at
    with pytest.raises(VpsApiError):
        acme.json("GET", "/things", repeat=True)
    assert clock.at - began > 30


def test_nothing_is_repeated_when_who_asks_has_no_time_left() -> None:
    acme, clock = api(http.Failed("timed out", sent=True))
    began = clock.at
    with within(0.4), pytest.raises(VpsApiError):
        acme.json("GET", "/things", repeat=True)
    assert clock.at == began


def test_the_clouds_own_name_of_an_error_is_kept() -> None:
    with pytest.raises(VpsApiRefused) as caught:
        api(http.Answer(409, {}, b""))[0].json("PUT", "/things", repeat=True)
    assert (caught.value.status, caught.value.code) == (409, "E1")


def test_a_header_of_whole_seconds_doesnt_pull_the_time_back() -> None:
    acme, clock = api(*(http.Answer(204, {"Date": date}, b"") for date in DATES))
    acme.json("GET", "/a", repeat=True)
    began = acme.now()
    clock.at += 0.75
    acme.json("GET", "/a", repeat=True)
    assert acme.now() == began + 0.75
    acme.json("GET", "/a", repeat=True)
    assert acme.now() == began + 30


def test_this_computers_time_is_never_taken_for_the_clouds() -> None:
    acme, clock = api(http.Answer(204, {}, b""))
    acme.json("GET", "/a", repeat=True)
    with pytest.raises(VpsApiUnreadable, match="don't tell the time"):
        acme.now()
    acme, clock = api(http.Answer(204, {}, b""), read_time=1000)
    assert acme.now() == 1000
    clock.at += 5
    assert acme.now() == 1005


def test_a_list_is_whole_or_an_error() -> None:
    pages = {"": ([1], "b"), "b": ([2], "")}
    assert http.all_pages(lambda cursor: pages[cursor], "GET /a") == [1, 2]
    for broken in ({"": ([1], "b"), "b": (None, "")}, {"": ([1], "b"), "b": ([2], "b")}):
        with pytest.raises(VpsApiUnreadable, match="GET /a"):
            http.all_pages(lambda cursor, pages=broken: pages[cursor], "GET /a")
