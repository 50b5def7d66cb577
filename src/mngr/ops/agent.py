"""An agent as an object: what is known of it, as it was when it was last looked at, and its verbs.

Verbs that change something look first, and see to it that the object shows how it is afterwards; after a destroy it shows
what was last seen. No verb acts on another agent that has the name by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr.model.errors import NotFound
from mngr.model.states import AgentState
from mngr.model.views import AgentView, HostView
from mngr.ops import names
from mngr.ops.host import Host
from mngr.ops.names import Group, Target

if TYPE_CHECKING:
    from mngr.agents.talk import Screen
    from mngr.ops.create import Created
    from mngr.ops.lifecycle import Destroyed, Started, Stopped
    from mngr.ops.losing import Loss
    from mngr.ops.mngr import Mngr
    from mngr.ops.pull import Pulled
    from mngr.ops.reached import Reached
    from mngr.ops.talk import Sent
    from mngr.ops.transcript import Transcript
    from mngr.providers.contract import Snapshot
    from mngr.transport.base import Completed


class Agent:
    """An agent: a process in a tmux session on a host. `view` has what was seen of it.

    >>> agent = mngr.agent("demo")
    >>> agent.name, agent.type, agent.command
    ('demo', 'command', ['sleep', '1000'])
    """

    def __init__(self, mngr: Mngr, host: HostView, view: AgentView, created: Created | None = None) -> None:
        self.mngr = mngr
        self.view = view
        self.created = (
            created  #: What its create said, if it comes from there: how long which phase took, notes.
        )
        self._host = host

    def __repr__(self) -> str:
        return f"<Agent {self.name}@{self._host.record.name}.{self._host.record.provider} {self.state}>"

    @property
    def name(self) -> str:
        return self.view.record.name

    @property
    def id(self) -> str:
        return self.view.record.id

    @property
    def type(self) -> str:
        return self.view.record.type

    @property
    def command(self) -> list[str]:
        return self.view.record.command

    @property
    def work_dir(self) -> str:
        """The directory that it works in, on its host."""
        return self.view.record.work_dir

    @property
    def labels(self) -> dict[str, str]:
        return self.view.record.labels

    @property
    def state(self) -> AgentState:
        return self.view.state

    @property
    def exit_code(self) -> int | None:
        """How its command ended, where its state is `done`."""
        return self.view.exit_code

    @property
    def host(self) -> Host:
        return Host(self.mngr, self._host)

    @property
    def address(self) -> str:
        """How every verb of the command line takes it, too."""
        return f"{self.name}@{self._host.record.id}.{self._host.record.provider}"

    def refresh(self) -> Agent:
        """Looks at it again. Raises NotFound, Unreachable.

        >>> mngr.agent("demo").refresh().state in ("running", "waiting")
        True
        """
        target = self._look()
        assert target.agent
        self._host, self.view = target.host, target.agent
        return self

    def exec(
        self, words: str | Sequence[str], *, input: bytes | str = b"", timeout: float | None = None
    ) -> Completed:
        """Runs a command in its work dir with its environment: a string is a shell line, several words are an argv. The
        exit code is in the answer. `timeout`: in seconds; the command is ended then, with all its processes.

        Raises Conflict if its host is down, Unreachable if the connection fails or breaks, TimedOut.

        >>> agent = mngr.agent("demo")
        >>> agent.exec(["echo", "a b"]).text
        'a b\\n'
        >>> agent.exec("cat | wc -c; exit 3", input="four").code
        3
        """
        from mngr.ops import run

        text = input.encode() if isinstance(input, str) else input
        return run.capture(self.mngr, self.address, words, input=text, timeout=timeout, agent_id=self.id)

    def logs(self, lines: int = 0) -> str:
        """The last `lines` (0: all) of what its terminal showed, as text; also while its host is down.

        >>> mngr.create("says", command=["sh", "-c", "echo ready; sleep 1000"]).logs()
        'ready\\n'
        """
        from mngr.model.plain import plain
        from mngr.ops import run

        return plain(run.logs_of(self.mngr, self._look(), lines).decode(errors="replace"))

    def raw_logs(self, lines: int = 0) -> bytes:
        """The same of what was written to its terminal, with all control sequences.

        >>> mngr.agent("says").raw_logs()
        b'ready\\r\\n'
        """
        from mngr.ops import run

        return run.logs_of(self.mngr, self._look(), lines, raw=True)

    def send(self, text: str, *, start: bool = False, force: bool = False) -> Sent:
        """Types a message at its prompt, presses Enter, and sees to it that it was taken: one message, however many lines it
        has. `start`: it and its host are started first where they aren't up. `force`: also where its prompt isn't seen, or
        holds something.

        Raises NotSent (nothing was typed; `why` and `screen` say what it waits for), NotTaken, both of `mngr.ops.not_sent`.

        >>> agent = mngr.create("reads", command="read line; echo got $line; sleep 1000")
        >>> agent.send("a message").delivered  # `proven` where its type says what its prompt is
        'likely'
        """
        from mngr.ops import talk

        return talk.send(
            self.mngr, self._reached(), text, start=start, force=force, phases=self.mngr.phases()
        )

    def answer(self, word: str, *, as_text: bool = False) -> Sent:
        """Answers the permission or question that it asks: `yes` or `no` by the keys of its type, a number by its digits, any
        other word (all if `as_text`) as a text, with Enter. Raises NotSent if its screen shows none; nothing was typed then.

        >>> try:
        ...     mngr.agent("reads").answer("yes", as_text=True)
        ... except MngrError as error:
        ...     error.why  # its type has no rules by which a question could be seen
        'norules'
        """
        from mngr.ops import talk

        return talk.answer(self.mngr, self._reached(), word, as_text=as_text)

    def screen(self) -> Screen:
        """What is on its terminal now; of a command that has ended, what was there last. Raises NotSent where there is none,
        as it is stopped.

        >>> mngr.agent("reads").screen().lines
        ['a message', 'got a message']
        """
        from mngr.ops import talk

        return talk.screen(self.mngr, self._reached())

    def transcript(self) -> Transcript:
        """What it and its user have said, by its program's own record; as it was kept, where its host is down. Raises
        NotSupported where its type doesn't say where that record is.

        >>> try:
        ...     mngr.agent("reads").transcript()
        ... except MngrError as error:
        ...     print(error)
        agent type command doesn't say where its program keeps a record
        """
        from mngr.ops import transcript

        return transcript.of(self.mngr, self._look())

    def attach_argv(self) -> list[str]:
        """The command line that puts a terminal on it.

        >>> mngr.agent("demo").attach_argv()[:1]
        ['sh']
        """
        from mngr.ops import run

        return run.attach_argv(self.mngr, self.address)

    def stop(self) -> Stopped:
        """Ends its processes, and stops its host if no other agent is alive there. What it made stays. Repeatable.

        >>> agent = mngr.agent("says")
        >>> agent.stop().host_stopped, agent.state
        (False, 'stopped')
        """
        from mngr.ops import lifecycle

        done = lifecycle.stop(self.mngr, self._group(), self.mngr.phases())
        self.refresh()
        return done

    def start(self, *, fresh: bool = False) -> Started:
        """Starts its host if that is down, and its command if it isn't alive: it goes on with its last conversation where its
        type knows how, unless `fresh`. Repeatable.

        >>> agent = mngr.agent("says")
        >>> [one.state for one in agent.start().agents], agent.state
        (['running'], 'running')
        """
        from mngr.ops import lifecycle

        done = lifecycle.start(self.mngr, self._group(), self.mngr.phases(), fresh=fresh)
        self.refresh()
        return done

    def destroy(self, *, unknown_agents: bool = False) -> Destroyed:
        """Removes it for good and, with a host's last agent, the host and its machine; ends their bill. Gone already is
        success. Nobody is asked: `losses` says what would be lost.

        >>> done = mngr.create("short", command=["sleep", "9"]).destroy()
        >>> done.host_gone, "demo" in done.stays_with  # this computer stays, with its other agents
        (False, True)
        """
        from mngr.ops import lifecycle

        try:
            group = self._group()
        except NotFound:
            return _destroyed(self.mngr, self.host.address)
        return lifecycle.destroy(self.mngr, group, self.mngr.phases(), unknown_agents=unknown_agents)

    def losses(self) -> Sequence[Loss]:
        """What a destroy would take away for good: commits that never came home, files that aren't committed.

        >>> mngr.agent("demo").losses()  # agents here work in directories of yours, which stay
        []
        """
        from mngr.ops import losing

        [found] = losing.losses(self.mngr, [self._group()])
        return found

    def pull(self, into: str | Path = ".", *, branch: str = "", force: bool = False) -> Pulled:
        """Brings its commits home, into the repository around `into`, as branches `mngr/NAME/BRANCH`; HEAD
        as `branch`, if that is given. `force`: replaces branches that went another way. Repeatable.

        >>> mngr.agent("demo").pull().branch  # doctest: +SKIP
        'mngr/demo/main'
        """
        from mngr.ops import pull

        self._look()
        return pull.pull_agent(self.mngr, self.address, Path(into), branch, self.mngr.phases(), force=force)

    def rename(self, name: str, into: str | Path = ".") -> Agent:
        """Gives it another name while it runs on, and the branches of its pulls in the repository around `into`; itself.
        Repeatable. Raises Conflict if the name is taken, InvalidInput.

        >>> mngr.create("one", command=["sleep", "9"]).rename("another").name
        'another'
        """
        from mngr.ops import amend

        self._look()
        done = amend.rename(self.mngr, self.address, name, Path(into), self.mngr.phases())
        self._host, self.view = done.host, done.agent
        return self

    def label(self, labels: Mapping[str, str | None]) -> Agent:
        """Gives it labels, or (None) takes them away; itself. Repeatable. Raises InvalidInput.

        >>> mngr.agent("another").label({"team": "docs", "old": None}).labels
        {'team': 'docs'}
        """
        from mngr.ops import amend

        self._look()
        done = amend.label(self.mngr, self.address, labels, self.mngr.phases())
        self._host, self.view = done.host, done.agent
        return self

    def snapshot(self, name: str = "", *, to: str | Path | None = None) -> Snapshot:
        """As Host.snapshot, of its host.

        >>> mngr.agent("demo").snapshot(to="demo.tar")  # doctest: +SKIP
        Snapshot(id='snap-…', …)
        """
        from mngr.ops import snapshots

        return snapshots.create(
            self.mngr, self.address, name, None if to is None else Path(to), self.mngr.phases()
        )

    def _group(self) -> Group:
        [group] = names.groups([self._look()])
        return group

    def _reached(self) -> Reached:
        """As it is talked to. Raises NotFound."""
        from mngr.ops import reached

        [found] = reached.find(self.mngr, [self.address])
        if found.agent_id != self.id:
            raise NotFound(f"agent {self.name} ({self.id}) is gone", hint="another one has its name by now")
        return found

    def _look(self) -> Target:
        """Raises NotFound also if another agent has its name by now."""
        [target] = names.resolve(self.mngr, [self.address])
        if target.agent is None or target.agent.record.id != self.id:
            raise NotFound(f"agent {self.name} ({self.id}) is gone", hint="another one has its name by now")
        return target


def _destroyed(mngr: Mngr, host: str) -> Destroyed:
    """What is told of an agent that is gone already: whether its host is."""
    from mngr.ops.lifecycle import Destroyed

    try:
        view = names.resolve(mngr, [host])[0].host
    except NotFound:
        return Destroyed(host_gone=True)
    return Destroyed(
        host_gone=False,
        stays_with=[one.record.name for one in view.agents],
        billed=bool(view.record.price_per_hour or view.record.price_per_month),
    )
