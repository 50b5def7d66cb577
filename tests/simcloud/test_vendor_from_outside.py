"""A vendor that another distribution brings, found by its entry point: shared parts work for it as for those in the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mngr.simcloud import vendors
from mngr.testing.cloud import SimulatedCloud, send, until
from support import stratus


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which a distribution `mngr-stratus` is installed, which has another `vultr`, too."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(str(stratus.__file__), site / "mngr_stratus.py")
    info = site / "mngr_stratus-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mngr-stratus\nVersion: 1.0\n")
    points = f"[{vendors.GROUP}]\nstratus = mngr_stratus\nvultr = mngr_stratus\n"
    (info / "entry_points.txt").write_text(points)
    return {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def cloud(installed: dict[str, str]) -> Iterator[SimulatedCloud]:
    with SimulatedCloud("stratus", "--machines", "fake", "--token", "mine", env=installed) as running:
        yield running


def test_it_runs_bills_and_fails_as_ordered(cloud: SimulatedCloud) -> None:
    login = {"Authorization": "Bearer mine"}
    assert cloud.env == {"STRATUS_TOKEN": "mine", "STRATUS_URL": cloud.url}
    status, made = send("POST", f"{cloud.url}/machines", {"name": "one", "tags": ["a=b"]}, login)
    assert (status, made["state"]) == (201, "building")
    path = f"{cloud.url}/machines/{made['id']}"
    until(lambda: send("GET", path, None, login)[1]["state"] == "running", "a running machine")
    [line] = cloud.bill()["lines"]
    assert (line["resource"], line["tags"], line["open"]) == (made["id"], ["a=b"], True)
    cloud.fault("no_capacity", method="POST", path="/machines")
    assert send("POST", f"{cloud.url}/machines", {"name": "two"}, login) == (409, {"message": "sold out"})
    assert send("DELETE", path, None, login)[0] == 204
    assert send("GET", path, None, login) == (404, {"message": "no such machine"})
    assert cloud.bill()["open"] == 0


def test_requests_that_arent_right_get_its_own_words(cloud: SimulatedCloud) -> None:
    login = {"Authorization": "Bearer mine"}
    machines = f"{cloud.url}/machines"
    assert send("GET", machines, None, {}) == (401, {"message": "who are you?"})
    assert send("POST", machines, {}, login) == (400, {"message": "name is missing"})
    assert send("POST", machines, {"name": 1}, login) == (400, {"message": "name must be a string"})
    assert send("POST", machines, [], login) == (400, {"message": "no object"})
    assert send("PUT", machines, {}, login) == (405, {"message": "only POST, GET"})
    assert send("GET", f"{cloud.url}/nothing", None, login) == (404, {"message": "no such path"})


def test_a_name_of_the_tree_is_the_trees(installed: dict[str, str]) -> None:
    with SimulatedCloud("vultr", "--machines", "fake", env=installed) as running:
        assert running.url.endswith("/v2")


def test_a_name_that_nobody_brings_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mngr.simcloud", "stratus"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "invalid choice: 'stratus' (choose from 'azure', 'ovh', 'vultr', 'clean', 'images')" in done.stderr


def test_every_folder_with_a_start_is_a_vendor() -> None:
    assert vendors.in_tree() == ["azure", "ovh", "vultr"]
