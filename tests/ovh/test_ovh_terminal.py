"""`mngr ovh …` on a terminal: its width, its questions."""

from __future__ import annotations

from collections.abc import Callable

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli
from support.typed import typed


def test_a_list_is_cut_to_sixty_columns(account: Callable[..., OvhWorld]) -> None:
    world = account()
    tags = {"mngr-provider": "ovh", "mngr-host-key": "A" * 68}
    world.cloud.ask("POST", "/seed_vps", {"count": 2, "cancelled": True, "tags": tags})
    code, screen = typed(world.env, world.scratch, "ovh", "list", "--all")
    lines = screen.splitlines()
    assert (code, len(lines)) == (0, 3)
    assert [len(line) for line in lines] == [60] * 3
    assert all(line.endswith("…") for line in lines)


def test_no_and_ctrl_c_at_a_question_do_nothing(account: Callable[..., OvhWorld]) -> None:
    world = account()
    [service] = world.cloud.ask("POST", "/seed_vps", {"count": 1})["services"]
    before = world.cloud.resources()
    create = ("create", "one", "--provider", "ovh", "--no-code")
    for words in (("ovh", "adopt", service), create):
        code, screen = typed(world.env, world.scratch, *words, answer="n\n")
        assert code == 1
        assert "nothing was done, as you said no" in screen
        code, screen = typed(world.env, world.scratch, *words, answer="\x03")
        assert code == 130
        assert "mngr: interrupted; nothing was done" in screen
    assert world.cloud.resources() == before
    assert world.markers() == []
    assert len(world.cloud.bill()["lines"]) == 1


def test_list_says_which_vps_waits_and_until_when(account: Callable[..., OvhWorld]) -> None:
    world = account()
    tags = {"mngr-provider": "ovh"}
    [service] = world.cloud.ask("POST", "/seed_vps", {"count": 1, "cancelled": True, "tags": tags})[
        "services"
    ]
    [vps] = cli(world).ok("ovh", "list", "--format", "json").json()["vps"]
    line = f"ovh: {service} ({vps['plan']}, {vps['datacenter']}) is paid until {vps['expiration']} and carries no host"
    assert line in cli(world).ok("list").err
    assert service not in cli(world).ok("list", "-q").err
    off = Cli({**world.env, "MNGR__PROVIDERS__OVH__ENABLE_RECYCLE_CANCELLED": "false"}, world.scratch)
    assert service not in off.ok("list").err
