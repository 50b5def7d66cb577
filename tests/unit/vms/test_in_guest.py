"""The script that changes keys in a guest, by itself: on this computer's files."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

import pytest

from mngr.vms import in_guest, seed_keys
from mngr.vms.seed_keys import Change

UUID = "0f2b8c1e-6f5c-4f3e-9f57-0123456789ab"
ONE, TWO = "ssh-ed25519 AAAAone me@here", "ssh-ed25519 AAAAtwo"


class Guest:
    """A home, and what `in_guest.py` finds on the seed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script, self.state, home = folder / "script", folder / "state/keys.json", folder / "home"
        home.mkdir()
        self.machine_id = folder / "machine-id"
        self.machine_id.write_text("1" * 32 + "\n")
        monkeypatch.setattr(in_guest, "MACHINE_IDS", (str(self.machine_id), str(folder / "no-dbus")))
        self.keys = home / ".ssh/authorized_keys"
        me = in_guest.pwd.getpwnam(getpass.getuser())
        person = in_guest.pwd.struct_passwd((*me[:5], str(home), me[6]))
        monkeypatch.setattr(in_guest.pwd, "getpwnam", lambda name: {"dev": person}[name])
        monkeypatch.setattr(in_guest, "default_user", lambda: "dev")

    def boots(self, *changes: Change, user: str = "dev", vm: str = UUID) -> dict[str, Any]:
        hook = seed_keys.script(vm, user)
        self.script.write_bytes(hook)
        seed_keys.write(self.script, vm, user, list(changes))
        in_guest.main(str(self.script), str(self.state))
        return json.loads(self.state.read_text())

    def lines(self) -> list[str]:
        return self.keys.read_text().splitlines()


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guest:
    return Guest(tmp_path, monkeypatch)


def change(serial: int, key: str, present: bool = True, user: str = "") -> Change:
    return Change(serial=serial, name="k", key=key, user=user, present=present)


def test_a_key_is_added_to_those_that_are_there(guest: Guest) -> None:
    guest.keys.parent.mkdir()
    guest.keys.write_text("# mine\nssh-rsa BBBB other")
    guest.boots(change(1, ONE))
    assert guest.lines() == ["# mine", "ssh-rsa BBBB other", ONE]
    guest.boots(change(1, ONE), change(2, TWO))
    assert guest.lines() == ["# mine", "ssh-rsa BBBB other", ONE, TWO]
    guest.boots(change(2, TWO), change(3, ONE, present=False))
    assert guest.lines() == ["# mine", "ssh-rsa BBBB other", TWO]


def test_who_had_none_gets_a_file_of_his_own(guest: Guest) -> None:
    assert guest.boots(change(1, ONE))["done"] == [1]
    assert guest.keys.stat().st_mode & 0o777 == 0o600
    assert guest.keys.parent.stat().st_mode & 0o777 == 0o700


def test_each_change_is_carried_out_once(guest: Guest) -> None:
    guest.boots(change(1, ONE))
    guest.keys.write_text("")  # its owner's word
    guest.boots(change(1, ONE))
    assert guest.lines() == []
    guest.boots(change(2, ONE))
    assert guest.lines() == [ONE]


def test_a_copy_of_the_vm_has_changes_of_its_own(guest: Guest) -> None:
    guest.boots(change(1, ONE))
    guest.boots(change(1, TWO), vm=UUID.replace("0f", "1f"))
    assert guest.lines() == [ONE, TWO]


def test_a_copy_of_the_vm_has_a_machine_id_of_its_own(guest: Guest) -> None:
    """Some DHCP clients ask for an address by it; what was no copy keeps its own."""
    for _ in range(2):
        guest.boots()
        assert guest.machine_id.read_text() == "1" * 32 + "\n"
    guest.boots(vm=UUID.replace("0f", "1f"))
    assert guest.machine_id.read_text() == "1f2b8c1e6f5c4f3e9f570123456789ab\n"
    assert guest.machine_id.stat().st_mode & 0o777 == 0o444


def test_a_key_that_is_there_with_another_comment_stays_as_it_is(guest: Guest) -> None:
    guest.boots(change(1, ONE))
    guest.boots(change(2, "ssh-ed25519 AAAAone elsewhere"))
    assert guest.lines() == [ONE]


def test_an_eject_takes_out_what_an_inject_put_in_and_nothing_else(guest: Guest) -> None:
    guest.keys.parent.mkdir()
    guest.keys.write_text(f"{ONE}\nssh-rsa BBBB other\n")
    guest.boots(change(1, seed_keys.marked(ONE)), change(2, seed_keys.marked(TWO)))
    assert guest.lines() == [ONE, "ssh-rsa BBBB other", seed_keys.marked(TWO)]
    guest.boots(
        change(3, seed_keys.marked(ONE), present=False), change(4, seed_keys.marked(TWO), present=False)
    )
    assert guest.lines() == [ONE, "ssh-rsa BBBB other"]


def test_changes_come_in_the_order_in_which_they_are(guest: Guest) -> None:
    guest.boots(change(9, ONE))
    guest.boots(change(8, ONE, present=False), change(3, ONE, user="dev"))
    assert guest.lines() == [ONE]


def test_a_user_who_is_not_there_yet_gets_it_later(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    told = guest.boots(change(1, ONE, user="bob"), change(2, TWO))
    assert (told["done"], guest.lines()) == ([2], [TWO])
    assert "bob" in told["left"]["1"]
    monkeypatch.setattr(in_guest.pwd, "getpwnam", lambda name, was=in_guest.pwd.getpwnam: was("dev"))
    assert guest.boots(change(1, ONE, user="bob"), change(2, TWO))["left"] == {}
    assert guest.lines() == [TWO, ONE]


def test_the_images_own_user_is_noted_for_the_agent(guest: Guest) -> None:
    assert guest.boots(user="")["user"] == "dev"


@pytest.mark.parametrize("text", ["$(touch x)", "'; touch x; '", "\\n#mngr-keys x y", "`x`\u00e9"])
def test_a_comment_is_only_text(guest: Guest, text: str) -> None:
    guest.boots(change(1, f"{ONE} {text}"))
    assert guest.lines() == [f"{ONE} {text}"]
