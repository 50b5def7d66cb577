from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mngr.model.errors import Conflict, InvalidInput, NotFound
from mngr.vms import keys
from mngr.vms.keys import Key, KeyStore
from mngr.vms.spec import check_key, key_pattern


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


def shown(path: str) -> list[str]:
    return subprocess.run(
        ["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True
    ).stdout.split()


def test_an_rsa_key_has_4096_bits_and_is_its_owners_alone(store: KeyStore, tmp_path: Path) -> None:
    key = store.generate("my-key", "My SSH Key")
    assert (key.private_path, key.public_path) == (
        str(tmp_path / "keys/my-key"),
        str(tmp_path / "keys/my-key.pub"),
    )
    assert key.public_key.startswith("ssh-rsa AAAA")
    assert key.public_key.endswith(" My SSH Key")
    assert shown(key.private_path)[0] == "4096"
    assert Path(key.private_path).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert store.all() == [store.get("my-key")] == [key]
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["my-key", "my-key.pub"]


def test_an_ed25519_key_with_its_name_as_comment(store: KeyStore) -> None:
    key = store.generate("e", kind="ed25519")
    assert key.public_key.startswith("ssh-ed25519 ")
    assert key.public_key.endswith(" e")


def test_a_key_is_never_written_over(store: KeyStore) -> None:
    key = store.generate("k", kind="ed25519")
    before = Path(key.private_path).read_bytes()
    with pytest.raises(Conflict, match="already"):
        store.generate("k", kind="ed25519")
    assert Path(key.private_path).read_bytes() == before


def test_of_many_at_once_one_wins(store: KeyStore) -> None:
    def one(number: int) -> Key | None:
        try:
            return store.generate("k", f"n{number}", "ed25519")
        except Conflict:
            return None

    with ThreadPoolExecutor(6) as pool:
        [won] = [key for key in pool.map(one, range(6)) if key]
    assert store.get("k") == won
    derived = subprocess.run(
        ["ssh-keygen", "-y", "-f", won.private_path], capture_output=True, text=True, check=True
    )
    assert derived.stdout.split()[1] == won.public_key.split()[1]


def test_a_public_part_that_is_missing_is_made_again(store: KeyStore) -> None:
    """Whoever made the key was killed between its two files."""
    key = store.generate("k", "why not", "ed25519")
    Path(key.public_path).unlink()
    assert store.get("k") == key
    assert Path(key.public_path).read_text().strip() == key.public_key


def test_stray_files_are_no_keys(store: KeyStore, tmp_path: Path) -> None:
    store.generate("k", kind="ed25519")
    folder = tmp_path / "keys"
    (folder / "notes").write_text("x")
    (folder / "other.pub").write_text("ssh-ed25519 AAAA x")
    (folder / "sub").mkdir()
    (folder / "link").symlink_to(folder / "k")
    assert [key.name for key in store.all()] == ["k"]
    for name in ("notes", "other", "sub", "link", "none"):
        with pytest.raises(NotFound):
            store.get(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/x", "a/b", "a b", "-f", "k.pub", "ä", "a\n", "x" * 64, "k\0", "%2e%2e%2fx"],
)
def test_odd_names_are_refused(store: KeyStore, tmp_path: Path, name: str) -> None:
    for use in (store.generate, store.get, store.delete):
        with pytest.raises(InvalidInput):
            use(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("comment", ["two\nlines", "x" * 201, "tab\there", "nul\0", "\x1b[31mred"])
def test_odd_comments_are_refused(store: KeyStore, comment: str) -> None:
    with pytest.raises(InvalidInput):
        store.generate("k", comment)
    assert store.all() == []


def test_delete_takes_both_files(store: KeyStore, tmp_path: Path) -> None:
    store.generate("k", kind="ed25519")
    store.delete("k")
    assert list((tmp_path / "keys").iterdir()) == []
    with pytest.raises(NotFound):
        store.delete("k")
    assert store.generate("k", kind="ed25519")


def test_a_key_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    good = store.generate("good", kind="ed25519")
    (tmp_path / "broken").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nnothing\n")
    (tmp_path / "folder").mkdir()
    assert store.all() == [good]


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ecdsa"])
def test_the_pattern_of_public_keys_takes_what_is_made(tmp_path: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", tmp_path / "key"], check=True)
    line = (tmp_path / "key.pub").read_text().strip()
    assert re.match(key_pattern(), check_key(line))
    assert not re.match(key_pattern(), line[:-20].replace("AAAA", "AAAB"))


def test_what_a_killed_process_left_goes_and_what_is_being_made_stays(
    store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "keys" / ".new-killed"
    killed.mkdir(parents=True)
    (killed / "key").write_text("private")
    seen: list[list[str]] = []
    ssh_keygen = keys._ssh_keygen

    def beside(*argv: str) -> str:
        store.tidy()
        seen.append([path.name for path in (tmp_path / "keys").iterdir()])
        return ssh_keygen(*argv)

    monkeypatch.setattr(keys, "_ssh_keygen", beside)
    store.generate("k", kind="ed25519")
    assert len(seen[0]) == 1
    assert seen[0] != [".new-killed"]
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["k", "k.pub"]


def test_a_store_without_a_folder_is_tidy(store: KeyStore, tmp_path: Path) -> None:
    store.tidy()
    assert list(tmp_path.iterdir()) == []
