"""A list of an Azure instance that has no VM: against one bare request to the same cloud, and against a list of this computer."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Row, paired, peak, wall
from bench.setting import Cloud, Setting, fresh, simulated

LISTS = 15

#: The bare thing, from process to process: the VMs of a group, by Python's own urllib, with a token that is there already.
BARE = """import json, os, sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
with urllib.request.urlopen(request, timeout=30) as answer:
    print(json.load(answer))
"""


def rows(folder: Path) -> Iterator[Row]:
    local, setting = fresh(folder / "azure-local"), fresh(folder / "azure")
    arguments = ("--registered", "--machines", "fake", "--machines-cmd", "true")
    with simulated(setting.env, *arguments, vendor="azure") as cloud:
        here = setting.with_env(**cloud.env)
        here.run("azure", "prepare", "--allowed-ssh-cidr", "203.0.113.4/32")  # which leaves a token, too
        yield _time(here, cloud)
        yield paired(
            "list, Azure without a VM (memory)", lambda: peak(here.mngr("list"), here.env, here.folder),
            "list, this computer", lambda: peak(local.mngr("list"), local.env, local.folder),
            limit=1.5, rounds=5, unit="MB",
        )  # fmt: skip


def _time(here: Setting, cloud: Cloud) -> Row:
    [kept] = here.folder.glob("home/profile/providers/azure/azure/token.json")
    group = f"/subscriptions/{cloud.env['AZURE_SUBSCRIPTION_ID']}/resourceGroups/mngr"
    url = f"{cloud.url}{group}/providers/Microsoft.Compute/virtualMachines?api-version=2022-11-01"
    env = {**here.env, "TOKEN": json.loads(kept.read_bytes())["token"]}
    bare = [sys.executable, "-c", BARE, url]
    return paired(
        "list, Azure without a VM", lambda: wall(here.mngr("list"), here.env, here.folder),
        "one HTTPS request by urllib", lambda: wall(bare, env, here.folder), limit=2, rounds=LISTS,
    )  # fmt: skip
