"""`--user`: agents of a host that aren't root, as their user sees it."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.model.errors import InvalidInput
from support.cli import Cli

from .conftest import INSTANCE, RUN, Bench, clear, docker, left, until

OTHER = f"{INSTANCE}-users"


@pytest.fixture(scope="module")
def with_user(image: str) -> Iterator[str]:
    """An image whose USER is app."""
    name = f"mngr-test-user:{RUN}"
    lines = [
        f"FROM {image}",
        "RUN groupadd -g 4000 staff4 && useradd -m -u 3000 -G staff4 -s /bin/bash app && useradd -u 3001 -s /usr/sbin/nologin bare",
        "ENV FROM_IMAGE=yes", "USER app",
    ]  # fmt: skip
    docker("build", "-t", name, "-", input="\n".join(lines).encode())
    yield name
    docker("rmi", "-f", name)


@pytest.fixture(scope="module")
def mngr(tmp_path_factory: pytest.TempPathFactory, with_user: str) -> Iterator[Cli]:
    """mngr in a repository, and an agent called `one` that runs as the image's user."""
    folder = tmp_path_factory.mktemp("users")
    repository = folder / "repository"
    repository.mkdir()
    for words in (
        ["init", "-q", "-b", "trunk"],
        ["config", "user.name", "N"],
        ["config", "user.email", "n@example.org"],
    ):
        subprocess.run(["git", "-C", str(repository), *words], check=True)
    (repository / "file").write_text("sent\n")
    subprocess.run(["git", "-C", str(repository), "add", "file"], check=True)
    subprocess.run(["git", "-C", str(repository), "commit", "-qm", "first"], check=True)
    (folder / "home").mkdir()
    (folder / "home" / "config.toml").write_text(
        f'[providers.{OTHER}]\nbackend = "docker"\ndefault_image = "{with_user}"\n'
    )
    mngr = Cli(folder / "home", cwd=repository)
    script = 'id -un; id -Gn; echo "$HOME $USER $SHELL $FROM_IMAGE"; echo to >/dev/tty; : >/dev/stdout && echo open; touch made; exec sleep 900'
    mngr.run(
        "create",
        f"one.{OTHER}",
        "--user",
        "image",
        "--no-connect",
        "--env",
        "SECRET=s3",
        "--",
        "sh",
        "-c",
        script,
    )
    yield mngr
    mngr.run("destroy", "one", "--yes", code=None)
    clear(OTHER)
    assert left(OTHER) == []


def test_an_agent_runs_as_the_image_s_user(mngr: Cli) -> None:
    until("the agent has spoken", lambda: "open" in mngr.run("logs", "one").stdout)
    said = mngr.run("logs", "one").stdout.split("\n")
    assert [line.strip() for line in said[:5]] == [
        "app", "app staff4", "/home/app app /bin/bash yes", "to", "open",
    ]  # fmt: skip
    assert mngr.host("one")["user"] == "app"


def test_exec_and_its_files_are_the_user_s(mngr: Cli) -> None:
    look = 'id -un; pwd; echo "$HOME $SECRET"; stat -c "%U %n" . file made .git; git status --porcelain'
    assert mngr.run("exec", "one", look).stdout.splitlines() == [
        "app", "/mngr/work/one", "/home/app s3", "app .", "app file", "app made", "app .git", "?? made",
    ]  # fmt: skip
    assert mngr.run("exec", "one", "id", "-un").stdout == "app\n"
    assert mngr.run("exec", "one", "kill -TERM $$", code=None).returncode == 143


def test_the_user_s_own_ssh_to_the_agent_is_the_user_s(mngr: Cli, tmp_path: Path) -> None:
    mngr.run("ssh-config", "-o", str(tmp_path / "conf"))
    look = (
        'id -un; pwd; echo "$HOME $SHELL $SECRET"; test ! -t 0 || { tty >/dev/tty && echo open >"$(tty)"; }'
    )
    for words, more in (["-T"], []), (["-tt"], ["open"]):
        done = subprocess.run(
            ["ssh", "-F", tmp_path / "conf", *words, "one", look], capture_output=True, text=True, timeout=60
        )
        lines = [line for line in done.stdout.splitlines() if not line.startswith("/dev/")]
        assert lines == ["app", "/mngr/work/one", "/home/app /bin/bash s3", *more], done.stderr


def test_what_is_root_s_or_another_agent_s_is_out_of_its_reach(mngr: Cli) -> None:
    mngr.run(
        "create",
        f"two@one.{OTHER}",
        "--no-code",
        "--no-connect",
        "--env",
        "SECRET=two's",
        "--",
        "sleep",
        "900",
    )
    line = (
        "cat /mngr/agents/*/env.sh /mngr/ssh/* /proc/1/environ; tmux -L mngr ls; touch /mngr/stop/request /mngr/work/x;"
        " kill -9 $(pgrep -u root); ls /mngr/agents; :"
    )
    done = mngr.run("exec", "one", line)
    assert done.stdout == ""
    assert mngr.agent("two")["state"] in ("running", "waiting")
    assert mngr.run("exec", "two", "stat -c %U .").stdout == "app\n"
    mngr.run("destroy", "two", "--yes")


def test_commits_come_home(mngr: Cli) -> None:
    commit = "git add made && git -c user.name=A -c user.email=a@example.org commit -qm made"
    mngr.run("exec", "one", commit)
    mngr.run("pull", "one")
    assert subprocess.run(
        ["git", "-C", str(mngr.cwd), "log", "--format=%s", "mngr/one/trunk"], capture_output=True, text=True, check=True,
    ).stdout == "made\nfirst\n"  # fmt: skip


def test_git_in_its_repository_runs_nothing_as_root(mngr: Cli) -> None:
    """Its settings and attributes are the agent's, and name programs."""
    mngr.run(
        "exec", "one",
        "git config filter.x.clean 'id -un >>/tmp/filter; cat' && echo 'file filter=x' >.git/info/attributes && touch -d 2001-01-01 file",
    )  # fmt: skip
    mngr.run("destroy", "one", "--dry-run")
    mngr.run("pull", "one")
    assert set(mngr.run("exec", "one", "cat /tmp/filter").stdout.split()) == {"app"}


def test_connect_shows_the_agent_s_terminal(mngr: Cli) -> None:
    ours, theirs = pty.openpty()
    process = mngr.start("connect", "one", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = b""
    os.set_blocking(ours, False)

    def shown() -> bool:
        nonlocal seen
        try:
            seen += os.read(ours, 65536)
        except BlockingIOError:
            pass
        return b"/home/app" in seen

    until("the terminal shows the agent", shown)
    os.write(ours, b"\x02d")
    assert process.wait(20) == 0
    os.close(ours)


def test_a_window_that_a_person_opens_beside_it_is_the_user_s(mngr: Cli) -> None:
    def there(*words: str) -> str:
        return docker("exec", f"mngr-{mngr.host('one')['id']}", *words, check=False)

    there("tmux", "-L", "mngr", "new-window", "-t", "=one:")
    there("tmux", "-L", "mngr", "send-keys", "-t", "=one:", "cd; (id -un; pwd) | tee window; exit", "Enter")
    until("the window has run", lambda: there("cat", "/home/app/window") == "app\n/home/app")


def test_stop_ends_its_processes_and_start_runs_it_again_as_the_same_user(mngr: Cli) -> None:
    mngr.run("stop", "one")
    assert mngr.agent("one")["state"] == "stopped"
    mngr.run("start", "one")
    assert mngr.run("exec", "one", "id -un; stat -c %U made").stdout == "app\napp\n"


def test_a_snapshot_keeps_the_user(mngr: Cli) -> None:
    saved = mngr.json("snapshot", "create", "one")["snapshot"]["id"]
    try:
        mngr.run("create", f"copy.{OTHER}", "--snapshot", saved, "--no-connect", "--", "sleep", "900")
        assert mngr.run("exec", "copy", "id -un; cat file; git log -1 --format=%s").stdout.startswith(
            "app\nsent\n"
        )
        mngr.run("destroy", "copy", "--yes")
    finally:
        mngr.run("snapshot", "destroy", saved, "--yes")


def test_another_user_on_a_host_that_is_there_is_refused(mngr: Cli) -> None:
    done = mngr.run("create", f"three@one.{OTHER}", "--user", "bare", "--no-code", "--no-connect", code=4)
    assert "agents on host one run as app, not as bare" in done.stderr


def test_without_user_agents_are_root_and_the_image_s_user_is_named(mngr: Cli) -> None:
    done = mngr.run("create", f"plain.{OTHER}", "--no-code", "--no-connect", "--", "sleep", "900")
    assert (
        "note: the image says that its processes run as app; agents run as root: --user image" in done.stderr
    )
    assert mngr.run("exec", "plain", "id -un").stdout == "root\n"
    beside = f"beside@plain.{OTHER}"
    done = mngr.run("create", beside, "--user", "image", "--no-code", "--no-connect", "--", "sleep", "900")
    assert "--user image had no effect" in done.stderr
    mngr.run("destroy", "@plain", "--yes")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("bare", "3001 3001 3001 bare /mngr/home/3001"),
        ("12345:4000", "12345 4000 4000 12345 /mngr/home/12345"),
        ("app:staff4", "3000 4000 4000 app /home/app"),
    ],
)
def test_a_user_without_shell_home_or_entry(mngr: Cli, user: str, expected: str) -> None:
    script = 'echo $(id -u) $(id -g) $(id -G) $USER $HOME >seen && touch "$HOME/mine" && exec sleep 900'
    mngr.run("create", f"odd.{OTHER}", "--user", user, "--no-code", "--no-connect", "--", "sh", "-c", script)
    try:
        until("it ran", lambda: mngr.run("exec", "odd", "cat seen", code=None).stdout == f"{expected}\n")
        assert (
            mngr.run("exec", "odd", "touch again && echo $HOME").stdout == expected.rpartition(" ")[2] + "\n"
        )
    finally:
        mngr.run("destroy", "odd", "--yes")


@pytest.mark.parametrize(
    ("user", "message"),
    [("nosuch", "has no user nosuch"), ("app:nosuch", "has no group nosuch")],
)
def test_a_user_that_the_image_lacks(mngr: Cli, user: str, message: str) -> None:
    done = mngr.run("create", f"wrong.{OTHER}", "--user", user, "--no-code", "--no-connect", code=2)
    assert message in done.stderr
    assert [name for name in left(OTHER) if "one" not in name] == left(OTHER)


@pytest.mark.parametrize("user", ["a b", "a:b:c", ":x", "-x", "a\nb", "99999999999"])
def test_what_cant_be_a_user_is_refused_before_anything_is_made(bench: Bench, user: str) -> None:
    with pytest.raises(InvalidInput, match="can't be a user"):
        bench.create("wrong", user=user)


def test_on_this_computer_agents_run_as_you(tmp_path: Path) -> None:
    done = Cli(tmp_path / "home").run("create", "here.local", "--user", "app", "--no-connect", code=2)
    assert "--user can't apply to this computer" in done.stderr
