"""First contact with a VPS: installed anew with our key, logged in to, opened for root, freed of qemu.

OVH has no way to give a machine its host key or to ask for it, so the first connection takes the key it is shown
(`accept-new`) and pins it; every later one is strict. Over the first one goes nothing but public keys. The rebuild's
key opens the image's own user only. The host stays `ssh_trust: unverified` until a person has compared the key;
the builder swaps it, over this connection, for one made on the machine.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mngr.backends.ovh.answers import understood
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.config import OvhConfig
from mngr.backends.ovh.vps import ipv4
from mngr.containers.access import Access
from mngr.model.errors import InvalidInput, NotFound, TimedOut, Unreachable
from mngr.model.progress import Progress, Step
from mngr.model.waiting import looks
from mngr.transport import keys
from mngr.transport.base import CommandFailed
from mngr.transport.ssh import KeyRefused, Ssh, SshTarget
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsProvisioningError
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import Machine

#: OVH refuses a rebuild with "running tasks" for a while after /tasks looks idle.
BUSY_S = 300.0
IDLE_S = 600.0
LOGIN_S = 300.0
PURGE_S = 300.0
SCRIPTS = Path(__file__).parent / "scripts"


class Installer:
    def __init__(self, client: OvhClient, access: Access, config: OvhConfig) -> None:
        self.client = client
        self.access = access
        self.clock = client.clock
        self.user = config.bootstrap_ssh_user  #: whom the image installs the rebuild's key for
        self.image = config.boot_image
        self.timeout = config.rebuild_timeout

    def install(
        self, service: str, image: str, progress: Progress, check: Callable[[], None] | None = None
    ) -> None:
        """Installs `image` ("": the configured one) with our key. Repeatable: it installs anew. `check` is called right
        before each order of an installation, which wipes the disk; it raises if the VPS isn't ours. Raises
        VpsProvisioningError or TimedOut if OVH doesn't, InvalidInput on an unknown image."""
        self._idle(service, progress)
        self._rebuild(service, image or self.image, progress, check or (lambda: None))

    def open(self, machine: Machine, progress: Progress) -> str:
        """Opens root's login; the host key that was seen first, unverified. Repeatable. Raises MngrError."""
        service = machine.id
        with understood(f"OVH's addresses of {service}"):
            address = ipv4(self.client.get(f"{_path(service)}/ips") or []) or machine.address
        progress(Step("first contact", f"{self.user}'s login on {service}", LOGIN_S))
        key = self._first_login(service, address)
        progress(Step("first contact", f"root's login on {service}", LOGIN_S))
        root = self._ssh(service, address, "root", strict=True)
        self._wait_for(root, "root's login", service)
        progress(Step("purge qemu", at_most_s=PURGE_S))
        try:
            root.run(["sh", "-c", _script("purge-qemu"), "purge-qemu"], timeout=PURGE_S)
        except CommandFailed as failed:
            raise VpsProvisioningError(
                f"qemu couldn't be purged from {service}, so OVH's backups could freeze it: it isn't used",
                hint="run the command again; if it stays so, choose another image",
                details=failed.completed.error or failed.details,
            ) from None
        finally:
            root.close()
        return key

    # --- installing ---------------------------------------------------------------------------------------------

    @understood("OVH's tasks of a VPS")
    def _idle(self, service: str, progress: Progress) -> None:
        """Waits until OVH says that nothing goes on (`deliverVm` runs on for a minute or two after delivery)."""
        going: list[Any] = []
        for _ in looks(self.clock, IDLE_S, most=5):
            going = self._tasks(service)
            if not going:
                return
            progress(Step("rebuild", f"wait for OVH's tasks on {service}", IDLE_S))
        raise TimedOut(
            f"OVH's tasks on {service} didn't end within {IDLE_S:g} s ({', '.join(map(str, going))})",
            hint="look at it on OVH's page, and run the command again",
        )

    def _rebuild(self, service: str, image: str, progress: Progress, check: Callable[[], None]) -> None:
        progress(Step("rebuild", f"{service} with {image}"))
        body = {
            "imageId": self._image_id(service, image),
            "publicSshKey": self.access.machine_key(),
            "doNotSendPassword": True,
        }
        task: int | None = None
        why = ""
        for _ in looks(self.clock, BUSY_S, most=10):
            check()
            try:
                task = _task(self.client.post(f"{_path(service)}/rebuild", body, repeat=False))
                break
            except VpsApiNoAnswer as error:
                why = error.message  # if it was carried out, the next one is refused while it goes on
                if (task := self._running_rebuild(service)) is not None:
                    break
            except VpsApiError as error:
                if error.status not in (400, 409) or "task" not in error.message.lower():
                    raise
                why = error.message
                progress(Step("rebuild", f"OVH is still busy with {service}", BUSY_S))
        if task is None:
            raise TimedOut(
                f"OVH didn't take the installation of {service} within {BUSY_S:g} s: {why}",
                hint="look at its tasks on OVH's page, and run the command again",
            )
        self._wait_for_task(service, task, image, progress)

    @understood("OVH's tasks of a VPS")
    def _running_rebuild(self, service: str) -> int | None:
        self.clock.sleep(10)  # the list of tasks lags
        for id in self._tasks(service):
            task = self.client.get(f"{_path(service)}/tasks/{id}")
            if task and task.get("type") in ("reinstallVm", "rebuildVm"):
                return int(task["id"])
        return None

    def _tasks(self, service: str) -> list[Any]:
        """Those that haven't ended."""
        path = f"{_path(service)}/tasks"
        return [id for state in ("todo", "doing") for id in self.client.get(path, {"state": state}) or []]

    @understood("OVH's task of an installation")
    def _wait_for_task(self, service: str, task: int, image: str, progress: Progress) -> None:
        state = ""
        for _ in looks(self.clock, self.timeout, most=5):
            try:
                state = str((self.client.get(f"{_path(service)}/tasks/{task}") or {}).get("state"))
            except NotFound:
                state = "done"  # OVH forgets tasks that have ended
            if state in ("error", "cancelled", "blocked"):
                raise VpsProvisioningError(
                    f"OVH's installation of {image} on {service} ended as {state} (task {task})",
                    hint="run the command again; look at the VPS on OVH's page if it stays so",
                )
            if state == "done" and (self.client.get(_path(service)) or {}).get("state") == "running":
                return
            progress(Step("rebuild", f"OVH's task {task} is {state}", self.timeout))
        raise TimedOut(
            f"OVH's installation of {image} on {service} didn't end within {self.timeout:g} s (task {task} is {state})",
            hint="raise rebuild_timeout in the provider's config if it is only slow",
        )

    @understood("OVH's images of a VPS")
    def _image_id(self, service: str, name: str) -> str:
        """Ids differ from VPS to VPS: found by name."""
        names = []
        for id in self.client.get(f"{_path(service)}/images/available") or []:
            found = str(
                (self.client.get(f"{_path(service)}/images/available/{segment(str(id))}") or {}).get("name")
            )
            if found == name:
                return str(id)
            names.append(found)
        raise InvalidInput(
            f"OVH has no image {name!r} for {service}", hint=f"one of {', '.join(sorted(names))}"
        )

    # --- logging in ---------------------------------------------------------------------------------------------

    def _first_login(self, service: str, address: str) -> str:
        """Pins the key that is shown, opens root's account, and returns the key."""
        pins = self.access.folder / "known_hosts" / service
        pins.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pins.unlink(missing_ok=True)
        pins.touch(mode=0o600)
        first = self._ssh(service, address, self.user, strict=False)
        try:
            self._wait_for(first, f"{self.user}'s login", service, forget=pins)
            first.run(["sh", "-c", _script("root-login"), "root-login"], timeout=60)
        finally:
            first.close()
        found = [key for pinned in keys.pinned(pins).values() for key in pinned]
        if len(found) != 1 or not found[0].startswith("ssh-ed25519 "):
            raise VpsProvisioningError(
                f"{service} at {address} showed no single ed25519 host key", hint="run the command again"
            )
        return found[0]

    def _wait_for(self, ssh: Ssh, what: str, service: str, forget: Path | None = None) -> None:
        why = ""
        for _ in looks(self.clock, LOGIN_S, most=3):
            try:
                ssh.run(["true"], timeout=30)
                return
            except (Unreachable, TimedOut, CommandFailed) as error:
                why = error.message
                if forget is not None and isinstance(error, KeyRefused):
                    forget.write_text("")  # still the old system: the new one has another host key
        raise TimedOut(
            f"{what} on {service} didn't work within {LOGIN_S:g} s: {why}",
            hint=f"is {self.user!r} the user of that image? bootstrap_ssh_user in the provider's config names it",
        )

    def _ssh(self, service: str, address: str, user: str, *, strict: bool) -> Ssh:
        target = SshTarget(
            alias=service, address=address, port=22, user=user, key=self.access.folder / "keys" / "vps",
            known_hosts=self.access.folder / "known_hosts" / service,
            config=self.access.folder / "ssh" / f"{service}.{user}",
        )  # fmt: skip
        return Ssh(target) if strict else _AcceptNew(target)


class _AcceptNew(Ssh):
    """The one connection that takes the host key it is shown: ssh_config(5), StrictHostKeyChecking accept-new."""

    @property
    def command(self) -> list[str]:
        return [
            *super().command[:1],
            *("-o", "StrictHostKeyChecking=accept-new", "-o", "HashKnownHosts=no"),
            *("-o", "HostKeyAlgorithms=ssh-ed25519"),
            *super().command[1:],
        ]


def _task(answer: Any) -> int:
    """The number of the task that a call began. Raises VpsApiNoAnswer: it may have begun one all the same."""
    try:
        return int(answer["id"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise VpsApiNoAnswer("OVH's answer to the order of an installation has no task in it") from None


def _script(name: str) -> str:
    return (SCRIPTS / f"{name}.sh").read_text()


def _path(service: str) -> str:
    return f"/vps/{segment(service)}"
