"""Types in a container: programs are installed as the agent's user, credentials go by name, and nothing of them is in a record."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Cli

from .conftest import INSTANCE, clear, docker, left

OTHER = f"{INSTANCE}-types"
#: `npm`, of which the real one would ask a registry: it installs a program that says who calls it, and how.
NPM = """#!/bin/sh
while [ $# -gt 1 ]; do case $1 in --prefix) prefix=$2; shift ;; esac; shift; done
echo "npm $1" >>/tmp/npm
mkdir -p "$prefix/bin"
printf '#!/bin/sh\\ncase $1 in --version) echo 1.2.3; exit;; esac\\nid -un; echo "$TOOL_KEY|$@"; exec sleep 900\\n' >"$prefix/bin/tool"
chmod +x "$prefix/bin/tool"
"""
CONFIG = f"""
[providers.{OTHER}]
backend = "docker"
default_image = "IMAGE"

[agent_types.tool]
command = ["tool"]
continues = ["tool", "--continue"]
needs = ["npm"]
version = "1.2.3"
install = "mngr_npm the-tool"
pass_env = ["TOOL_KEY", "TOOL_OTHER"]
prepare = 'mngr_json "$HOME/tool.json" true folders "$(pwd -P)"'
ends = "touch $HOME/ended"

[agent_types.needy]
command = ["needy"]
needs = ["npm"]
install = "mngr_npm needy"
"""


@pytest.fixture(scope="module")
def with_npm(image: str) -> Iterator[str]:
    name = f"mngr-test-npm:{INSTANCE.rpartition('-')[2]}"
    lines = [
        f"FROM {image}",
        f"RUN echo {base64.b64encode(NPM.encode()).decode()} | base64 -d >/usr/local/bin/npm && "
        "chmod 755 /usr/local/bin/npm && useradd -m app",
    ]
    docker("build", "-t", name, "-", input="\n".join(lines).encode())
    yield name
    docker("rmi", "-f", name)


@pytest.fixture(scope="module")
def mngr(tmp_path_factory: pytest.TempPathFactory, with_npm: str) -> Iterator[Cli]:
    folder = tmp_path_factory.mktemp("types")
    (folder / "home").mkdir()
    (folder / "home" / "config.toml").write_text(CONFIG.replace("IMAGE", with_npm))
    mngr = Cli(folder / "home", {"TOOL_KEY": "hunter2 'quoted'"}, folder)
    yield mngr
    mngr.run("destroy", *[one["name"] for one in mngr.json("list")["agents"]], "--yes")
    clear(OTHER)
    assert left(OTHER) == []


def logs(mngr: Cli, name: str) -> list[str]:
    return mngr.run("logs", name).stdout.splitlines()


def test_root_s_programs_are_all_agents(mngr: Cli) -> None:
    made = mngr.run("create", f"a1.{OTHER}", "tool", "--no-connect")
    assert "note: a1 got TOOL_KEY from your shell, as its type tool names them" in made.stderr
    assert logs(mngr, "a1") == ["mngr: installing tool 1.2.3", "root", "hunter2 'quoted'|"]
    assert (
        mngr.run("exec", "a1", "cat /tmp/npm; command -v tool").stdout
        == "npm the-tool@1.2.3\n/usr/local/bin/tool\n"
    )
    mngr.run("create", f"a2@a1.{OTHER}", "tool", "--no-connect", "--env", "TOOL_KEY=mine")
    assert logs(mngr, "a2") == ["root", "mine|"]
    assert mngr.run("exec", "a1", "cat /tmp/npm").stdout.count("npm") == 1


def test_a_value_that_was_passed_is_in_no_record_and_no_answer(mngr: Cli) -> None:
    assert "hunter2" not in mngr.run("show", "a1", "--format", "json").stdout
    assert "hunter2" not in mngr.run("list", "--format", "json").stdout
    for path in mngr.home.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
    found = mngr.run("exec", "a1", "grep -rl hunter2 /mngr --exclude=log; true").stdout.split()
    assert [Path(path).name for path in found] == ["env.sh"]


def test_a_stop_has_the_type_s_end_and_a_start_goes_on(mngr: Cli) -> None:
    mngr.run("stop", "a2")
    assert mngr.run("exec", "a1", "ls ~/ended; ls ~/tool.json").stdout.splitlines() == [
        "/root/ended",
        "/root/tool.json",
    ]
    mngr.run("start", "a2")
    assert logs(mngr, "a2")[-2:] == ["root", "mine|--continue"]


def test_the_user_s_programs_are_the_user_s(mngr: Cli) -> None:
    mngr.run("create", f"b1.{OTHER}", "tool", "--no-connect", "--user", "app")
    assert logs(mngr, "b1")[-2:] == ["app", "hunter2 'quoted'|"]
    seen = mngr.run("exec", "b1", "ls ~/.local/bin/tool; stat -c '%U %a' ~/tool.json; cat ~/tool.json").stdout
    assert seen.splitlines() == [
        "/home/app/.local/bin/tool",
        "app 600",
        '{"folders": {"/mngr/work/b1": true}}',
    ]
    mngr.run("stop", "b1")
    mngr.run("start", "b1")
    assert logs(mngr, "b1")[-1] == "hunter2 'quoted'|--continue"


def test_what_only_root_can_install_is_said(mngr: Cli) -> None:
    name = f"c1.{OTHER}"
    made = mngr.run("create", name, "needy", "--no-connect", "--user", "app", "--env", "PATH=/usr/bin:/bin")
    assert "note: needy needs npm, which only root can install here: use an image that has it" in made.stderr
