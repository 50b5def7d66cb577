"""What an image puts into its environment, as agents, exec and ssh sessions find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.agents import tmux
from mngr.model.records import AgentRecord, HostRecord

from .conftest import Bench, until

PATH = "/opt/tool/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: What is in the image, and found in every session.
VALUES = {
    "HOME": "/home/nobody yet",
    "LANG": "C.UTF-8",
    "LC_TIME": "C",
    "USER": "builder",
    "HOSTNAME": "0.0.0.0",
    "ODD": "  a\"b $x 'y' \\ # = `z` ☃ ",
    "EMPTY": "",
    "WITH_EQUALS": "a=b=c",
    "PATH": PATH,
    "SHELL": "/bin/dash",
    "ENV": "/nowhere/env",
    "BASH_ENV": "/nowhere/bash-env",
    "LD_LIBRARY_PATH": "/nowhere/lib",
}
LINES = "-----BEGIN KEY-----\n a'b\"c $d \\e\n\n-----END KEY-----\n"


@pytest.fixture(scope="module")
def host(shared_home: Path, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host of an image whose environment bends a lot, and an agent there."""
    context = tmp_path_factory.mktemp("context")
    quoted = {
        key: value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        for key, value in VALUES.items()
    }
    (context / "Dockerfile").write_text(
        "\n".join(
            [
                f"FROM {image}",
                "RUN mkdir -p /opt/tool/bin && printf '#!/bin/sh\\necho it runs\\n' >/opt/tool/bin/tool"
                " && chmod +x /opt/tool/bin/tool && echo 'PATH=/opt/added:$PATH' >/etc/profile.d/added.sh"
                " && echo '[ -n \"$PS1\" ] || return 0' >>/etc/profile",
                *(f'ENV {key}="{value}"' for key, value in quoted.items()),
                "WORKDIR /opt", 'ENTRYPOINT ["/bin/false"]', "STOPSIGNAL SIGINT", "HEALTHCHECK CMD false", "ONBUILD RUN false",
            ]
        )
        + "\n"
    )  # fmt: skip
    bench = Bench(shared_home, image)
    record = bench.create(
        "environment",
        build_args=[str(context)],
        start_args=["--env", f"LINES_OF={LINES}", "--env", "da-sh.ed=1 2"],
    )
    agent = AgentRecord(id="agent-00000000000000e1", name="agent", work_dir="/mngr/work/agent")
    place = tmux.Place(transport=bench.provider.transport(record), host_dir=record.host_dir)
    found = Host(bench, record, agent)
    files = tmux.agent_files(
        agent,
        {"WITH_EQUALS": "the agent's", "PATH": f"/agent's:{PATH}"},
        {"command.sh": "cat /proc/self/environ >/tmp/agent; exec sleep 600\n"},
    )
    tmux.start(place, agent, files)
    yield found
    bench.destroy(record)


class Host:
    def __init__(self, bench: Bench, record: HostRecord, agent: AgentRecord) -> None:
        self.bench, self.record, self.agent = bench, record, agent

    def ssh(self, *argv: str) -> str:
        return self.bench.provider.transport(self.record).run(argv).text

    def exec(self, *words: str) -> str:
        return self.ssh(*tmux.exec_argv(self.record.host_dir, self.agent.id, "token-1", words))


def pairs(environ: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in environ.split("\0") if one)


def test_the_image_s_variables_are_there_over_ssh(host: Host) -> None:
    found = pairs(host.ssh("cat", "/proc/self/environ"))
    assert {key: found.get(key) for key in VALUES} == VALUES
    assert found["da-sh.ed"] == "1 2"
    assert host.ssh("tool") == "it runs\n"


def test_the_image_s_variables_are_there_in_exec_and_the_agent_s_own_win(host: Host) -> None:
    found = pairs(host.exec("cat", "/proc/self/environ"))
    assert found["LINES_OF"] == LINES
    expected = {**VALUES, "WITH_EQUALS": "the agent's", "PATH": f"/agent's:{PATH}"}
    assert {key: found.get(key) for key in expected} == expected


def test_the_image_s_variables_are_there_for_the_agent(host: Host) -> None:
    until("the agent ran", lambda: host.ssh("sh", "-c", "test -s /tmp/agent && echo 1 || true") != "")
    found = pairs(host.ssh("cat", "/tmp/agent"))
    assert found["LINES_OF"] == LINES
    for key in ("HOME", "LANG", "ODD", "EMPTY", "SHELL", "ENV", "LD_LIBRARY_PATH"):
        assert found.get(key) == VALUES[key], key
    assert (found["PATH"], found["WITH_EQUALS"]) == (f"/agent's:{PATH}", "the agent's")


@pytest.mark.parametrize("shell", ["bash", "sh", "dash", "bash -i"])
def test_a_login_shell_keeps_the_image_s_path(host: Host, shell: str) -> None:
    line = f"{shell} -lc 'echo $PATH; printf %s \"$LINES_OF\"' 2>/dev/null"
    assert host.ssh("sh", "-c", line) == f"{PATH}:/opt/added\n{LINES}"
    assert host.exec(line).partition("\n")[0] == f"/agent's:{PATH}:/opt/added"


def test_an_ssh_login_has_the_image_s_path(host: Host) -> None:
    import subprocess

    transport = host.bench.provider.transport(host.record)
    argv = transport.argv(["x"], tty=True)
    done = subprocess.run(
        [*argv[: argv.index("--")]], input=b'echo "<$PATH>"; tool; exit\n', capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    assert f"<{PATH}:/opt/added>" in done.stdout.decode()


def test_a_restart_changes_nothing(host: Host) -> None:
    before = host.ssh("sh", "-c", "cat /etc/profile /root/.ssh/environment")
    host.bench.provider.stop(host.record.id, host.bench.told.append)
    host.bench.provider.start(host.record.id, host.bench.told.append)
    assert host.ssh("sh", "-c", "cat /etc/profile /root/.ssh/environment") == before
