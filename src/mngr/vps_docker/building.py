"""Making a rented machine into a host, step by step, each step repeatable. ARCHITECTURE.md has the order."""

from collections.abc import Callable

import msgspec

from mngr.containers import container, login
from mngr.containers.asked import Asked, restored
from mngr.containers.docker import Docker
from mngr.containers.store import HostStore
from mngr.hosts.scripts import script
from mngr.journal import Held, Intent
from mngr.model.clock import iso
from mngr.model.errors import MngrError, TimedOut, Unreachable
from mngr.model.notes import MachineReplaced
from mngr.model.progress import Progress, Step
from mngr.model.records import HostRecord
from mngr.model.views import Offer
from mngr.model.waiting import looks
from mngr.providers.contract import HostSpec
from mngr.transport import keys
from mngr.transport.ssh import HostKeyMismatch, KeyRefused, Ssh
from mngr.vps_docker import booting, cloud_init, guard, host_key, intents, tags
from mngr.vps_docker.errors import (
    CloudInitFailed,
    HostKeyUnexpected,
    MachineRefused,
    VpsBootTimeout,
    VpsProvisioningError,
)
from mngr.vps_docker.intents import CreatePlan
from mngr.vps_docker.lease import Lease
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Handle, Machine, MachineSpec

#: A machine may show its image's host key, or not know ours, for so long, before its first boot has put that right.
STRANGE_S = 30.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A host as it will be made: what was asked for, over the provider's defaults."""

    spec: HostSpec
    machine: MachineSpec
    asked: Asked
    offer: Offer = Offer()


class Builder:
    """Builds one host. `held` is its place in the journal, locked by us for as long as this works."""

    def __init__(self, rented: Rented, wanted: Wanted, held: Held, progress: Progress) -> None:
        self.rented = rented
        self.cloud = rented.cloud
        self.config = rented.config
        self.access = rented.access
        self.clock = rented.context.clock
        self.wanted = wanted
        self.host_id = wanted.spec.id
        self.held = held
        #: When the host's lifetime is over, by the cloud's time; None for one without, and until that is set up.
        self.ends_at: float | None = None
        self.progress = progress
        self.bought: Machine | None = None  #: the machine, as soon as there is one
        self.ssh: Ssh | None = None  #: the way to it, as soon as it has an address

    def build(
        self, handle: Handle, commit: Callable[[Machine, HostRecord], None]
    ) -> tuple[HostRecord, Machine]:
        """From the order to a durable host, and its machine. `handle`: what an earlier, killed call made; `commit` tags it ready.

        Raises what went wrong; what was made is on disk in the intent.
        """
        while True:
            bought = self._order(handle)
            try:
                return self._set_up(bought, commit)
            except MachineRefused as refusal:
                self.progress(MachineReplaced(why=refusal.message))
                handle = self._intent()[0].handle

    def _set_up(
        self, bought: Machine, commit: Callable[[Machine, HostRecord], None]
    ) -> tuple[HostRecord, Machine]:
        self.bought, self.ssh = bought, None
        with Lease(self.cloud, bought, self._tags()) as lease:
            self.progress(Step("boot"))
            bought = booting.running(self.rented, bought, self.wanted.machine.name, "order")
            bought = self._first_contact(bought)
            ssh = self._log_in(bought)
            self._first_boot(ssh)
            self.progress(Step("host key"))
            publish = lambda key: self.cloud.tag(bought.id, {tags.NEXT_KEY: tags.key_tag(key)})  # noqa: E731
            key = host_key.swap(self.access, self.host_id, bought.address, publish, self.clock)
            self.cloud.blank_user_data(bought.id)
            self.cloud.tag(bought.id, {tags.HOST_KEY: tags.key_tag(key)}, [tags.NEXT_KEY])
            lease.check()
            record = self._make_container(ssh, bought, key)
            self.progress(Step("record"))
            HostStore(Docker(ssh), self.rented.name).save(record, self.wanted.spec.agent)
            lease.finish()
            commit(bought, record)
            lease.confirm()
        return record, bought

    # --- the machine ------------------------------------------------------------------------------------------

    def _order(self, handle: Handle) -> Machine:
        self.progress(Step("order"))
        spec = self._with_user_data(handle)
        kept = dict(handle)

        def save(more: Handle) -> None:
            kept.update(more)
            self.held.save(more)

        limit = self.config.vps_boot_timeout
        for _ in looks(self.clock, limit, most=5):
            bought = self.cloud.create(spec, kept, save, self.progress)
            if bought is not None:
                return bought
        raise VpsBootTimeout(
            f"{spec.name} was ordered and not delivered within {limit:g} s",
            hint="raise vps_boot_timeout in the provider's config, or try another region",
        )

    def _with_user_data(self, handle: Handle) -> MachineSpec:
        """The order. Each order gets a host key of its own, whose public half is in the intent before it is sent."""
        spec = msgspec.structs.replace(
            self.wanted.machine, tags=self._tags(), public_key=self.access.machine_key()
        )
        if not self.cloud.caps.user_data or handle.get("id"):
            return spec
        private, public = keys.make_host_key(self.access.folder / "keys")
        intent, plan = self._intent()
        plan = msgspec.structs.replace(plan, host_keys=[*plan.host_keys, public])
        self.held.write(intents.written(intent, plan))
        lifetime = self.wanted.asked.idle.max_lifetime_s
        files = guard.files(self.cloud.caps.self_stop, self._ends_at()) if lifetime else None
        data = cloud_init.user_data(
            host_private_key=private,
            host_public_key=public,
            authorized_keys=[spec.public_key],
            guard=files,
            first_commands=spec.first_commands,
        )
        return msgspec.structs.replace(
            spec, user_data=data, tags={**spec.tags, tags.HOST_KEY: tags.key_tag(public)}
        )

    def _first_contact(self, bought: Machine) -> Machine:
        """Where no host key can be given to a machine: takes the one it shows, and says so in the host's record."""
        if self.cloud.caps.user_data or self.access.machine_pins(self.host_id):
            return bought
        self.progress(Step("first contact"))
        key = self.cloud.bootstrap(bought, self.progress)
        address = self.cloud.get(bought.id).address or bought.address
        self.access.pin_machine(self.host_id, address, [key])
        return msgspec.structs.replace(bought, address=address)

    def _log_in(self, bought: Machine) -> Ssh:
        known = self.access.machine_pins(self.host_id) or self._intent()[1].host_keys
        self.access.pin_machine(self.host_id, bought.address, known)
        self.ssh = ssh = self.access.machine(self.host_id, bought.address)
        try:
            booting.log_in(self.rented, ssh, "the new machine", strange_s=STRANGE_S)
        except (HostKeyMismatch, KeyRefused) as error:
            raise _strange(error, bought.address) from error
        return ssh

    def _first_boot(self, ssh: Ssh) -> None:
        """Waits for the ready marker; on the failure marker shows the log's end at once."""
        limit = self.config.docker_install_timeout
        if not self.cloud.caps.user_data:
            self.progress(Step("docker"))
            script(ssh, "machine-boot", timeout=limit, check=False)
        else:
            self.progress(Step("cloud-init"))
        for _ in looks(self.clock, limit):
            try:
                word, _, log = script(ssh, "machine-booted", timeout=30).text.partition("\n")
            except (Unreachable, TimedOut):
                continue  # sshd restarts during cloud-init, and Docker may be slow to come up
            if word == "ready":
                return
            if word == "failed":
                raise CloudInitFailed(
                    f"the first boot of the new machine at {ssh.target.address} failed",
                    hint="run the command again; if it stays so, try another image",
                    details=log,
                )
        raise VpsBootTimeout(
            f"the first boot of the new machine at {ssh.target.address} didn't end within {limit:g} s",
            hint="raise docker_install_timeout in the provider's config, or use an image with Docker in it",
        )

    # --- the container ----------------------------------------------------------------------------------------

    def _make_container(self, ssh: Ssh, bought: Machine, key: str) -> HostRecord:
        """Volume, image, container, its sshd, the guard; the record of it all, not yet durable."""
        spec, wanted = self.wanted.spec, self.wanted
        docker = Docker(ssh)
        port = self.config.container_ssh_port
        store = HostStore(docker, self.rented.name)
        its = container.ContainerSpec(
            host_id=spec.id, host_name=spec.name, provider=self.rented.name, backend=self.rented.backend,
            laptop=self.rented.context.laptop, image=wanted.asked.image, public_key=self.access.container_key(),
            publish=str(port), build=wanted.asked.build, start_args=wanted.asked.start_args, labels=spec.labels,
            host_dir=self.config.host_dir, idle=wanted.asked.idle, host_stop="sentinel", store=store.name,
            user=wanted.asked.user, prepare=wanted.asked.build.builds, ready_image=wanted.offer.ready_image,
        )  # fmt: skip
        its, fill = restored(store, docker, spec, its, self.progress)
        made = container.create(docker, its, self.progress)
        fill()
        self.ends_at = self._ends_at()
        guard.set_up(ssh, spec.id, self.ends_at, self.cloud.caps.self_stop)
        self.access.pin_container(spec.id, bought.address, port, made.host_key)
        self.progress(Step("ssh"))
        inside = self.access.container(spec.id, bought.address, port)
        login.first_login(
            inside, its, timeout=self.config.ssh_connect_timeout, clock=self.clock, docker=docker
        )
        offer = wanted.offer
        plan, region = bought.plan or wanted.machine.plan, bought.region or wanted.machine.region
        return container.record(
            its, made, created_at=iso(bought.created_at or self.cloud.now()), plan=plan, region=region,
            address=bought.address, ssh_port=port, ssh_trust=self.cloud.caps.ssh_trust,
            price_per_hour=offer.per_hour_of(plan, region), price_per_month=offer.per_month,
            price_stopped_per_hour=offer.per_hour_stopped_of(plan, region), currency=offer.currency,
            machine_id=bought.id, machine_key=key, handle=self._intent()[0].handle,
        )  # fmt: skip

    # --- small things -----------------------------------------------------------------------------------------

    def _tags(self) -> dict[str, str]:
        spec = self.wanted.spec
        return tags.building(
            self.rented.name, spec.id, spec.name, self.rented.context.laptop, self.cloud.now()
        )

    def _ends_at(self) -> float | None:
        lifetime = self.wanted.asked.idle.max_lifetime_s
        return self.cloud.now() + lifetime if lifetime else None

    def _intent(self) -> tuple[Intent, CreatePlan]:
        intent = self.held.intent
        plan = intents.read(intent) if intent else None
        if intent is None or not isinstance(plan, CreatePlan):
            raise MngrError(f"the journal's {self.held.path} is gone while it was being worked on")
        return intent, plan


def _strange(error: Unreachable, address: str) -> VpsProvisioningError:
    """A machine that answers, and isn't what we ordered."""
    if isinstance(error, KeyRefused):
        return VpsProvisioningError(
            f"the new machine at {address} shows the right host key, but refuses our login key",
            hint="its first boot didn't take all of our data; run the command again, or try another image",
        )
    return HostKeyUnexpected(
        f"the new machine at {address} shows another SSH host key than the one it was given; nothing was sent to it",
        hint="its first boot didn't take our data, or somebody stands in between; run the command again",
    )
