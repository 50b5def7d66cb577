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
        ("mngr.vps_docker.sweeping", "if not owner.abandoned(parts.cloud.now()):", "if True:"),
        ("POST /v2/instances", "after", "lost"),
    ),
    "a host key that is pinned when it is too late": (
        ("mngr.vps_docker.host_key", "dict.fromkeys([*old, new])", "old"),
        ("host-key", "after", "again"),
    ),
    "a sweep that takes hosts with agents": (
        ("mngr.ops.sweep", "return all(agent.half_made for agent in host.agents)", "return True"),
        ("container-create", "after", "sweep"),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_driver_finds(what, vultr, fakes):
    (module, old, new), (call, how, mending) = BROKEN[what]
    drive = Drive(vultr)
    verbs = lifecycle(vultr)
    drive.begin(verbs[0])
    clean = drive.clean([verbs[0], verbs[-1]])
    found = [one for one in points(clean[0].calls) if call in one.call and one.how == how]
    path = os.pathsep.join(filter(None, [str(MUTANTS), vultr.env.get("PYTHONPATH", "")]))
    settings = {**vultr.settings, "PYTHONPATH": path, "MNGR_MUTANT": f"{module}:{old}=>{new}"}
    broken = Drive(VultrWorld(vultr.cloud, vultr.scratch, fakes, settings=settings))
    broken._others = drive._others
    failures = [
        str(error)
        for number, point in enumerate(found)
        if (error := _failure(broken, clean, point, number, mending))
    ]
    assert broken.reached
    assert failures, f"nothing was found at {[str(point) for point in found]}"


def _failure(drive, clean, point, number, mending):
    try:
        drive.chain(clean, [point, None], f"broken-{number}", mending)
    except AssertionError as error:
        return error
    return None
