"""Progress where there is no terminal: a plain line for each phase."""

import time

import pytest

from mngr.cli.progress import Progress, with_seconds
from mngr.model.notes import Remark
from mngr.model.progress import Step


def test_each_phase_is_a_plain_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("create a") as progress:
        progress(Step("check"))
        progress(Step("agent"))
    said = capsys.readouterr()
    assert said.err == "create a: check\ncreate a: agent\n"
    assert said.out == ""


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("create a", quiet=True) as progress:
        progress(Step("check"))
    assert capsys.readouterr() == ("", "")


def test_an_error_goes_through(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        with Progress("create a") as progress:
            progress(Step("check"))
            raise RuntimeError("x")

    with pytest.raises(RuntimeError, match="x"):
        fails()
    assert capsys.readouterr().err == "create a: check\n"


def test_what_is_said_stays_above_the_living_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress = Progress("create a")
    progress(Step("order"))
    progress(Remark(text="OVH is slow"))
    progress.say("USD 7.99 a month")
    assert capsys.readouterr().err == "\r\033[Kcreate a: warning: OVH is slow\n\r\033[KUSD 7.99 a month\n"
    assert progress._phase == "order"


def test_what_is_said_is_a_plain_line_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("create a").say("USD 7.99 a month")
    Progress("create a", quiet=True).say("USD 7.99 a month")
    assert capsys.readouterr().err == "USD 7.99 a month\n"


def test_a_long_phase_doesn_t_hide_the_seconds() -> None:
    assert with_seconds("⠋ create one: order", 12.4, 60) == "⠋ create one: order 12s"
    line = with_seconds("⠋ create one: " + "delivery " * 9, 312, 60)
    assert len(line) == 59
    assert line.endswith("… 312s")
    assert with_seconds("⠋ create one", 5, 3) == " 5s"


def test_nothing_is_drawn_while_somebody_is_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Progress("create a") as progress:
        progress._began -= 1  # it is drawn from its third tenth of a second
        progress(Step("check"))
        with progress.paused():
            capsys.readouterr()
            time.sleep(0.25)
            assert capsys.readouterr().err == ""
        time.sleep(0.25)
        assert "create a: check" in capsys.readouterr().err


def test_of_several_each_line_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("stop") as progress, progress.part("a") as a, progress.part("b c") as b:
        a(Step("stop agent"))
        b(Step("stop host"))
        b(Remark(text="slow"))
    assert capsys.readouterr().err == "stop a: stop agent\nstop b c: stop host\nstop b c: warning: slow\n"


def test_the_living_line_shows_one_that_is_at_work() -> None:
    progress = Progress("stop", quiet=True)
    with progress.part("b") as b:
        with progress.part("a"):
            b(Step("stop agent"))
            assert progress._line() == "stop b (and 1 more): stop agent"
        assert progress._line() == "stop b: stop agent"
    with progress.part("c") as c:
        c(Step("stop host"))
        assert progress._line() == "stop c: stop host"
    progress(Step("gc"))
    assert progress._line() == "stop: gc"


def test_two_of_one_name_are_two() -> None:
    progress = Progress("stop", quiet=True)
    with progress.part("@twin") as first, progress.part("@twin") as second:
        first(Step("stop agent"))
        second(Step("stop host"))
        assert progress._line() == "stop @twin (and 1 more): stop agent"
