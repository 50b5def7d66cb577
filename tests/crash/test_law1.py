"""Law 1: no paid call before its intent is on disk; what comes back is stored before anything else happens.

And the suite can be trusted: whichever `save` is taken out of the way a Vultr machine is bought, it turns red.
"""

import ast
import inspect
import os
from pathlib import Path

import pytest

from mngr.backends.vultr.cloud import VultrCloud
from mngr.testing.cli import Cli
from mngr.testing.crash.verbs import lifecycle
from mngr.testing.crash.witness import assert_saved, looks
from mngr.testing.world import intents
from mngr.vps_docker.building import Builder
from mngr.vps_docker.creating import create

pytestmark = pytest.mark.crash
MUTANTS = Path(__file__).with_name("mutants")

#: What goes wrong with the order, and whether the create ends well all the same.
ORDERS = {
    "answered": ([], True),
    "answer lost": ([{"do": "lose_answer"}], True),
    "never done, no answer": ([{"do": "error", "status": 504}], True),
    "refused": ([{"do": "no_capacity"}], False),
}


def saving_statements():
    """Every statement on the way to a machine that writes to the journal: (module, line, text)."""
    found = []
    for function in (VultrCloud.create, VultrCloud._look_for, Builder._order, create):
        lines, first = inspect.getsourcelines(function)
        source = Path(inspect.getfile(function)).read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Expr) and first <= node.lineno < first + len(lines):
                text = ast.unparse(node.value)
                if text.startswith(("save(", "self.held.save(", "held.write(", "held.done(")):
                    found.append((function.__module__, node.lineno, text))
    return found


def assert_law(world, mngr, name):
    """Creates under each misfortune; every time the journal must tell the whole story. Raises AssertionError."""
    create, destroy = lifecycle(world)[0], lifecycle(world)[-1]
    for what, (faults, ends_well) in ORDERS.items():
        agent = f"{name}-{what.replace(' ', '-').replace(',', '')}"
        for fault in faults:
            world.cloud.fault(
                fault["do"], method="POST", path="/instances", **{k: v for k, v in fault.items() if k != "do"}
            )
        seen, done = looks(mngr, world.cloud, world.home, create.argv(agent))
        bought = [
            look.path.rsplit("/", 1)[1] for look in seen if look.method == "GET" and look.path.count("/") == 3
        ]
        assert_saved(seen, "/instances", sorted(set(bought)))
        assert (done.code == 0) == ends_well, f"{what}: {done}"
        assert intents(world.home) == {}, f"{what}: an intent is left"
        if ends_well:
            assert mngr(*destroy.argv(agent)).code == 0
        assert world.things() == [], f"{what}: left: {world.things()}"


def test_the_journal_tells_of_every_order_before_and_after(vultr):
    assert_law(vultr, Cli(vultr.env, vultr.scratch), "law")


def test_there_are_saves_to_take_out():
    assert len(saving_statements()) >= 6


@pytest.mark.parametrize(("module", "line", "text"), saving_statements(), ids=lambda value: str(value)[:40])
def test_without_any_one_save_the_suite_turns_red(vultr, module, line, text):
    path = os.pathsep.join(filter(None, [str(MUTANTS), vultr.env.get("PYTHONPATH", "")]))
    mutant = {**vultr.env, "PYTHONPATH": path, "MNGR_MUTANT": f"{module}:{line}"}
    with pytest.raises(AssertionError):
        assert_law(vultr, Cli(mutant, vultr.scratch), "mutant")
