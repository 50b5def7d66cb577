"""One look at a rented machine, in one round trip: its store, its container, the agents in it, the guard."""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from mngr.hosts import probe as hosts_probe
from mngr.hosts import scripts
from mngr.model.errors import MngrError, Unreachable
from mngr.transport.base import Completed, Transport, checked
from mngr.vps_docker.container import name_of
from mngr.vps_docker.docker_over_ssh import DockerOverSsh
from mngr.vps_docker.host_store import Survey, VpsDockerHostStore

#: Each part of the probe has so long on the machine, in seconds; the round trip has all of them and some.
PART_S = 15
ROUND_TRIP_S = 60


class MachineFacts(msgspec.Struct, kw_only=True):
    """What was seen. `inside` is None unless the container runs and answered; then `inside_error` says why.

    `lifetime_reason`: why the guard stopped the container, as it wrote it; `ends_at`: the container's deadline.
    """

    survey: Survey = Survey()
    inside: hosts_probe.HostFacts | None = None
    inside_error: str = ""
    ends_at: float | None = None
    lifetime_reason: str = ""


def look(machine: Transport, instance: str, host_id: str) -> MachineFacts:
    """Raises Unreachable (the machine, or its Docker daemon), TimedOut, MngrError."""
    together = _Together(machine, host_id)
    survey = VpsDockerHostStore(DockerOverSsh(together), instance).survey(timeout=ROUND_TRIP_S)
    return together.facts(survey)


class _Together:
    """The machine as a Transport on which the survey's command takes the rest of the probe along."""

    def __init__(self, over: Transport, host_id: str) -> None:
        self.over = over
        self.host_id = host_id
        self.place = over.place
        self.parts: dict[str, Completed] = {}

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return self.over.argv(argv, tty=tty)

    def run(
        self, argv: Sequence[str], *, input: bytes = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        text = scripts.text("machine-probe")
        words = [name_of(self.host_id), str(PART_S), scripts.text("probe"), *argv]
        done = self.over.run(["sh", "-c", text, "machine-probe", *words], timeout=timeout)
        self.parts = _parts(done.stdout)
        survey = self.parts.get("survey")
        if survey is None:
            raise Unreachable(f"{self.place} gave no whole answer to our probe", hint="try again")
        if survey.code == 124:
            raise Unreachable(
                f"the Docker daemon on {self.place} didn't answer within {PART_S} s", hint="try again later"
            )
        return checked(survey, "survey", self.place) if check else survey

    def facts(self, survey: Survey) -> MachineFacts:
        facts = MachineFacts(survey=survey)
        guard = dict(
            line.split("=", 1) for line in self._text("guard").splitlines() if "=" in line
        )  # ends_at, reason
        if guard.get("ends_at", "").isdigit():
            facts.ends_at = float(guard["ends_at"])
        facts.lifetime_reason = guard.get("reason", "")
        inside = self.parts.get("probe")
        if inside is None:
            return facts
        if inside.code:
            facts.inside_error = (
                f"its container didn't answer within {PART_S} s"
                if inside.code == 124
                else f"its container can't be asked: {inside.error.splitlines()[-1] if inside.error else inside.code}"
            )
            return facts
        try:
            facts.inside = hosts_probe.parse(inside.stdout)
        except (ValueError, MngrError) as error:
            facts.inside_error = f"its container's answer can't be read: {error}"
        return facts

    def _text(self, name: str) -> str:
        part = self.parts.get(name)
        return part.text if part else ""


def _parts(output: bytes) -> dict[str, Completed]:
    """The lines of machine-probe.sh. A line that was cut short is left out."""
    found = {}
    for line in output.decode(errors="replace").splitlines():
        words = line.split(" ")
        if len(words) != 4 or not words[1].isdigit():
            continue
        try:
            out, err = (b"" if word == "-" else base64.b64decode(word, validate=True) for word in words[2:])
        except binascii.Error:
            continue
        found[words[0]] = Completed(int(words[1]), out, err)
    return found
