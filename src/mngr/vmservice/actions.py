"""All that the service does: one row is an endpoint, its parameters, and, with `tool`, the tool of that name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mngr.vmservice import (
    cloning,
    guest,
    inject,
    long,
    machines,
    networking,
    pooling,
    resizing,
    shapes,
    snapshots,
    templates,
)
from mngr.vmservice.calls import Kind
from mngr.vmservice.scopes import Scope
from mngr.vmservice.service import Service
from mngr.vmservice.shapes import Shape


@dataclass(frozen=True)
class Action:
    """`run` is a method of Service, or a function of it, which takes a `request` and gives an `answer`; parameters in the path are among the
    request's, the others are its body, or, of a GET, its query. `fails`: statuses beside those of all. `room`: which calls it takes
    the place of, if not those of its scope. `again`: given twice it does no more than once.

    `long`: it is run as an operation, which a restart of the service goes on with if all parameters that were given are among
    `kept`: no secrets, as these are put on disk. Such an action may be repeated. `plan`: what it would make, for a VM that isn't
    there; raises what is wrong with it. `gone`: its answer where its VM isn't there any more, for one that is to be done
    in any case once it has begun."""

    name: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    scope: Scope
    about: str
    request: type[Shape]
    answer: type[Shape] | type[str]
    run: Callable[[Service, Any], Any]
    tool: bool = False
    fails: Sequence[int] = ()
    long: bool = False
    plan: Callable[[Service, Any], Any] | None = None
    kept: Sequence[str] = ()
    gone: Callable[[Any], Any] | None = None
    room: Kind | None = None
    again: bool = False

    @property
    def kind(self) -> Kind:
        return self.room or ("read" if self.scope == "read" else "change")


ACTIONS: Sequence[Action] = (
    Action(
        "vm_list", "GET", "/api/vms", "read", "List all virtual machines",
        shapes.Nothing, shapes.Vms, Service.vm_list, tool=True,
    ),
    Action(
        "vm_create", "POST", "/api/vms", "lifecycle",
        "Create and start a new VM. Given again with the same parameters, it is the same VM",
        shapes.VmCreate, shapes.VmDetails, Service.vm_create, tool=True, fails=(404, 409, 504),
        long=True, plan=Service.vm_plan, room="make",
        kept=("name", "memory", "vcpus", "diskSize", "network", "imageUrl", "imageSha256", "sshKeys", "publicKeys", "user",
              "autostart", "gpus", "pool", "template", "wait", "timeout"), again=True,
    ),
    Action(
        "vm_show", "GET", "/api/vms/{name}", "read", "Show everything of a VM, its address included",
        shapes.VmName, shapes.VmDetails, Service.vm_show, tool=True, fails=(404,),
    ),
    Action(
        "vm_change", "PATCH", "/api/vms/{name}", "lifecycle",
        "Change a VM's memory, vcpus, disk (it only grows) or autostart; the answer says what waits for its next start",
        resizing.VmChange, resizing.VmChanged, resizing.change, fails=(404, 409),
    ),
    Action(
        "vm_clone", "POST", "/api/vms/{vm}/clone", "lifecycle",
        "Make another VM of one that is off, with what is on its disk; the clone isn't started",
        cloning.VmClone, shapes.VmDetails, cloning.clone, fails=(404, 409), long=True, kept=("vm", "name"),
    ),
    Action(
        "vm_start", "POST", "/api/vms/{name}/start", "lifecycle", "Start a stopped VM",
        shapes.VmName, shapes.Status, Service.vm_start, tool=True, fails=(404, 409), long=True, kept=("name",), again=True,
    ),
    Action(
        "vm_stop", "POST", "/api/vms/{name}/stop", "lifecycle",
        "Gracefully shutdown a VM, and wait until it is off",
        shapes.VmStop, shapes.Status, Service.vm_stop, tool=True, fails=(404, 409, 504),
        long=True, kept=("name", "force", "timeout"), again=True,
    ),
    Action(
        "vm_delete", "DELETE", "/api/vms/{name}", "destructive", "Delete a VM and its disk",
        shapes.VmName, shapes.Status, Service.vm_delete, tool=True, fails=(404, 409),
        long=True, kept=("name",), gone=lambda asked: shapes.Status(status="deleted", vm=asked.name), again=True,
    ),
    Action(
        "vm_wait", "POST", "/api/vms/{name}/wait", "read",
        "Wait until a VM's SSH answers, or until it is off, and show it",
        guest.VmWait, shapes.VmDetails, guest.wait, tool=True, fails=(404, 409), room="wait",
    ),
    Action(
        "vm_exec", "POST", "/api/vms/{name}/exec", "destructive",
        "Run a shell command in a VM as root, by its QEMU guest agent, and wait for its end",
        guest.VmExec, guest.Ended, guest.run, tool=True, fails=(404, 409, 504), room="wait",
    ),
    Action(
        "vm_snapshot_list", "GET", "/api/vms/{vm}/snapshots", "read", "List a VM's snapshots, the oldest first",
        snapshots.VmRef, snapshots.Snapshots, snapshots.list_, tool=True, fails=(404,),
    ),
    Action(
        "vm_snapshot_create", "POST", "/api/vms/{vm}/snapshots", "lifecycle",
        "Take a snapshot of a VM, of a running one with its memory",
        snapshots.SnapshotCreate, snapshots.Snapshot, snapshots.create, tool=True, fails=(404, 409), long=True,
    ),
    Action(
        "vm_snapshot_restore", "POST", "/api/vms/{vm}/snapshots/{snapshot}/restore", "destructive",
        "Take a VM back to a snapshot, and to the state that it was in then; what it wrote since is lost",
        snapshots.SnapshotRef, snapshots.SnapshotStatus, snapshots.restore, tool=True, fails=(404, 409), long=True,
    ),
    Action(
        "vm_snapshot_delete", "DELETE", "/api/vms/{vm}/snapshots/{snapshot}", "destructive",
        "Delete a snapshot; the VM stays as it is",
        snapshots.SnapshotRef, snapshots.SnapshotStatus, snapshots.delete, tool=True, fails=(404, 409), again=True,
    ),
    Action(
        "machine_list", "GET", "/api/machines", "read", "List VMs as mngr's provider keeps hosts on them: with their tags",
        shapes.Nothing, machines.Machines, machines.list_,
    ),
    Action(
        "machine_create", "POST", "/api/machines", "lifecycle",
        "Create and start a VM with tags, user data and forwarded ports. Given again for the same host, it is the same VM",
        machines.MachineCreate, machines.Machine, machines.make, fails=(404, 409, 504), room="make",
    ),
    Action(
        "machine_check", "POST", "/api/machine-checks", "read", "Say what is wrong with a create, and make nothing",
        machines.MachineCreate, machines.Checked, machines.check, fails=(404, 409),
    ),
    Action(
        "machine_show", "GET", "/api/machines/{name}", "read", "Show a VM with its tags",
        shapes.VmName, machines.Machine, machines.show, fails=(404,),
    ),
    Action(
        "machine_change", "PATCH", "/api/machines/{name}", "lifecycle",
        "Set and remove a VM's tags and its agents' records, or blank its user data; all others stay",
        machines.MachineChange, machines.Machine, machines.change, fails=(404, 409, 504),
    ),
    Action(
        "machine_power", "POST", "/api/machines/{name}/power", "lifecycle", "Switch a VM on, or off, by its plug if need be",
        machines.MachinePower, machines.Machine, machines.switch, fails=(404, 409, 504),
    ),
    Action(
        "ssh_key_generate", "POST", "/api/ssh-keys", "lifecycle",
        "Generate an SSH key pair: RSA of 4096 bits, or ed25519. The private key stays with the service",
        shapes.KeyCreate, shapes.Key, Service.ssh_key_generate, tool=True, fails=(409, 504),
    ),
    Action(
        "ssh_key_list", "GET", "/api/ssh-keys", "read", "List all managed SSH keys",
        shapes.Nothing, shapes.Keys, Service.ssh_key_list, tool=True,
    ),
    Action(
        "ssh_key_public", "GET", "/api/ssh-keys/{name}/public", "read", "Get a public key, as one line of text",
        shapes.KeyRef, str, Service.ssh_key_public, fails=(404,),
    ),
    Action(
        "ssh_key_delete", "DELETE", "/api/ssh-keys/{name}", "destructive",
        "Delete a key pair. VMs that know its public key go on letting its holder in",
        shapes.KeyRef, shapes.KeyDeleted, Service.ssh_key_delete, fails=(404,),
    ),
    Action(
        "operation_list", "GET", "/api/operations", "read", "List operations: long work, the newest first",
        long.OperationsAsked, long.Operations, long.list_, tool=True,
    ),
    Action(
        "operation_show", "GET", "/api/operations/{operation}", "read", "Show an operation; with `wait` once it has ended",
        long.OperationRef, long.Operation, long.show, tool=True, fails=(404,), room="wait",
    ),
    Action(
        "network_list", "GET", "/api/networks", "read", "List libvirt's networks",
        shapes.Nothing, networking.Networks, networking.list_,
    ),
    Action(
        "network_create", "POST", "/api/networks", "lifecycle",
        "Make and start a network with DHCP. Given again with the same parameters, it is the same network",
        networking.NetworkCreate, networking.Network, networking.create, fails=(409,),
    ),
    Action(
        "network_show", "GET", "/api/networks/{network}", "read", "Show a network, and which VMs are defined with it",
        networking.NetworkRef, networking.Network, networking.show, fails=(404,),
    ),
    Action(
        "network_start", "POST", "/api/networks/{network}/start", "lifecycle", "Start a network",
        networking.NetworkRef, networking.NetworkStatus, networking.start, fails=(404, 409),
    ),
    Action(
        "network_stop", "POST", "/api/networks/{network}/stop", "destructive",
        "Stop a network: VMs that run with it lose it until they are started anew",
        networking.NetworkRef, networking.NetworkStatus, networking.stop, fails=(404, 409),
    ),
    Action(
        "network_delete", "DELETE", "/api/networks/{network}", "destructive",
        "Delete a network that no VM is defined with",
        networking.NetworkRef, networking.NetworkStatus, networking.delete, fails=(404, 409),
    ),
    Action(
        "pool_list", "GET", "/api/pools", "read", "List libvirt's storage pools",
        shapes.Nothing, pooling.Pools, pooling.list_,
    ),
    Action(
        "pool_create", "POST", "/api/pools", "destructive",
        "Make and start a storage pool of a folder. Given again with the same parameters, it is the same pool",
        pooling.PoolCreate, pooling.Pool, pooling.create, fails=(409,),
    ),
    Action(
        "pool_show", "GET", "/api/pools/{pool}", "read", "Show a storage pool, and which VMs have a disk in it",
        pooling.PoolRef, pooling.Pool, pooling.show, fails=(404,),
    ),
    Action(
        "pool_delete", "DELETE", "/api/pools/{pool}", "destructive",
        "Have libvirt forget a storage pool that no VM has a disk in; its folder stays",
        pooling.PoolRef, pooling.PoolStatus, pooling.delete, fails=(404, 409),
    ),
    Action(
        "template_list", "GET", "/api/templates", "read", "List the templates that VMs may be made of",
        shapes.Nothing, templates.Templates, templates.list_,
    ),
    Action(
        "vm_inject_ssh_key", "POST", "/api/vms/{vmName}/ssh-keys/{keyName}", "lifecycle",
        "Inject an SSH key into a VM: at once if its guest agent answers, else at its next boot. Keys that it has stay",
        inject.KeyInject, inject.Injected, inject.inject, tool=True, fails=(404, 409), again=True,
    ),
    Action(
        "vm_eject_ssh_key", "DELETE", "/api/vms/{vmName}/ssh-keys/{keyName}", "lifecycle",
        "Take an SSH key that was injected out of a VM again",
        inject.VmKey, inject.Injected, inject.eject, fails=(404, 409),
    ),
    Action(
        "vm_ssh_keys", "GET", "/api/vms/{vmName}/ssh-keys", "read", "List the SSH keys that were injected into a VM",
        inject.VmKeys, inject.InjectedKeys, inject.list_, fails=(404, 409),
    ),
    Action(
        "image_list", "GET", "/api/images", "read", "List the images that are here",
        shapes.Nothing, shapes.Images, Service.image_list,
    ),
    Action(
        "host_show", "GET", "/api/host", "read", "Show the hypervisor: its libvirt, and whether VMs run on KVM, and why not",
        shapes.Nothing, shapes.Host, Service.host_show,
    ),
)  # fmt: skip


def parameters(action: Action) -> dict[str, Any]:
    return schema_of(action.request)


def schema_of(request: type[Shape]) -> dict[str, Any]:
    """JSON Schema of a request, as tools' callers want it: whole in itself."""
    schema = request.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    return {"type": "object", "properties": {}, **schema}
