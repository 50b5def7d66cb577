"""The sweep that comes after a destroy: within its limit, whatever it meets."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from mngr.cli.swept_words import of_found
from mngr.journal import Intent, Journal
from mngr.model.swept import Found, Swept, Thing, Why
from mngr.model.views import Listing
from mngr.ops.sweep import sweep_for
from mngr.providers.contract import Abilities


def machine_of(name: str) -> Found:
    return Found(thing="machine", name=f"m-{name}", id="i-1", why="machine-gone")


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
            return Swept(released=[machine_of(name)])

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
    assert (done["quick"].released, done["quick"].errors) == ([machine_of("quick")], [])
    late = Found(thing="instance", name="stuck", why="out-of-time", again_s=0.2, others=["box"])
    assert done["stuck"].errors == [late]
    assert done["later"].errors == [late.instead("out-of-time", name="later", others=[])]
    assert [of_found(done[name].errors[0]) for name in ("stuck", "later")] == [
        "not swept to the end within 0.2 s; left: what was begun with box",
        "not swept to the end within 0.2 s",
    ]


def test_what_ends_in_time_is_whole(fake: Fake) -> None:
    fake.go.set()
    done = sweep_for(fake, ["broken", "quick", "stuck"], limit_s=60)  # type: ignore[arg-type]
    assert [(name, one.released, one.errors) for name, one in done.items()] == [
        ("broken", [], [Found(thing="instance", name="broken", why="failed", said="ZeroDivisionError: bug")]),
        ("quick", [machine_of("quick")], []),
        ("stuck", [machine_of("stuck")], []),
    ]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found(thing="host", name="box", why="no-agent"), "host box (it never got an agent)"),
        (
            Found(thing="agent", name="a1", host="box", why="create-cut-short"),
            "agent a1 on box (its create was cut short)",
        ),
        (
            Found(thing="host", name="box", why="elsewhere"),
            "host box: a create was cut short there; another laptop's, so that is left to a person",
        ),
        (
            Found(thing="host", name="box", id="i-1", why="busy", doing="wipe"),
            "host box (machine i-1): being wiped by another mngr on this computer",
        ),
        (
            Found(thing="machine", name="m", id="i-1", why="in-the-making", by="?", again_s=61),
            "machine m (i-1): may be in the making, by another computer; looked at again in 61 s",
        ),
        (
            Found(thing="container", name="c", host="box", why="holds-agents", others=["a1", "a2"]),
            "container c of host box: it has no record, and holds agents: a1, a2",
        ),
        (
            Found(thing="order", name="7", why="open", others=["vps", "us-1"], said="not paid"),
            "order 7 (vps, us-1): not paid; looked at again by every create and gc",
        ),
        (Found(thing="instance", name="cloud", why="failed", said="{who} is down"), "{who} is down"),
    ],
)
def test_what_a_sweep_came_upon_has_words(found: Found, words: str) -> None:
    assert of_found(found) == words


@pytest.mark.parametrize("why", get_args(Why))
@pytest.mark.parametrize("thing", get_args(Thing))
def test_each_thing_and_each_reason_has_words(thing: Thing, why: Why) -> None:
    said = of_found(Found(thing=thing, name="web", why=why, said="too late", others=["x"]))
    assert said
    assert not {"{", "}"} & set(said)
