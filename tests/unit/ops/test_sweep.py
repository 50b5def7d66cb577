"""The sweep that comes after a destroy: within its limit, whatever it meets."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mngr.cli.words import of_swept
from mngr.journal import Intent, Journal
from mngr.model.notes import Note
from mngr.model.views import Listing
from mngr.ops.notes import (
    AgentCutShort,
    BeingCreated,
    CreateCutShortElsewhere,
    HostWithoutAgent,
    NotSweptToTheEnd,
)
from mngr.ops.sweep import sweep_for
from mngr.providers.contract import Abilities, Swept


class Fake:
    """A Mngr with two providers: `quick`, and `stuck`, whose sweep waits for `go`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.laptop = "laptop-1"
        self.go = threading.Event()
        self.swept: list[str] = []
        self.too_late = False

    def asked(self, names: Any) -> list[str]:
        return list(names)

    def provider(self, name: str) -> Any:
        def sweep(*, dry_run: bool) -> Swept:
            if name == "stuck":
                self.too_late = not self.go.wait(20)
            if name == "broken":
                raise ZeroDivisionError("bug")
            self.swept.append(name)
            return Swept(released=[f"machine of {name}"])

        return SimpleNamespace(sweep=sweep, discover=Listing, abilities=Abilities())


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    fake = Fake(tmp_path)
    yield fake
    fake.go.set()


def test_what_hangs_is_left_and_named(fake: Fake) -> None:
    with Journal(fake.home / "journal").hold("stuck", "host-0123456789abcdef") as held:
        held.write(
            Intent(
                provider="stuck", subject="host-0123456789abcdef", kind="create", plan={"host_name": "box"}
            )
        )
    done = sweep_for(fake, ["quick", "stuck", "later"], limit_s=0.2)  # type: ignore[arg-type]
    assert (fake.swept, fake.too_late) == (["quick"], False)
    assert (done["quick"].released, done["quick"].errors) == (["machine of quick"], [])
    assert done["stuck"].errors == [NotSweptToTheEnd(limit_s=0.2, hosts=["box"])]
    assert done["later"].errors == [NotSweptToTheEnd(limit_s=0.2, hosts=[])]
    assert [of_swept(done[name].errors[0]) for name in ("stuck", "later")] == [
        "not swept to the end within 0.2 s; left: what was begun with box",
        "not swept to the end within 0.2 s",
    ]


def test_what_ends_in_time_is_whole(fake: Fake) -> None:
    fake.go.set()
    done = sweep_for(fake, ["broken", "quick", "stuck"], limit_s=60)  # type: ignore[arg-type]
    assert [(name, one.released, one.errors) for name, one in done.items()] == [
        ("broken", [], ["ZeroDivisionError: bug"]),
        ("quick", ["machine of quick"], []),
        ("stuck", ["machine of stuck"], []),
    ]


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (HostWithoutAgent(host="box"), "host box (it never got an agent)"),
        (AgentCutShort(agent="a1", host="box"), "agent a1 on box (its create was cut short)"),
        (
            CreateCutShortElsewhere(host="box"),
            "host box: a create was cut short there; another laptop's, so that is left to a person",
        ),
        (BeingCreated(name="box"), "box: being created"),
        ("machine m (abandoned)", "machine m (abandoned)"),
    ],
)
def test_what_a_sweep_did_has_words(note: Note | str, words: str) -> None:
    assert of_swept(note) == words
