"""Whose a name is in what `mngr ssh-config` writes: each host and agent has one that is no other's."""

from pathlib import Path

import pytest

from mngr.config.schema import Config
from mngr.ops.context import Mngr
from mngr.ops.ssh_config import Login, _asked, _own
from mngr.transport.ssh import SshTarget


def login(host_id: str, name: str, provider: str, **agents: str) -> Login:
    target = SshTarget(
        alias=f"{host_id}.container", address="192.0.2.7", port=22, user="root", key=Path("key"),
        known_hosts=Path("pins"), config=Path("config"),
    )  # fmt: skip
    return Login(host_id, name, provider, target, agents)


@pytest.mark.parametrize(
    ("logins", "own"),
    [
        ([login("h", "a", "p", x="a")], {("h", "x"): ["a", "a.a.p", "a.p"]}),
        (
            [login("h", "a", "p", x="a", y="b")],
            {("h", "x"): ["a", "a.a.p", "a.p"], ("h", "y"): ["b", "b.a.p", "b.p"], ("h", ""): ["h"]},
        ),
        # An agent comes before a host, but not where the provider says that the host is meant.
        (
            [login("h", "a", "p"), login("i", "b", "p", x="a")],
            {("h", ""): ["a.p"], ("i", "x"): ["a", "a.b.p"], ("i", ""): ["b", "b.p"]},
        ),
        # The default provider comes first.
        (
            [login("h", "a", "p", x="a"), login("i", "a", "q", y="a")],
            {("h", "x"): ["a.a.p", "a.p"], ("i", "y"): ["a", "a.a.q", "a.q"]},
        ),
        # Two that are called alike in full (of two MNGR_HOMEs, say; or what a killed create has left).
        (
            [login("h", "a", "p"), login("i", "a", "p")],
            {("h", ""): ["a", "a.p"], ("i", ""): ["i"]},
        ),
        ([login("h", "a", "p", x="a", y="a")], {("h", "x"): ["a", "a.a.p", "a.p"], ("h", "y"): ["y"]}),
    ],
)
def test_each_has_a_name_of_its_own(
    tmp_path: Path, logins: list[Login], own: dict[tuple[str, str], list[str]]
) -> None:
    asked = _asked(Mngr(tmp_path, Config(default_provider="q")), logins)
    assert {key: _own(key, asked) for key in own} == own
