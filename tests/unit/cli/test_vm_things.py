"""What the verbs of `mngr vm` print of a thing."""

from __future__ import annotations

import pytest

from mngr.cli.main import run
from mngr.cli.vm_things import tell_list, tell_one

ROW = {"name": "lab", "cidr": "", "active": True, "vms": ("one", "two")}


def test_a_thing_has_a_line_for_each_value_that_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    tell_one("network", ROW, "human", False, {"made": True}, "made lab")
    assert capsys.readouterr().out == "made lab\nname:      lab\nactive:    True\nvms:       one, two\n"
    tell_one("network", {**ROW, "vms": ()}, "human", True)
    assert capsys.readouterr().out == ""


def test_a_list_has_words_where_programs_have_values(capsys: pytest.CaptureFixture[str]) -> None:
    columns = {"NAME": "name", "STARTED": "active", "VMS": "vms"}
    tell_list("networks", [ROW], columns, "human", False)
    assert capsys.readouterr().out == "NAME  STARTED  VMS\nlab   yes      one, two\n"
    tell_list("networks", [ROW], columns, "human", True)
    assert capsys.readouterr().out == "lab\n"
    tell_list("networks", [], columns, "human", False)
    assert capsys.readouterr().out == "no networks\n"


def test_the_packages_of_a_template_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vm", "template", "show", "debian-12"]) == 0
    assert "packages:  qemu-guest-agent\n" in capsys.readouterr().out
