"""`mngr vm` with VM_PROVISIONER_URL: no verb takes this computer's libvirt for the service's."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from mngr.cli import vm
from mngr.cli.main import run
from mngr.vps_docker import http

#: Nobody listens there.
DEAD = "http://127.0.0.1:1"
#: What a verb is given for an argument, if not a name.
WORDS = {"switch": "on"}
#: It is told that the variable isn't for it: it serves this computer's VMs.
LOCAL = {("serve",)}


def verbs(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, found in group.commands.items():
        if isinstance(found, click.Group):
            yield from verbs(found, (*path, name))
        else:
            yield (*path, name), found


def arguments(command: click.Command) -> list[str]:
    given = [WORDS.get(str(one.name), "x") for one in command.params if isinstance(one, click.Argument)]
    options = {option for one in command.params for option in one.opts}
    more = {"--path": ["/srv/x"], "--image": ["https://example.org/x.img"], "--yes": [], "--vcpus": ["2"]}
    return given + [word for name, value in more.items() if name in options for word in (name, *value)]


EVERY = [(path, one) for path, one in verbs(vm.command) if path not in LOCAL]


@pytest.mark.parametrize(
    ("path", "command"), EVERY, ids=lambda one: " ".join(one) if isinstance(one, tuple) else ""
)
def test_a_verb_asks_the_service_or_says_that_it_cannot(
    path: tuple[str, ...],
    command: click.Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(http, "UNREACHED_BUDGET_S", 0.0)
    monkeypatch.setenv("LIBVIRT_URI", "nonsense:///x")
    monkeypatch.setenv("VM_PROVISIONER_URL", DEAD)
    monkeypatch.setenv("VM_PROVISIONER_TOKEN", "a-secret")
    code = run(["vm", *path, *arguments(command)])
    told = capsys.readouterr()
    assert told.out == ""
    if code == 2:
        assert "is for this computer alone, and VM_PROVISIONER_URL names a service" in told.err
        assert path[0] in ("console", "token") or path == ("image", "prune")
    else:
        assert (code, "can't reach the VM service at http://127.0.0.1:1" in told.err) == (5, True), told.err
    assert "a-secret" not in told.err


@pytest.mark.parametrize(
    ("url", "token", "said"),
    [
        ("http://192.0.2.1:8092", "t", "in the clear"),
        ("ftp://127.0.0.1", "t", "VM_PROVISIONER_URL"),
        (DEAD, "a secret\nof two lines", "VM_PROVISIONER_TOKEN"),
    ],
)
def test_an_address_or_token_that_cannot_be_used(
    url: str, token: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VM_PROVISIONER_URL", url)
    monkeypatch.setenv("VM_PROVISIONER_TOKEN", token)
    assert run(["vm", "list"]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--image", "debian.qcow2"], "--image FILE is for this computer's libvirt"),
        (["--template", "debian-12", "--user-data", "/etc/hostname"], "--user-data is for this computer's"),
        (["--image", "https://x.org/y", "--kernel", "/vmlinuz"], "--kernel is for this computer's libvirt"),
        ([], "there is nothing to boot"),
    ],
)
def test_files_of_this_computer_are_no_service_s(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VM_PROVISIONER_URL", DEAD)
    assert run(["vm", "create", "x", *words]) == 2
    assert said in capsys.readouterr().err
