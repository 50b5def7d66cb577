"""What goes to a host that nobody has verified yet, and which keys are pinned when."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, listing
from support.ovh import sdk


@pytest.mark.parametrize("snapshot", ["saved.tar", "snap-0123456789abcdef"])
def test_no_snapshot_is_restored_onto_an_unverified_host_unless_told(
    account: Callable[..., OvhWorld], snapshot: str
) -> None:
    world = account()
    (world.scratch / "saved.tar").write_text("not read before that is settled")
    create = ("create", "one", "--provider", "ovh", "--snapshot", snapshot, "--yes")
    refused = cli(world)(*create, codes=(2,))
    assert "may hold secrets" in refused.err
    assert "--trust-first-contact" in refused.err
    assert cli(world)(*create, "--dry-run", codes=(2,)).err == refused.err.replace("create one: check\n", "")
    assert [call for call in world.cloud.calls() if call["method"] == "POST"] == []
    told = Cli({**world.env, "MNGR__PROVIDERS__OVH__TRUST_FIRST_CONTACT": "true"}, world.scratch)(*create)
    flagged = cli(world)(*create, "--trust-first-contact")
    for done in (told, flagged):
        assert done.code in (2, 3)
        assert "may hold secrets" not in done.err, "it is looked at, and isn't a snapshot"
        assert snapshot in done.err
    assert world.cloud.bill()["lines"] == []


#: Before each ssh, notes how strict it is and what is pinned for it; then the real one.
WATCHED_SSH = """#!/bin/sh
next=
for word; do
    [ "$next" != -F ] || config=$word
    next=$word
done
known=$(sed -n 's/^  UserKnownHostsFile "*\\([^"]*\\)"*$/\\1/p' "$config")
case " $* " in *StrictHostKeyChecking=accept-new*) how=accept-new ;; *) how=strict ;; esac
printf '%s %s %s\\n' "$how" "${{known##*/}}" "$(sed 's/.* //' "$known" 2>/dev/null | tr '\\n' ' ')" >>{log}
exec {ssh} "$@"
"""


def watched(world: OvhWorld, folder: Path) -> tuple[Cli, Path]:
    folder.mkdir()
    log = folder / "log"
    (folder / "ssh").write_text(WATCHED_SSH.format(log=log, ssh=shutil.which("ssh", path=world.env["PATH"])))
    (folder / "ssh").chmod(0o755)
    return Cli({**world.env, "PATH": f"{folder}:{world.env['PATH']}"}, world.scratch), log


def test_the_first_key_is_pinned_then_replaced_and_another_one_refused(
    account: Callable[..., OvhWorld], tmp_path: Path
) -> None:
    world = account()
    mngr, log = watched(world, tmp_path / "watched")
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    [host] = listing(world)["hosts"]
    [vps] = world.cloud.resources()
    ssh = [line.split() for line in log.read_text().splitlines()]
    trusting = [words for words in ssh if words[0] == "accept-new"]
    assert {words[1] for words in trusting} == {vps["id"]}, "one place takes the key that it is shown"
    assert ssh[: len(trusting)] == trusting, "and nothing does after it"
    assert trusting[0][2:] == []
    machine = [words[2:] for words in ssh if words[0] == "strict" and words[1] in (vps["id"], host["id"])]
    first = machine[0]
    last = machine[-1]
    assert len(first) == len(last) == 1
    assert first != last
    assert all(pins for pins in machine), "a strict connection has a pin"
    steps = [pins for index, pins in enumerate(machine) if index == 0 or pins != machine[index - 1]]
    assert [sorted(pins) for pins in steps] == [first, sorted([*first, *last]), last]

    folder = world.home / "profile/providers/ovh/ovh/known_hosts"
    assert (
        (folder / vps["id"]).read_text()
        == (folder / host["id"]).read_text()
        == f"{host['address']} ssh-ed25519 {last[0]}\n"
    )
    assert f"mngr-host-key={last[0]}" in world.cloud.resources()[0]["tags"]

    # Somebody installs the machine anew: it shows another key, and lets our login in.
    api = sdk(world.cloud)  # type: ignore[arg-type]
    images = {
        api.get(f"/vps/{vps['id']}/images/available/{id}")["name"]: id
        for id in api.get(f"/vps/{vps['id']}/images/available")
    }
    key = (world.home / "profile/providers/ovh/ovh/keys/vps.pub").read_text()
    api.post(
        f"/vps/{vps['id']}/rebuild",
        imageId=images["Debian 12 - Docker"],
        publicSshKey=key,
        doNotSendPassword=True,
    )
    world.cloud.settle()
    pinned = (folder / host["id"]).read_text()
    [seen] = mngr("list", "--format", "json", codes=(5,)).json()["hosts"]
    assert seen["state"] == "unreachable"
    assert "host key" in seen["problem"]
    for words in (
        ("stop", "one"),
        ("create", "two@one", "--provider", "ovh", "--no-code", "--env", "TOKEN=s3cret"),
    ):
        refused = mngr(*words)
        assert refused.code in (1, 4, 5), refused
        assert "host key" in refused.err
    assert (folder / host["id"]).read_text() == pinned
    assert log.read_text().count("accept-new") == len(trusting)
