"""This computer as a host. There is one, it is never made nor destroyed, and it costs nothing."""

from collections.abc import Collection
from pathlib import Path

from mngr.model.clock import iso
from mngr.model.errors import InvalidInput, NotFound, NotSupported
from mngr.model.progress import Progress
from mngr.model.records import AgentRecord, HostRecord, decode, encode
from mngr.model.swept import Found, Swept
from mngr.model.views import HostView, Listing, Offer
from mngr.providers.contract import Abilities, Context, HostSpec
from mngr.transport.local import Local

HOST_NAME = "localhost"


class LocalProvider:
    """HostProvider over this computer. Agents live in `$MNGR_HOME/agents`, their tmux server has a label of its own."""

    backend = "local"
    abilities = Abilities(stops_itself=False, isolated=False)

    def __init__(self, context: Context) -> None:
        self.context = context
        self.name = context.instance
        self.host_dir = str(context.home)
        self._file = context.home / "host.json"

    def check(self, spec: HostSpec) -> Offer:
        asked = {
            "--image": spec.image, "--user": spec.user, "-b": spec.build_args, "-s": spec.start_args, "--snapshot": spec.snapshot,
            "--idle-timeout, --idle-mode and --max-lifetime": spec.idle,
        }  # fmt: skip
        for option, value in asked.items():
            if value:
                raise InvalidInput(
                    f"{option} can't apply to this computer, which mngr neither builds nor stops",
                    hint="use another provider, e.g. --provider docker",
                )
        return Offer()

    def create(self, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
        if not self._file.exists():
            record = HostRecord(
                id=spec.id, name=HOST_NAME, provider=self.name, backend=self.backend, address="localhost",
                created_at=iso(self.context.clock.now()), builder=self.context.laptop,
                host_dir=self.host_dir, tmux_label=self._label(),
            )  # fmt: skip
            from mngr.config.home import write_private

            write_private(self._file, encode(record).decode())
        return self._record()

    def discover(self, only: Collection[str] | None = None) -> Listing:
        agents = self.context.home / "agents"
        if not agents.is_dir() or not any(agents.iterdir()) or not self._file.exists():
            return Listing()
        record = self._record()
        if only is not None and not {record.name, record.id} & set(only):
            return Listing()
        view = self.view(record.id)
        return Listing(hosts=[view] if view.agents or view.problem else [])

    def view(self, host_id: str) -> HostView:
        from mngr.hosts.probe import probe

        record = self._record()
        if host_id != record.id:
            raise NotFound(f"no host {host_id} on this computer")
        facts = probe(Local(), record.host_dir, label=record.tmux_label)
        return HostView(
            record=record, state="running", agents=facts.agents, problem="; ".join(facts.problems), untold=facts.untold,
            permanent=True,
        )  # fmt: skip

    def transport(self, record: HostRecord) -> Local:
        return Local()

    def stop(self, host_id: str, progress: Progress) -> None:
        """Stops nothing: the agents were stopped before, and this computer isn't mngr's to stop."""

    def start(self, host_id: str, progress: Progress) -> HostRecord:
        return self._record()

    def destroy(self, host_id: str, progress: Progress) -> None:
        """Removes nothing: agents were removed before, and this computer stays."""

    def agent_saved(self, host_id: str, record: AgentRecord) -> None:
        """Agents' records are in the host dir already."""

    def agent_removed(self, host_id: str, agent_id: str) -> None:
        """As agent_saved."""

    def sweep(self, *, dry_run: bool = False) -> Swept:
        """Removes agents that were being put here when their create was killed: folders that never got their name."""
        import shutil

        swept = Swept()
        for folder in sorted(self.context.home.glob(".new-agent-*")):
            found = Found(thing="directory", name=str(folder), why="create-cut-short")
            if self.context.clock.now() - folder.stat().st_mtime < 60:
                swept.kept.append(found.instead("in-the-making"))
                continue
            swept.released.append(found)
            if not dry_run:
                shutil.rmtree(folder, ignore_errors=True)
        return swept

    def _record(self) -> HostRecord:
        try:
            return decode(self._file.read_bytes(), HostRecord)
        except FileNotFoundError:
            raise NotFound("there are no agents on this computer yet") from None
        except ValueError as error:
            raise NotSupported(
                f"{self._file} can't be read: {error}", hint="move it away; agents stay as they are"
            ) from None

    def _label(self) -> str:
        import hashlib

        return "mngr-" + hashlib.sha256(str(Path(self.context.home).resolve()).encode()).hexdigest()[:8]
