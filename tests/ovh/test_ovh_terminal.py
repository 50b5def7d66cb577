"""`mngr ovh …` on a terminal: its width, its questions."""

from __future__ import annotations

import re
from collections.abc import Callable

from mngr.testing.cli import Cli, finish
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli
from support.ovh import Account
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
    [spare] = cli(world).ok("list", "--format", "json").json()["spares"]
    assert spare == {
        "provider": "ovh", "machine": service, "plan": vps["plan"], "region": vps["datacenter"],
        "paid_until": vps["expiration"],
    }  # fmt: skip
    assert service not in cli(world).ok("list", "-q").err
    off = Cli({**world.env, "MNGR__PROVIDERS__OVH__ENABLE_RECYCLE_CANCELLED": "false"}, world.scratch)
    assert service not in off.ok("list").err


def test_a_create_says_before_it_asks_which_paid_vps_it_would_take(account: Callable[..., OvhWorld]) -> None:
    world = account()
    [service] = world.cloud.ask(
        "POST", "/seed_vps", {"count": 1, "cancelled": True, "tags": {"mngr-provider": "ovh"}}
    )["services"]
    create = ("create", "one", "--provider", "ovh", "--no-code")
    [spare] = cli(world).ok("list", "--format", "json").json()["spares"]
    takes = f"takes the paid VPS {service}, no new charge: it is paid until {spare['paid_until']}"
    dry = cli(world).ok(*create, "--dry-run").out
    assert dry.index(takes) < dry.index("paid at once: USD 7.99 for a month"), (
        "what it costs if that is taken"
    )
    assert cli(world).ok(*create, "--dry-run", "--format", "json").json()["offer"]["spare"] == spare
    code, screen = typed(world.env, world.scratch, *create, answer="n\n")
    assert (code, takes in " ".join(screen.split())) == (1, True)
    other = cli(world).ok(*create, "--dry-run", "-b", "--vps-plan=vps-2025-model2").out
    assert (service in other, "if a cancelled VPS of mngr's fits" in other) == (False, True)
    off = Cli({**world.env, "MNGR__PROVIDERS__OVH__ENABLE_RECYCLE_CANCELLED": "false"}, world.scratch)
    assert "VPS" not in off.ok(*create, "--dry-run").out
    made = cli(world).ok(*create, "--yes")
    assert made.err.index(takes) < made.err.index("recycle"), made.err
    assert "can't be had any more" not in made.err
    assert len(world.cloud.bill()["lines"]) == 1


def test_of_several_paid_vpss_a_create_takes_the_one_that_it_named(account: Callable[..., OvhWorld]) -> None:
    world = account()
    world.cloud.ask("POST", "/seed_vps", {"count": 6, "cancelled": True, "tags": {"mngr-provider": "ovh"}})
    for name in ("one", "two"):
        made = cli(world).ok("create", name, "--provider", "ovh", "--no-code", "--yes")
        [said] = re.findall(r"takes the paid VPS (\S+),", made.err)
        spares = cli(world).ok("list", "--format", "json").json()["spares"]
        assert said not in [one["machine"] for one in spares]
        assert len(spares) == (5 if name == "one" else 4)
        assert "can't be had any more" not in made.err


def test_a_create_whose_vps_is_taken_from_it_says_so_and_buys_no_more_than_was_said(
    account: Callable[..., OvhWorld],
) -> None:
    world = account()
    [service] = world.cloud.ask(
        "POST", "/seed_vps", {"count": 1, "cancelled": True, "tags": {"mngr-provider": "ovh"}}
    )["services"]
    words = ("create", "one", "--provider", "ovh", "--no-code", "--yes")
    world.cloud.gate("after_commit", method="POST", path="/v2/iam/resource/*/tag", times=1)
    process = cli(world).start(*words)
    assert world.cloud.held(60), "its claim is written"
    Account(world.cloud).tag(service, "mngr-recycling-by", "somebody")  # type: ignore[arg-type]
    world.cloud.release()
    done = finish(process, words, limit_s=200)
    assert done.code == 0, done
    lost = f"{service} can't be had any more: one is ordered, at the price that was said"
    assert (
        done.err.index("paid at once: USD 7.99") < done.err.index(lost) < done.err.index("order: a new VPS")
    )
    assert [line["cost"] for line in world.cloud.bill()["lines"]] == [7.99, 7.99]
