"""The crash suite can be trusted: mngr is broken on purpose, and the driver finds it at the point where it hurts."""

import os
from pathlib import Path

import pytest

from mngr.testing.crash.drive import Drive
from mngr.testing.crash.points import points
from mngr.testing.crash.verbs import lifecycle
from mngr.testing.vultr import VultrWorld

pytestmark = pytest.mark.crash
MUTANTS = Path(__file__).with_name("mutants")

#: What is broken (module, text, its replacement); where mngr dies (in create: a call's name, and how); what mends.
BROKEN = {
    "an order that doesn't say whose it is": (
        ("mngr.backends.vultr.cloud", '"tags": join_tags(spec.tags),', '"tags": [],'),
        ("POST /v2/instances", "after", "lost"),
    ),
    "a sweep that lets abandoned machines be": (
        ("mngr.vps_docker.sweeping", "if not owner.abandoned(rented.cloud.now()):", "if True:"),
        ("POST /v2/instances", "after", "lost"),
    ),
    "a host key that is pinned when it is too late": (
        ("mngr.vps_docker.host_key", "dict.fromkeys([*old, new])", "old"),
        ("host-key", "after", "again"),
    ),
    "a sweep that takes hosts with agents": (
        ("mngr.ops.sweep", "all(agent.half_made for agent in host.agents)", "True"),
        ("container-create", "after", "sweep"),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_driver_finds(what, vultr, fakes):
    _, (call, how, mending) = BROKEN[what]
    clean, broken = _broken(vultr, fakes, what)
    found = [one for one in points(clean[0].calls) if call in one.call and one.how == how]
    failures = [
        str(error)
        for number, point in enumerate(found)
        if (error := _failure(broken, clean, point, number, mending))
    ]
    assert broken.reached
    assert failures, f"nothing was found at {[str(point) for point in found]}"


def test_one_leak_is_told_by_its_own_chain_and_by_no_later_one(vultr, fakes):
    what = "an order that doesn't say whose it is"
    _, (call, how, mending) = BROKEN[what]
    clean, broken = _broken(vultr, fakes, what)
    leaks = next(one for one in points(clean[0].calls) if call in one.call and one.how == how)
    harmless = next(one for one in points(clean[0].calls) if one.sort == "program" and one.how == "before")
    told = _failure(broken, clean, leaks, 0, mending)
    assert told
    [leaked] = [thing.id for thing in vultr.things() if not thing.owner]
    assert leaked in str(told)
    assert broken.left.things == {leaked}
    for number, mends in enumerate(("sweep", "lost", "again", "other"), start=1):
        assert _failure(broken, clean, harmless, number, mends) is None
    again = _failure(broken, clean, leaks, 9, mending)
    assert again, "the same cause at another chain is told by that one, of its own leak"
    assert leaked not in str(again).rpartition("THEN")[2]


def _broken(vultr, fakes, what):
    """Clean runs of create and destroy, and a driver of a mngr that is broken so."""
    (module, old, new), _ = BROKEN[what]
    drive = Drive(vultr)
    verbs = lifecycle(vultr)
    drive.begin(verbs[0])
    clean = drive.clean([verbs[0], verbs[-1]])
    path = os.pathsep.join(filter(None, [str(MUTANTS), vultr.env.get("PYTHONPATH", "")]))
    settings = {**vultr.settings, "PYTHONPATH": path, "MNGR_MUTANT": f"{module}:{old}=>{new}"}
    broken = Drive(VultrWorld(vultr.cloud, vultr.scratch, fakes, settings=settings))
    broken._others = drive._others
    return clean, broken


def _failure(drive, clean, point, number, mending):
    try:
        drive.chain(clean, [point, None], f"broken-{number}", mending)
    except AssertionError as error:
        return error
    return None
