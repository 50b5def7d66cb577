"""The generated ssh_config, and pins on disk."""

import os
from pathlib import Path

import pytest

from mngr.transport import keys, ssh
from mngr.transport.ssh import HostKeyMismatch, KeyRefused, SshTarget, config_text, unreachable

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0"


@pytest.fixture(autouse=True)
def short_runtime_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def target(folder: Path, alias: str = "h") -> SshTarget:
    return SshTarget(
        alias=alias, address="192.0.2.7", port=2222, user="root", key=folder / "key",
        known_hosts=folder / "pins", config=folder / "config",
    )  # fmt: skip


def lines(folder: Path) -> dict[str, str]:
    text = config_text(target(folder)).splitlines()
    return dict(line.strip().split(" ", 1) for line in text)


def test_only_pinned_keys_are_trusted(tmp_path: Path) -> None:
    config = lines(tmp_path)
    assert config["StrictHostKeyChecking"] == "yes"
    assert config["UserKnownHostsFile"] == f'"{tmp_path}/pins"'
    assert config["GlobalKnownHostsFile"] == "/dev/null"
    assert config["UpdateHostKeys"] == "no"


def test_only_our_key_is_offered_and_nothing_is_forwarded(tmp_path: Path) -> None:
    config = lines(tmp_path)
    assert config["IdentityFile"] == f'"{tmp_path}/key"'
    assert config["IdentitiesOnly"] == "yes"
    assert config["IdentityAgent"] == "none"
    assert config["ForwardAgent"] == "no"
    assert config["PasswordAuthentication"] == "no"


def test_the_socket_path_is_short_however_deep_the_home(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 200) / ("y" * 200)
    text = config_text(target(deep))
    [path] = [line.split('"')[1] for line in text.splitlines() if "ControlPath" in line]
    assert len(path) < 80  # sun_path holds 108, and ssh adds 17 while it connects


def test_each_host_has_a_socket_of_its_own(tmp_path: Path) -> None:
    def socket(folder: Path, alias: str) -> str:
        return next(one for one in config_text(target(folder, alias)).splitlines() if "ControlPath" in one)

    assert len({socket(tmp_path, "a"), socket(tmp_path, "b"), socket(tmp_path / "other", "a")}) == 3


def test_spaces_and_percents_in_paths_are_kept_from_ssh(tmp_path: Path) -> None:
    text = config_text(target(tmp_path / "my home %h"))
    assert f'IdentityFile "{tmp_path}/my home %%h/key"' in text


@pytest.mark.parametrize("name", ['a"b', "a\nb"])
def test_a_path_that_ssh_cannot_express_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="can't express"):
        config_text(target(tmp_path / name))


def test_a_control_folder_that_others_can_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(str(tmp_path)) >= 40:
        tmp_path = Path(os.path.realpath("/tmp")) / f"mngr-t-{os.getpid()}"
    tmp_path.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "mngr").mkdir()
    (tmp_path / "mngr").chmod(0o755)
    try:
        with pytest.raises(ssh.MngrError, match="isn't a private folder"):
            ssh.control_dir()
    finally:
        (tmp_path / "mngr").rmdir()


def test_pins_come_back_as_they_were_written(tmp_path: Path) -> None:
    pins = {("192.0.2.7", 22): [KEY], ("192.0.2.7", 2222): [KEY, KEY + "x"], ("2001:db8::1", 2222): [KEY]}
    keys.pin(tmp_path / "pins", {place: [f"{key} comment" for key in some] for place, some in pins.items()})
    assert keys.pinned(tmp_path / "pins") == pins
    assert (tmp_path / "pins").stat().st_mode & 0o077 == 0


def test_no_pins_where_there_is_no_file(tmp_path: Path) -> None:
    assert keys.pinned(tmp_path / "none") == {}


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = keys.ensure_key(tmp_path / "keys" / "id", "me")
    assert first.startswith("ssh-ed25519 ")
    assert keys.ensure_key(tmp_path / "keys" / "id", "me") == first
    assert (tmp_path / "keys" / "id").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["id", "id.pub"]


def test_a_pair_whose_public_half_was_lost_is_completed(tmp_path: Path) -> None:
    first = keys.ensure_key(tmp_path / "id", "me")
    (tmp_path / "id.pub").unlink()
    assert keys.ensure_key(tmp_path / "id", "me").split()[:2] == first.split()[:2]


def test_a_host_key_leaves_no_file(tmp_path: Path) -> None:
    private, public = keys.make_host_key(tmp_path)
    assert "PRIVATE KEY" in private
    assert public.startswith("ssh-ed25519 ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            HostKeyMismatch,
        ),
        ("root@192.0.2.7: Permission denied (publickey).", KeyRefused),
        ("ssh: connect to host 192.0.2.7 port 22: Connection refused", ssh.Unreachable),
        ("", ssh.Unreachable),
    ],
)
def test_what_ssh_says_becomes_an_error_of_its_kind(said: str, kind: type[Exception]) -> None:
    error = unreachable("root@192.0.2.7:22", said)
    assert type(error) is kind
    assert "192.0.2.7" in str(error)
    assert error.exit_code == 5
