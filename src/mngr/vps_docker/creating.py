"""Creating a host on a rented machine: intent, machine, container, record; what fails is taken back."""

from mngr.model.progress import Progress
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, IdleView
from mngr.vps_docker import accounts, boot_logs, discovery, intents, resuming, tags
from mngr.vps_docker.building import Builder, Wanted
from mngr.vps_docker.intents import CreatePlan
from mngr.vps_docker.releasing import take_back
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine


def create(rented: Rented, wanted: Wanted, progress: Progress) -> HostRecord:
    """As HostProvider.create."""
    spec = wanted.spec
    with rented.journal.hold(rented.name, spec.id) as held:
        handle = resuming.take_over(rented, wanted, held, progress)
        builder = Builder(rented, wanted, held, progress)
        if held.intent is None:
            rented.access.machine_key()
            rented.access.container_key()
            plan = CreatePlan(
                machine=intents.ordered(wanted.machine), host_name=spec.name, request=intents.request(spec),
                account=accounts.here(rented),
            )  # fmt: skip
            held.write(rented.intent(spec.id, plan))
        try:
            record, bought = builder.build(
                handle, lambda bought, record: _commit(rented, bought, record, spec.agent, progress)
            )
        except BaseException as error:
            if builder.bought:
                boot_logs.keep(rented, spec.name, builder.ssh, error)
            take_back(rented, held, error, progress)
            raise
        agents = [AgentView(record=spec.agent, state="stopped")] if spec.agent else []
        idle = IdleView(
            mode=record.idle.mode, timeout_s=record.idle.timeout_s, lifetime_ends_at=builder.ends_at
        )
        view = HostView(
            record=record, state="running", agents=agents, paid_until=bought.paid_until, spot=bought.spot, idle=idle
        )  # fmt: skip
        discovery.remember(rented, view)
        held.done()
        return record


def _commit(
    rented: Rented, bought: Machine, record: HostRecord, agent: AgentRecord | None, progress: Progress
) -> None:
    """From here on the machine carries a host: no sweep takes it away."""
    rented.cloud.keep(bought.id, progress)
    if agent:
        rented.cloud.keep_agents(bought.id, [agent])
    put = {tags.READY: "1", tags.HOST_KEY: tags.key_tag(record.machine_key)}
    rented.cloud.tag(bought.id, put, [tags.BUILDER, tags.UNTIL])
