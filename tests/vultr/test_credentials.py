"""A credential, wherever it comes in and however odd, is in nothing that mngr says or writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.cli.main import run
from support.simcloud import Simcloud

MARK = "s3cr3tMARK"

SHAPES = {
    "plain": MARK,
    "a line's end": f"{MARK}\n",
    "CRLF": f"{MARK}\r\n",
    "blanks around": f"  {MARK}\t",
    "a blank": f"a {MARK}",
    "two lines": f"{MARK}\n{MARK}",
    "not ASCII": f"é{MARK}",
    "not Latin-1": f"{MARK}\N{ZERO WIDTH SPACE}\N{SNOWMAN}",
    "a byte order mark": f"\ufeff{MARK}",
    "a control character": f"{MARK}\x1b[31m",
    "quotes": f'"{MARK}"',
    "very long": MARK * 2000,
    "TOML": f"['{MARK}",
}

#: Where a credential comes in: a variable, or a file of the user's and its text with {} for the value as TOML has it.
PLACES = {
    "VULTR_API_KEY": "vultr",
    "MNGR__PROVIDERS__VULTR__API_KEY": "vultr",
    "MNGR__PROVIDERS__VULTR__API_URL": "vultr",
    "MNGR__PROVIDERS__VULTR": "vultr",
    "MNGR__AGENT_TYPES__CLAUDE__ENV__TOKEN": "vultr",
    "MNGR__AGENT_TYPES__CLAUDE__ENV": "vultr",
    "MNGR__PROVIDERS__VULTR__DEFAULT_START_ARGS": "vultr",
    "config.toml [providers.vultr] api_key": "vultr",
    "config.toml [agent_types.claude.env] TOKEN": "vultr",
}

VERBS = (
    ("list", "--format", "json"),
    ("list",),
    ("doctor", "--format", "json"),
    ("create", "x", "--provider", "{}", "--dry-run", "--no-code", "--format", "json"),
    ("gc",),
    ("config", "list", "--format", "json"),
    ("config", "list"),
)


@pytest.fixture(scope="module")
def clouds() -> Iterator[dict[str, Simcloud]]:
    with Simcloud("vultr", "--machines", "fake", "--rate-limit", "0") as vultr:
        yield {"vultr": vultr}


@pytest.fixture
def user(clouds: dict[str, Simcloud], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for key in list(os.environ):
        if key.startswith(("MNGR", "VULTR_", "OVH_")):
            monkeypatch.delenv(key)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MNGR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNGR_DEBUG", "1")
    return monkeypatch


def put(user: pytest.MonkeyPatch, place: str, value: str) -> Path | None:
    """Puts the value there; the file it is in, if it is one."""
    import tomlkit

    where, _, key = place.partition(" ")
    if where == "config.toml":
        table, _, name = key.partition(" ")
        path = Path(os.environ["MNGR_HOME"]) / where
        path.write_text(f"{table}\n{name} = {tomlkit.item(value).as_string()}\n")
        return path
    if where.endswith("API_URL"):
        value = f"https://user:{value}@127.0.0.1:9"
    if where.endswith("START_ARGS"):
        value = f"['-e', 'K={value}', '--env=K={value}', '-eK={value}']"
    user.setenv(where, value)
    return None


def credentials(user: pytest.MonkeyPatch, clouds: dict[str, Simcloud], backend: str, place: str) -> None:
    """The other variables that the cloud needs, but for the one under test and what would go before it."""
    for key, value in clouds[backend].env.items():
        user.setenv(key, value)


@pytest.mark.parametrize("place", PLACES)
def test_no_credential_is_said_or_written(
    clouds: dict[str, Simcloud],
    user: pytest.MonkeyPatch,
    place: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    backend = PLACES[place]
    for shape, value in SHAPES.items():
        with pytest.MonkeyPatch.context() as each:
            credentials(each, clouds, backend, place)
            holds = put(each, place, value)
            for verb in VERBS:
                code = run([word.format(backend) for word in verb])
                said = "".join(capfd.readouterr())
                context = f"{shape}: mngr {' '.join(verb)} ({code})"
                assert MARK not in said, f"{context}\n{said}"
                assert "Traceback" not in said, f"{context}\n{said}"
                if shape not in ("plain", "quotes") and "create" in verb:
                    assert code in (0, 1, 2, 5), context
            for path in tmp_path.rglob("*"):
                if path.is_file() and path != holds:
                    assert MARK.encode() not in path.read_bytes(), f"{shape}: {path}"
            if holds:
                holds.unlink()


@pytest.mark.parametrize("shape", ["a line's end", "CRLF", "blanks around"])
def test_white_space_around_a_key_is_nothing(
    clouds: dict[str, Simcloud], user: pytest.MonkeyPatch, shape: str
) -> None:
    key = clouds["vultr"].env["VULTR_API_KEY"]
    credentials(user, clouds, "vultr", "")
    user.setenv("VULTR_API_KEY", SHAPES[shape].replace(MARK, key))
    assert run(["list", "--provider", "vultr"]) == 0


@pytest.mark.parametrize("shape", ["a blank", "two lines", "not ASCII", "a control character", "very long"])
def test_what_can_t_be_a_key_is_refused(
    clouds: dict[str, Simcloud], user: pytest.MonkeyPatch, shape: str, capfd: pytest.CaptureFixture[str]
) -> None:
    credentials(user, clouds, "vultr", "")
    user.setenv("VULTR_API_KEY", SHAPES[shape])
    since = len(clouds["vultr"].calls())
    assert run(["create", "x", "--provider", "vultr", "--yes", "--no-code"]) == 2
    assert "VULTR_API_KEY" in capfd.readouterr().err
    assert clouds["vultr"].calls(since) == []
