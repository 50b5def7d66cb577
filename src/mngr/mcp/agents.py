"""mngr's own verbs as tools: agents are made, talked to, waited for, and taken away again by who made them."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import ConfigDict, Field

from mngr.cli import present, words
from mngr.cli.losses import said
from mngr.mcp.verbs import Caller, Verb, long_schema, schema
from mngr.model.errors import Conflict, InvalidInput
from mngr.model.names import check_name
from mngr.vmservice.shapes import NAME, Shape

if TYPE_CHECKING:
    from mngr.ops.agent import Agent
    from mngr.ops.plan import CreatePlan

#: The label by which an agent is known as a client's.
CLIENT = "mcp-client"
MOST_WAIT_S = 3600

Name = Annotated[str, Field(min_length=1, max_length=200, description="Its name, or NAME@HOST.PROVIDER", examples=["fix"])]  # fmt: skip


class Told(Shape):
    """An answer: more may be in it than is said here, as in what `mngr … --format json` prints."""

    model_config = ConfigDict(extra="allow")


# --- what is asked ------------------------------------------------------------------------------------------------


class AgentName(Shape):
    name: Name


class Create(Shape):
    name: Annotated[str, Field(pattern=NAME, description="Letters, digits, - and _; at most 63")]
    type: Annotated[str, Field(description="claude, codex, gemini, opencode, shell, … (`mngr type list`); default: as configured, or command")] = ""  # fmt: skip
    command: Annotated[str, Field(description="A shell line that it runs; with a type: words after that type's command")] = ""  # fmt: skip
    provider: Annotated[str, Field(description="Where: local, docker, vultr, … or an instance of the config; default: as configured")] = ""  # fmt: skip
    host: Annotated[str, Field(description="The host it is put on, or is to have; default: one of its own name")] = ""  # fmt: skip
    image: Annotated[str, Field(description="Docker image of a new host")] = ""
    build_args: Annotated[list[str], Field(default_factory=list, description="For a new machine, such as --vps-plan=vc2-1c-1gb")]  # fmt: skip
    env: Annotated[dict[str, str], Field(default_factory=dict, description="Environment of the agent")]
    labels: Annotated[dict[str, str], Field(default_factory=dict, description="Shown by agent_list")]
    idle_timeout_s: Annotated[int | None, Field(ge=0, description="Its host stops when idle so long; 0: never")] = None  # fmt: skip
    max_lifetime_s: Annotated[int | None, Field(ge=0, description="Its host stops after so long, whatever it does; 0: never")] = None  # fmt: skip
    source: Annotated[str | None, Field(description="A directory of this computer whose code comes along; default: none")] = None  # fmt: skip
    message: Annotated[str, Field(description="A first message, typed when its prompt is there")] = ""
    plan: Annotated[
        str,
        Field(
            pattern="^([0-9a-f]{16})?$",
            description="What the same call without it has answered: then the agent is made. Without it nothing is made, and all is checked",
        ),
    ] = ""


class List(Shape):
    providers: Annotated[
        list[str], Field(default_factory=list, description="Only those of these provider instances")
    ]


class Send(AgentName):
    text: Annotated[str, Field(min_length=1, description="Typed at its prompt as one message, with Enter")]
    start: Annotated[bool, Field(description="Start it and its host first where they aren't up")] = False


class Wait(Shape):
    names: Annotated[list[Name], Field(min_length=1)]
    states: Annotated[
        list[str],
        Field(
            default_factory=lambda: ["waiting", "done"],
            description="running, waiting, done, stopped, or why it waits: finished, permission, question, login; default: waiting, done",
        ),
    ]
    any_one: Annotated[bool, Field(description="Until one of them is there, and not all")] = False
    timeout: Annotated[int, Field(ge=1, le=MOST_WAIT_S, description="Seconds; then it is told how they are")] = 45  # fmt: skip


class Exec(AgentName):
    command: Annotated[str, Field(min_length=1, description="A shell line, run in its work dir with its environment")]  # fmt: skip
    timeout: Annotated[int, Field(ge=1, le=MOST_WAIT_S, description="Seconds; then it is ended with all its processes")] = 600  # fmt: skip


class Logs(AgentName):
    lines: Annotated[int, Field(ge=1, le=10_000, description="So many of the last")] = 200


class Destroy(AgentName):
    lose_work: Annotated[bool, Field(description="Also where commits never came home or files aren't committed")] = False  # fmt: skip


# --- what is answered ---------------------------------------------------------------------------------------------


class HostRow(Told):
    name: str
    id: str
    state: str
    provider: str


class Row(Told):
    name: str
    id: str
    type: str
    state: str
    reason: str | None
    exit_code: int | None
    labels: dict[str, str]
    host: HostRow
    mine: Annotated[bool, Field(description="Whether this client made it, and may destroy it")]


class Created(Told):
    made: Annotated[bool, Field(description="false: this is the plan, and nothing was made")]
    plan: Annotated[str | None, Field(description="Make the same call with it, and what this shows is made")]
    costs: Annotated[bool, Field(description="Whether money is spent, now or by use")]
    notes: Annotated[list[str], Field(description="What would be made, and its price")]
    agent: Row | None
    provider: str
    new_host: bool
    offer: Annotated[dict[str, Any] | None, Field(description="Prices as `mngr create --dry-run --format json` has them")]  # fmt: skip


class Listing(Told):
    agents: list[Row]
    hosts: list[HostRow]
    errors: Annotated[list[dict[str, Any]], Field(description="What couldn't be read: without it nothing is complete")]  # fmt: skip


class Sent(Told):
    name: str
    delivered: Annotated[str, Field(description="proven, or likely where its type doesn't say what its prompt is")]  # fmt: skip
    screen: str


class Waited(Told):
    name: str
    state: str
    reason: str
    exit_code: int | None
    fits: Annotated[str, Field(description="yes; open: not yet; no: it can't come to be in such a state any more")]  # fmt: skip


class WaitAnswer(Told):
    agents: list[Waited]
    timed_out: bool


class Ran(Told):
    exit_code: int
    stdout: str
    stderr: str


class LogText(Told):
    name: str
    text: str


class StopAnswer(Told):
    agent: Row
    host_stopped: Annotated[bool, Field(description="Its host went down, too: nobody else's agent was alive there")]  # fmt: skip


class Gone(Told):
    name: str
    host_gone: Annotated[bool, Field(description="Its host went with its last agent")]
    stays_with: list[str]
    billed: bool


# --- what is done -------------------------------------------------------------------------------------------------


def create(caller: Caller, asked: Create) -> Any:
    """Without `plan` the plan, else the agent. Raises Conflict where that isn't what would be made now."""
    if CLIENT in asked.labels:
        raise InvalidInput(f"the label {CLIENT} says whose an agent is", hint="leave it out")
    more: dict[str, Any] = {
        **_command(asked), "provider": asked.provider,
        "image": asked.image, "build_args": asked.build_args, "env": asked.env,
        "labels": {**asked.labels, CLIENT: caller.client}, "idle_timeout_s": asked.idle_timeout_s,
        "max_lifetime_s": asked.max_lifetime_s, "source": asked.source,
    }  # fmt: skip
    name = f"{asked.name}@{asked.host}" if asked.host else asked.name
    plan = caller.mngr.plan(name, asked.type, **more)
    digest = _digest(asked, plan)
    if not asked.plan:
        return Created(
            made=False, plan=digest, costs=plan.costs, notes=words.of_plan(plan), agent=None,
            offer=msgspec.to_builtins(plan.offer), provider=plan.provider.name, new_host=plan.onto is None,
        )  # fmt: skip
    if asked.plan != digest:
        raise Conflict(
            "that plan isn't what would be made now: the call, a price or a host is another one",
            hint="make the call without `plan`, and look at what it shows",
        )
    made = caller.mngr.create(plan, agree=True, message=asked.message)
    return Created(
        made=True, plan=None, costs=plan.costs, notes=[], agent=_row(caller, made), offer=None, provider=plan.provider.name,
        new_host=plan.onto is None,
    )  # fmt: skip


def _command(asked: Create) -> dict[str, Any]:
    """None given is not an empty one. Raises InvalidInput for words with a quote that doesn't end."""
    if not asked.command:
        return {}
    try:
        return {"command": shlex.split(asked.command) if asked.type else asked.command}
    except ValueError as error:
        raise InvalidInput(f"the command {asked.command!r} isn't words of a shell: {error}") from None


def list_(caller: Caller, asked: List) -> Any:
    listed = caller.mngr.list(asked.providers)
    told = present.listing(
        [(host.view, agent.view) for host in listed.hosts for agent in host.agents], listed.errors
    )
    hosts = [present.host(host.view) for host in listed.hosts]
    agents = [{**one, "mine": _mine(caller, one["labels"])} for one in told["agents"]]
    return {"agents": agents, "hosts": hosts, "errors": told["errors"]}


def send(caller: Caller, asked: Send) -> Any:
    return caller.mngr.agent(asked.name).send(asked.text, start=asked.start)


def wait(caller: Caller, asked: Wait) -> Any:
    return caller.mngr.wait(asked.names, asked.states, any_one=asked.any_one, timeout=asked.timeout)


def run(caller: Caller, asked: Exec) -> Any:
    done = caller.mngr.agent(asked.name).exec(asked.command, timeout=asked.timeout)
    return Ran(exit_code=done.code, stdout=done.text, stderr=done.error)


def logs(caller: Caller, asked: Logs) -> Any:
    return LogText(name=asked.name, text=caller.mngr.agent(asked.name).logs(asked.lines))


def stop(caller: Caller, asked: AgentName) -> Any:
    agent = caller.mngr.agent(asked.name)
    done = agent.stop()
    return StopAnswer(agent=_row(caller, agent), host_stopped=done.host_stopped)


def destroy(caller: Caller, asked: Destroy) -> Any:
    """Raises Conflict where it isn't this client's, or work would be lost."""
    agent = caller.mngr.agent(asked.name)
    if not _mine(caller, agent.labels):
        raise Conflict(
            f"agent {agent.name} wasn't made by this client, so it isn't destroyed",
            hint=f"a person may: `mngr destroy {agent.name}`, or `mngr label {agent.name} {CLIENT}={caller.client}` gives it to this client",
        )
    losses = [] if asked.lose_work else [one for one in agent.losses() if not one.is_none()]
    if losses:
        lost = "; ".join(said(one) for one in losses)
        raise Conflict(
            f"with {agent.name} work would be lost: {lost}",
            hint="have it pulled (`mngr pull`), or ask its user, and then call with lose_work",
        )
    return {"name": agent.name, **msgspec.to_builtins(agent.destroy())}


def _row(caller: Caller, agent: Agent) -> Any:
    shown = present.agent(agent.host.view, agent.view)
    return {**shown, "mine": _mine(caller, shown["labels"])}


def _mine(caller: Caller, labels: dict[str, str]) -> bool:
    return labels.get(CLIENT) == caller.client


def _digest(asked: Create, plan: CreatePlan) -> str:
    """What was shown, and what it was shown of."""
    onto = plan.onto.record.id if plan.onto else ""
    offer = msgspec.structs.replace(plan.offer, notes=[])
    shown = [asked.model_dump(exclude={"plan"}), plan.provider.name, onto, msgspec.to_builtins(offer)]
    return hashlib.sha256(msgspec.json.encode(shown, order="sorted")).hexdigest()[:16]


def check_client(name: str) -> str:
    """Raises InvalidInput."""
    return check_name(name, "client name")


VERBS: Sequence[Verb] = (
    Verb("agent_create", "Make an agent, and a host for it if needed. First without `plan`: that shows what would be made and what it costs, and makes nothing",
         "destructive", Create, long_schema(Created), create, long=lambda asked: bool(asked.plan)),
    Verb("agent_list", "List agents, their states, and the hosts they are on", "read", List, schema(Listing), list_),
    Verb("agent_send", "Type a message at an agent's prompt", "destructive", Send, schema(Sent), send),
    Verb("agent_wait", "Wait until agents are done, or want something", "read", Wait, schema(WaitAnswer), wait),
    Verb("agent_exec", "Run a shell line beside an agent, in its work dir, and wait for its end", "destructive", Exec, long_schema(Ran), run,
         long=lambda asked: True),
    Verb("agent_logs", "Show the last lines of what an agent's terminal showed", "read", Logs, schema(LogText), logs),
    Verb("agent_stop", "Stop an agent, and its host if nobody else needs it; what it made stays", "lifecycle", AgentName, long_schema(StopAnswer), stop,
         again=True, long=lambda asked: True),
    Verb("agent_destroy", "Remove an agent that this client made for good, and with a host's last agent the host and its machine", "destructive",
         Destroy, long_schema(Gone), destroy, long=lambda asked: True),
)  # fmt: skip
