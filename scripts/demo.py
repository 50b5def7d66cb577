"""demo.py [PROVIDER]: mngr as its user types it, on a simulated cloud whose machines are real Linux systems.

Prints each command with its output, the seconds of each phase, and what the simulated account was billed. Everything
happens on this computer, in a folder and on machines of its own; nothing is left behind but the base images, which
are kept for the next time (~/.cache/mngr).
"""

import json
import os
import re
import secrets
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import leftovers


@dataclass(frozen=True)
class Cloud:
    """A cloud that simcloud can simulate. `create`: what a user adds to `mngr create` there. `in_all`: the words for
    the bill's sum. `paid_ahead`: what was bought is paid to the end of its term, also after `destroy`, and a second
    create takes it again. `speed`: how many times as quick as the vendor it is."""

    name: str
    create: tuple[str, ...] = ()
    in_all: str = "in all (a started hour counts as one)"
    paid_ahead: bool = False
    speed: int = 1


CLOUDS = {
    "vultr": Cloud("Vultr"),
    "ovh": Cloud(
        "OVH",
        ("--trust-first-contact", "--yes"),
        "in all (by the month, in advance; it won't be renewed)",
        True,
        4,
    ),
}

#: Making the base images takes about 90 s, once.
CLOUD_LIMIT_S = 900
COMMAND_LIMIT_S = 600


@dataclass
class Shell:
    """Types commands, shows them with their output, and keeps each phase's seconds."""

    folder: Path
    env: dict[str, str]
    rows: list[tuple[str, str, float]] = field(default_factory=list)
    process: "subprocess.Popen[str] | None" = None

    def type(self, line: str) -> None:
        """Runs one command line of mngr. Raises SystemExit if it fails."""
        print(f"\n$ {line}", flush=True)
        began = time.monotonic()
        words = shlex.split(line)
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name(words[0])), *words[1:]],
            cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        phases: list[tuple[str, float]] = []
        readers = [
            threading.Thread(target=self._show, args=(stream, words[1], phases))
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in readers:
            reader.start()
        try:
            code = self.process.wait(COMMAND_LIMIT_S)
        except BaseException:
            # Ctrl-C reached it too: it takes back what it was making. The cloud must be there until then.
            if not isinstance(sys.exception(), KeyboardInterrupt):
                self.process.send_signal(signal.SIGINT)
            self.process.wait(120)
            raise
        finally:
            for reader in readers:
                reader.join(10)
        ended = time.monotonic()
        starts = [at for _, at in phases] + [ended]
        for (name, at), until in zip(phases, starts[1:], strict=True):
            self.rows.append((words[1], name, until - at))
        self.rows.append((words[1], "", ended - began))
        if code:
            raise SystemExit(f"demo: `{line}` ended with exit code {code}")

    def _show(self, stream: IO[str] | None, verb: str, phases: list[tuple[str, float]]) -> None:
        for line in stream or ():
            # Off a terminal, mngr says each phase and its steps in lines as they start: `create my-agent: boot`.
            head, colon, phase = line.rstrip().partition(": ")
            if (
                colon
                and stream is not None
                and self.process
                and stream is self.process.stderr
                and head.startswith(verb)
            ):
                name = re.split(r": | \(", phase)[0]
                if name not in ("warning", phases[-1][0] if phases else ""):
                    phases.append((name, time.monotonic()))
            print(line.rstrip(), flush=True)


@contextmanager
def simulated(provider: str, speed: int, env: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A running simulated cloud: what it says when it is ready. Stopped, with all it made, at the end."""
    words = [
        sys.executable,
        "-m",
        "mngr.simcloud",
        provider,
        *(["--speed", str(speed)] if speed != 1 else []),
    ]
    process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        readable, _, _ = select.select([process.stdout], [], [], CLOUD_LIMIT_S)
        line = process.stdout.readline() if readable else ""
        if not line:
            raise SystemExit(f"demo: the simulated {provider} didn't start")
        yield json.loads(line)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(words: list[str]) -> int:
    provider = words[0] if words else "vultr"
    if provider not in CLOUDS:
        print(f"demo: no simulated {provider}; there is: {', '.join(CLOUDS)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = f"demo-{os.getpid()}-{secrets.token_hex(3)}"
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MNGR")}
    env = {**bare, **leftovers.mark(run), "MNGR_TEST_RUN": run}
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="mngr-demo-") as folder:
            play(provider, Path(folder), env)
    except KeyboardInterrupt:
        print("\ndemo: interrupted; taking everything away", file=sys.stderr)
        return 130
    finally:
        left = leftovers.end_processes(run) + sorted(leftovers.docker_objects(f"label=mngr.simcloud={run}"))
        for one in left:
            print(f"demo: left behind: {one}", file=sys.stderr)
    if left:
        return 1
    print(f"\nLeft behind: nothing. It took {time.monotonic() - began:.0f} s.")
    return 0


def play(provider: str, folder: Path, env: dict[str, str]) -> None:
    project = make_project(folder / "my-project", env)
    cloud_is = CLOUDS[provider]
    print(
        f"A simulated {cloud_is.name} starts. Its API is the vendor's, its machines are real Linux systems."
    )
    if cloud_is.speed != 1:
        print(f"It delivers and installs {cloud_is.speed} times as quickly as {cloud_is.name} itself.")
    create = shlex.join(["--provider", provider, *cloud_is.create])
    with simulated(provider, cloud_is.speed, env) as cloud:
        shell = Shell(project, {**env, **cloud["env"], "MNGR_HOME": str(folder / "home")})
        for key, value in cloud["env"].items():
            print(f"$ export {key}={'…' if 'KEY' in key or 'SECRET' in key else value}")
        print("$ cd my-project        (a git repository)")
        shell.type(f"mngr create my-agent {create}")
        shell.type("mngr list")
        shell.type('mngr exec my-agent "echo hello"')
        shell.type("mngr stop my-agent")
        shell.type("mngr start my-agent")
        shell.type("mngr destroy my-agent --yes")
        shell.type("mngr gc")
        if cloud_is.paid_ahead:
            recycle(shell, provider, create, cloud["control"])
        show_phases(shell.rows)
        show_bill(ask(cloud["control"], "/bill"), cloud_is)
        left = ask(cloud["control"], "/resources")["resources"]
        if left and not cloud_is.paid_ahead:
            raise SystemExit(f"demo: still on the account: {left}")


def recycle(shell: Shell, provider: str, create: str, control: str) -> None:
    """A second agent, on what was paid for the first. Raises SystemExit if it cost anything."""
    fresh_s = max(seconds for verb, phase, seconds in shell.rows if verb == "create" and not phase)
    paid = ask(control, "/bill")
    shell.type(f"mngr {provider} list --all")
    shell.type(f"mngr create my-next-agent {create}")
    recycled_s = shell.rows[-1][2]
    shell.type('mngr exec my-next-agent "echo hello again"')
    shell.type("mngr destroy my-next-agent --yes")
    charged = ask(control, "/bill")["total"] - paid["total"]
    print(f"\n{'CREATE':<28}{'SECONDS':>8}{'CHARGED, ' + paid['currency']:>14}")
    print(f"{'my-agent, a fresh order':<28}{fresh_s:>8.1f}{paid['total']:>14.2f}")
    print(f"{'my-next-agent, recycled':<28}{recycled_s:>8.1f}{charged:>14.2f}")
    if charged:
        raise SystemExit("demo: the second agent was to recycle what is paid for, and was charged")


def make_project(folder: Path, env: dict[str, str]) -> Path:
    """A small repository, so that code comes along as it would for a user."""
    folder.mkdir()
    (folder / "README").write_text("a project\n")
    who = ["-c", "user.name=You", "-c", "user.email=you@example.com"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "start"]):
        subprocess.run(["git", *words], cwd=folder, env=env, check=True, timeout=30)
    return folder


def ask(control: str, path: str) -> Any:
    with urllib.request.urlopen(control + path, timeout=30) as answer:
        return json.load(answer)


def show_phases(rows: list[tuple[str, str, float]]) -> None:
    wide = max(len(phase) for _, phase, _ in rows) + 2
    print(f"\n{'COMMAND':<10}{'PHASE':<{wide}}{'SECONDS':>8}")
    for verb, phase, seconds in rows:
        if phase:
            print(f"{'':<10}{phase:<{wide}}{seconds:>8.2f}")
        else:
            print(f"{verb:<10}{'all of it':<{wide}}{seconds:>8.2f}")


def show_bill(bill: dict[str, Any], cloud: Cloud) -> None:
    print(f"\n{'BILLED FOR':<44}{'FROM':<21}{'TO':<21}{bill['currency']:>8}")
    for line in bill["lines"]:
        what = f"{line['kind']} {line['name']}"
        until = (
            ("the end of its term" if cloud.paid_ahead else "still running")
            if line["open"]
            else line["closed"][:19]
        )
        print(f"{what:<44}{line['opened'][:19]:<21}{until:<21}{line['cost']:>8.4f}")
    print(f"{cloud.in_all:<86}{bill['total']:>8.4f}")
    if bill["open"] and not cloud.paid_ahead:
        raise SystemExit("demo: something is still being billed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
