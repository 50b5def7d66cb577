"""`mngr azure bake` as it is typed, on fake machines: the image, what uses it, what is left after a kill, what cleanup does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.azure import HASTY, AzureWorld
from mngr.testing.cli import Cli, Done
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from support.azure import Arm

BAKE = ("azure", "bake", "--yes")
CREATE = ("create", "box", "--provider", "azure", "--no-code", "--yes")


@pytest.fixture
def world(tmp_path: Path, fakes: Fakes) -> Iterator[AzureWorld]:
    cloud = SimulatedCloud(
        "azure", *HASTY, "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
    )
    yield AzureWorld(cloud, tmp_path, fakes)
    cloud.stop()


@pytest.fixture
def mngr(world: AzureWorld) -> Cli:
    return Cli(world.env, world.scratch)


def images(world: AzureWorld) -> list[str]:
    return [one["name"] for one in world.cloud.resources("versions")]


def machines(world: AzureWorld) -> list[str]:
    """What is billed but images."""
    return [one.name for one in world.things() if one.kind != "image"]


def ordered(world: AzureWorld, since: int = 0) -> list[dict]:
    """The image of each VM that was ordered."""
    calls = [one for one in world.cloud.calls(since) if one["method"] == "PUT"]
    return [
        one["body"]["properties"]["storageProfile"]["imageReference"]
        for one in calls
        if "storageProfile" in ((one["body"] or {}).get("properties") or {})
        and "/galleries/" not in one["path"]
    ]


def test_an_image_is_made_once_used_and_cleaned_up(world: AzureWorld, mngr: Cli) -> None:
    done = mngr.ok(*BAKE)
    assert "made: mngr_" in done.out
    assert "copying the machine's disk" in done.err
    assert images(world) == ["1.0.0"]
    assert machines(world) == []
    (image,) = [one for one in world.cloud.resources() if one["kind"] == "versions"]
    assert {"managed-by=mngr", "mngr-provider=azure"} <= set(image["tags"])

    again = mngr.ok("azure", "bake")  # asks nothing, as it costs nothing
    assert "is there, as it was" in again.out
    assert len(ordered(world)) == 1

    shown = mngr.ok(*CREATE, "--dry-run").out
    assert "made from the image that `mngr azure bake` made" in shown
    mngr.ok(*CREATE)
    assert ordered(world)[-1] == {"id": image["id"]}
    mngr.ok("destroy", "box", "--yes")
    mngr.ok(*CREATE, "-b", "--azure-image=Debian:debian-12:12:latest")
    assert ordered(world)[-1]["sku"] == "12"
    mngr.ok("destroy", "box", "--yes")

    mngr.ok("azure", "cleanup", "--yes")
    assert world.cloud.resources("versions") == []
    assert world.things() == []


def test_a_fresh_one_takes_the_place_of_the_old_and_other_settings_are_another_image(
    world: AzureWorld, mngr: Cli
) -> None:
    mngr.ok(*BAKE)
    assert "removed: " in mngr.ok(*BAKE, "--fresh").out
    assert images(world) == ["1.0.1"]
    other = Cli({**mngr.env, "MNGR__PROVIDERS__AZURE__OS_DISK_SIZE_GB": "40"}, world.scratch)
    assert "azure bake" not in other.ok(*CREATE, "--dry-run").out
    other.ok(*BAKE)
    assert images(world) == ["1.0.0"]
    assert len(world.cloud.resources("images")) == 1
    assert machines(world) == []


def test_an_image_that_another_computer_baked_for_stays(world: AzureWorld, mngr: Cli) -> None:
    forty = {"MNGR__PROVIDERS__AZURE__OS_DISK_SIZE_GB": "40"}
    theirs = Cli(world.other_home().env, world.scratch)
    mngr.ok(*BAKE)
    assert "removed" not in Cli({**theirs.env, **forty}, world.scratch).ok(*BAKE).out
    assert len(world.cloud.resources("images")) == 2
    # Back to the settings that both have: what only they had baked for goes.
    done = theirs.ok(*BAKE)
    assert "is there, as it was" in done.out
    assert "removed" in done.out
    assert len(world.cloud.resources("images")) == 1
    assert "removed" not in Cli({**mngr.env, **forty}, world.scratch).ok(*BAKE).out
    assert len(world.cloud.resources("images")) == 2


def test_an_image_that_another_instance_baked_for_stays(world: AzureWorld, mngr: Cli) -> None:
    mngr.ok(*BAKE)
    mine, its = "MNGR__PROVIDERS__AZURE__", "MNGR__PROVIDERS__BIG__"
    big = {its + key.removeprefix(mine): value for key, value in mngr.env.items() if key.startswith(mine)}
    big |= {f"{its}BACKEND": "azure", f"{its}OS_DISK_SIZE_GB": "40"}
    other = Cli({**mngr.env, **big}, world.scratch)
    assert "removed" not in other.ok(*BAKE, "--provider", "big").out
    assert "azure bake" in mngr.ok(*CREATE, "--dry-run").out
    assert len(world.cloud.resources("images")) == 2


def test_another_region_gets_a_copy_without_a_machine(world: AzureWorld, mngr: Cli) -> None:
    mngr.ok(*BAKE)
    assert "azure bake" not in mngr.ok(*CREATE, "-b", "--azure-region=eastus", "--dry-run").out
    mngr.ok("azure", "bake", "--region", "eastus")
    assert len(ordered(world)) == 1
    assert "azure bake" in mngr.ok(*CREATE, "-b", "--azure-region=eastus", "--dry-run").out
    assert "azure bake" in mngr.ok(*CREATE, "--dry-run").out
    mngr.ok(*BAKE, "--fresh")
    assert "azure bake" in mngr.ok(*CREATE, "-b", "--azure-region=eastus", "--dry-run").out
    wrong = mngr(*BAKE, "--region", "eastuss", codes=(2,))
    assert "did you mean eastus" in wrong.err


def test_without_yes_and_without_a_terminal_nothing_is_rented(world: AzureWorld, mngr: Cli) -> None:
    done = mngr("azure", "bake", codes=(2,))
    assert "this rents a Standard_B2s in westus" in done.err
    assert ordered(world) == []


def test_an_image_that_was_removed_since_the_check_is_done_without(world: AzureWorld, mngr: Cli) -> None:
    mngr.ok(*BAKE)
    world.cloud.gate("before_commit", method="PUT", path="**/virtualMachines/*")
    running = mngr.start(*CREATE)
    assert world.cloud.held(60)
    other = Arm(world.cloud)  # type: ignore[arg-type]
    (image,) = world.cloud.resources("versions")
    other.done("DELETE", image["id"])
    world.cloud.clear()
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert ordered(world)[-1]["offer"] == "debian-12"


@pytest.mark.parametrize(
    ("at", "method", "path"),
    [
        ("after_commit", "PUT", "**/virtualMachines/*"),
        ("after_commit", "POST", "**/deallocate"),
        ("before_commit", "POST", "**/generalize"),
        ("after_commit", "POST", "**/generalize"),
        ("before_commit", "PUT", "**/galleries/*"),
        ("before_commit", "PUT", "**/versions/*"),
        ("after_commit", "PUT", "**/versions/*"),
        ("after_commit", "DELETE", "**/virtualMachines/*"),
    ],
)
def test_killed_anywhere_and_run_again(world: AzureWorld, mngr: Cli, at: str, method: str, path: str) -> None:
    world.cloud.gate(at, method=method, path=path)
    killed(world, mngr)
    mngr.ok(*BAKE)
    assert images(world) == ["1.0.0"]
    assert machines(world) == []
    assert mngr.ok("list", "--format", "json").json()["hosts"] == []


def test_killed_and_gc_takes_the_machine_away(world: AzureWorld, mngr: Cli) -> None:
    world.cloud.gate("before_commit", method="POST", path="**/generalize")
    killed(world, mngr)
    (host,) = mngr("list", "--format", "json", codes=(0, 5)).json()["hosts"]
    assert "mngr gc" in host["problem"]
    mngr.ok("gc")
    assert machines(world) == []
    mngr.ok("azure", "cleanup", "--yes")


def killed(world: AzureWorld, mngr: Cli) -> None:
    running = mngr.start(*BAKE)
    assert world.cloud.held(90)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    world.cloud.release("drop")
    world.cloud.clear()


@pytest.mark.parametrize(
    ("do", "path"),
    [("late_failure", "**/versions/*"), ("error", "**/generalize"), ("late_failure", "**/virtualMachines/*")],
)
def test_what_fails_is_taken_back_and_the_next_bake_is_whole(
    world: AzureWorld, mngr: Cli, do: str, path: str
) -> None:
    method = "POST" if "generalize" in path else "PUT"
    more = {"status": 409} if do == "error" else {}
    world.cloud.fault(do, method=method, path=path, **more)
    done = mngr(*BAKE, codes=(1,))
    assert "mngr gc" not in done.err
    assert machines(world) == []
    world.cloud.clear()
    mngr.ok(*BAKE)
    assert len(images(world)) == 1
    assert machines(world) == []


def test_a_missing_right_names_action_and_scope(world: AzureWorld, mngr: Cli) -> None:
    lacks = "Microsoft.Compute/galleries/images/versions/write"
    env = world.cloud.ask("POST", "/principals", {"without": [lacks]})["env"]
    done: Done = Cli({**mngr.env, **env}, world.scratch)(*BAKE, codes=(1,))
    assert lacks in done.err
    assert "/resourceGroups/mngr/providers/Microsoft.Compute/galleries/" in done.err
    assert machines(world) == []


def test_cleanup_leaves_a_gallery_that_others_use(world: AzureWorld, mngr: Cli) -> None:
    mngr.ok(*BAKE)
    other = Arm(world.cloud)  # type: ignore[arg-type]
    (gallery,) = world.cloud.resources("galleries")
    body = {
        "location": "westus",
        "properties": {
            "osType": "Linux", "osState": "Generalized", "identifier": {"publisher": "a", "offer": "b", "sku": "c"},
        },
    }  # fmt: skip
    other.done("PUT", f"{gallery['id']}/images/theirs", body)
    done = mngr("azure", "cleanup", "--yes", codes=(4,))
    assert "theirs" in done.err
    assert images(world) == ["1.0.0"]
