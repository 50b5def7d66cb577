"""The world of provider `docker`: an instance of its own, so that its containers are told from everybody else's."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mngr.testing.fakes import Fakes
from mngr.testing.local import clean_environment
from mngr.testing.world import Thing, World


class DockerWorld:
    """Hosts in containers of this computer's daemon, or (with `fakes`) of a fake one."""

    isolated = True
    create: Sequence[str] = ("--no-code",)

    #: Create arguments that can't be meant here → what the message names.
    mistakes = (
        (("-s", "--memroy=1g"), "--memory"),
        (("-s", "--cpus=many"), "--cpus"),
        (("-s", "--name=mine"), "--name"),
        (("-b", "--vps-plan=any"), "--vps-plan"),
        (("-b", "nosuch-directory"), "nosuch-directory"),
    )

    def __init__(
        self,
        scratch: Path,
        fakes: Fakes | None = None,
        *,
        home: str = "home",
        instance: str = "",
        every_laptop: bool = False,
    ) -> None:
        self.provider = instance or f"test-{os.urandom(4).hex()}"
        self.scratch = scratch
        self.fakes = fakes
        key = f"MNGR__PROVIDERS__{self.provider.replace('-', '_').upper()}__BACKEND"
        env = {**clean_environment(), "MNGR_HOME": str(scratch / home), key: "docker"}
        if fakes:
            fakes.start_docker()
            env |= {**fakes.env, "PATH": f"{fakes.path}:{env['PATH']}"}
        self.env: Mapping[str, str] = env
        (scratch / home).mkdir(exist_ok=True)
        # The instance is named here, too: in the environment's spelling `-` is `_`.
        (scratch / home / "config.toml").write_text(
            f"[providers.{self.provider}]\nbackend = 'docker'\nevery_laptop = {str(every_laptop).lower()}\n"
        )

    @property
    def home(self) -> Path:
        return Path(self.env["MNGR_HOME"])

    def things(self) -> list[Thing]:
        """Containers, volumes and built images, but for the store of host records, which stays for the next host."""
        found = []
        label = f"label=mngr.provider={self.provider}"
        for kind, words in _LISTS.items():
            rows = self.docker(*words, "--filter", label).splitlines()
            for name, _, owner in (row.partition("|") for row in rows):
                if not name.startswith("mngr-state-"):
                    found.append(Thing(kind, name, owner=owner))
        return found

    def now(self) -> float:
        return time.time()

    def pass_time(self, seconds: float) -> None:
        """Docker's things don't age."""

    def other_home(self) -> World:
        """One that sees this one's hosts, too."""
        home = f"home-{os.urandom(4).hex()}"
        return DockerWorld(self.scratch, self.fakes, home=home, instance=self.provider, every_laptop=True)

    def close(self) -> None:
        """Removes everything that this instance ever made."""
        label = f"label=mngr.provider={self.provider}"
        for list_words, remove in (
            (("ps", "-aq"), ("rm", "-f", "-v")),
            (("volume", "ls", "-q"), ("volume", "rm", "-f")),
            (("image", "ls", "-q"), ("rmi", "-f")),
        ):
            names = self.docker(*list_words, "--filter", label).split()
            if names:
                self.docker(*remove, *names)
        if f"mngr-state:{self.provider}" in self.docker(
            "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"
        ):
            self.docker("rmi", f"mngr-state:{self.provider}")  # a second name of a host's image

    def docker(self, *words: str) -> str:
        """`docker WORDS…` of this world. Raises AssertionError if it fails."""
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=60, env=dict(self.env)
        )
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
        return done.stdout


_LISTS = {
    "container": ("ps", "-a", "--format", '{{.Names}}|{{.Label "mngr.host-id"}}'),
    "volume": ("volume", "ls", "--format", '{{.Name}}|{{.Label "mngr.host-id"}}'),
    "image": ("image", "ls", "--format", "{{.Repository}}|{{.Tag}}"),
}
