"""demo.py [PROVIDER]: mngr as its user types it, on a simulated cloud whose machines are real Linux systems; of `vm`, what an
agent does by the VM service's tools.

Prints each command with its output, the seconds of each phase, and what the simulated account was billed. Everything
happens on this computer, in a folder and on machines of its own; nothing is left behind but the base images, which
are kept for the next time (~/.cache/mngr).
"""

import json
import os
import secrets
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_shell import Shell

import leftovers


@dataclass(frozen=True)
class Cloud:
    """A cloud that simcloud can simulate. `create`: what a user adds to `mngr create` there. `before`, `after`: what he types
    first, and last. `in_all`: the words for the bill's sum. `paid_ahead`: what was bought is paid to the end of its term, also
    after `destroy`, and a second create takes it again. `stops_s`: the idle time-out after which a machine there ends its own
    bill; 0 where it can't. `speed`: how many times as quick as the vendor it is. `env`: which variables of the cloud's."""

    name: str
    create: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    in_all: str = "in all (a started hour counts as one)"
    paid_ahead: bool = False
    stops_s: int = 0
    speed: int = 1
    env: str = "env"


CLOUDS = {
    "vultr": Cloud("Vultr"),
    "ovh": Cloud(
        "OVH",
        ("--trust-first-contact", "--yes"),
        in_all="in all (by the month, in advance; it won't be renewed)",
        paid_ahead=True,
        speed=4,
    ),
    "azure": Cloud(
        "Azure",
        ("--idle-timeout", "30"),
        ("mngr azure prepare --allowed-ssh-cidr 203.0.113.4/32",),
        ("mngr azure cleanup --yes",),
        "in all (by the second)",
        stops_s=30,
        speed=20,
        env="https_env",
    ),
}

VM = "vm"
#: Making the base images takes about 90 s, once.
CLOUD_LIMIT_S = 900
#: An idle machine's own stop, beyond its time-out: looks every 3 s, a role that spreads, a busy computer.
STOP_LIMIT_S = 150
#: So many hours of the cloud's time pass while a machine is stopped.
PASSES_H = 10


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
    if provider not in (*CLOUDS, VM):
        print(f"demo: no simulated {provider}; there is: {', '.join((*CLOUDS, VM))}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = f"demo-{os.getpid()}-{secrets.token_hex(3)}"
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MNGR")}
    env = {**bare, **leftovers.mark(run), "MNGR_TEST_RUN": run}
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="mngr-demo-") as folder:
            if provider == VM:
                import demo_vm

                demo_vm.play(Path(folder), env)
            else:
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
        control, exported = cloud["control"], cloud[cloud_is.env]
        shell = Shell(project, {**env, **exported, "MNGR_HOME": str(folder / "home")})
        for key, value in exported.items():
            print(f"$ export {key}={'…' if 'KEY' in key or 'SECRET' in key else value}")
        print("$ cd my-project        (a git repository)")
        first = {one["id"] for one in ask(control, "/resources")["resources"]}
        for line in cloud_is.before:
            shell.type(line)
        shell.type(f"mngr create my-agent {create}")
        shell.type("mngr list")
        shell.type('mngr exec my-agent "echo hello"')
        if cloud_is.stops_s:
            stop_by_itself(shell, control, cloud_is)
        shell.type("mngr stop my-agent")
        shell.type("mngr start my-agent")
        shell.type("mngr destroy my-agent --yes")
        shell.type("mngr gc")
        if cloud_is.paid_ahead:
            recycle(shell, provider, create, control)
        for line in cloud_is.after:
            shell.type(line)
        show_phases(shell.rows)
        show_bill(ask(control, "/bill"), cloud_is)
        left = [one for one in ask(control, "/resources")["resources"] if one["id"] not in first]
        if left and not cloud_is.paid_ahead:
            raise SystemExit(f"demo: still on the account: {left}")


def stop_by_itself(shell: Shell, control: str, cloud: Cloud) -> None:
    """The machine of a silent agent ends its own bill, and comes back. Raises SystemExit if it doesn't, or costs on."""
    print(
        f"\nNobody types anything now. The agent is silent; {cloud.stops_s} s later its machine deallocates itself …"
    )
    end = time.monotonic() + cloud.stops_s + STOP_LIMIT_S
    while machine_state(control) != "deallocated":
        if time.monotonic() > end:
            raise SystemExit("demo: the machine didn't deallocate itself")
        time.sleep(0.5)
    shell.type("mngr list")
    before = costs(ask(control, "/bill"))
    ask(control, "/clock", {"advance_s": PASSES_H * 3600})
    after = costs(ask(control, "/bill"))
    print(f"\n{cloud.name}'s own bill, now and {PASSES_H} hours of its clock later:")
    print(f"{'BILLED FOR':<20}{'NOW':>10}{'LATER':>10}")
    for kind in sorted(after):
        print(f"{kind:<20}{before.get(kind, 0):>10.4f}{after[kind]:>10.4f}")
    if before["virtualMachine"] != after["virtualMachine"]:
        raise SystemExit("demo: a deallocated machine was to cost nothing")
    shell.type("mngr start my-agent")
    shell.type('mngr exec my-agent "git log --oneline"')


def machine_state(control: str) -> str:
    found = [one for one in ask(control, "/resources")["resources"] if one["kind"] == "virtualMachines"]
    return found[0]["state"] if found else ""


def costs(bill: dict[str, Any]) -> dict[str, float]:
    """What each kind of thing has cost so far."""
    sums: dict[str, float] = {}
    for line in bill["lines"]:
        sums[line["kind"]] = sums.get(line["kind"], 0) + line["cost"]
    return sums


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


def ask(control: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(control + path, data, timeout=30) as answer:
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
