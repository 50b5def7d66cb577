"""Talking to agents: a message at an agent's prompt, and what its terminal shows now. A remembered agent costs no question of
its own: one round trip sends, and looks whether the message was taken."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Literal

import msgspec

from mngr.agents import talk
from mngr.agents.talk import How, Outcome, Screen
from mngr.agents.types import AgentType
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, Unreachable
from mngr.model.plain import plain
from mngr.model.progress import Step
from mngr.model.views import AgentView, HostView
from mngr.ops import names, run
from mngr.ops.context import Mngr, Phases
from mngr.ops.not_sent import NotSent, failure
from mngr.ops.reached import Reached, find, look

#: A prompt of an agent that runs is waited for so long (s): it may just be drawn anew.
PROMPT_S = 3
#: That of an agent that was started a moment ago, which may install its program first.
FIRST_PROMPT_S = 300
#: So long is waited for something to show and stay, where the type doesn't say what its prompt is.
FIRST_SIGN_S = 10
#: So long one command on the host waits for a prompt, of all that time.
_ONE_WAIT_S = 20
#: More than this, in bytes, is no message but a file.
MOST = 1 << 20


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is in an agent's hands. `delivered`: `proven` if its prompt showed the text and is empty again, or it
    turned busy; `likely` if its terminal changed, and whether the text was taken can't be told. `left_out`: how many characters
    of the text were none that may be typed. `screen`: what the terminal showed then."""

    name: str
    host: str
    provider: str
    delivered: Literal["proven", "likely"]
    left_out: int = 0
    screen: str = ""


def message(text: str | bytes) -> tuple[bytes, int]:
    """A text as it is typed, and how many of its characters are left out: control sequences and characters, by which it could
    end its own paste, or press keys. Line ends and tabs stay; those at its end go. Raises InvalidInput."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        text.encode()
    except UnicodeError:
        raise InvalidInput(
            "the message isn't text in UTF-8", hint="send a file by `mngr exec NAME 'cat >FILE' <FILE`"
        ) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    clean = plain(text)
    left_out = len(text) - len(clean)
    data = clean.rstrip("\n").encode()
    if not data.strip():
        raise InvalidInput("there is no text to send", hint="mngr send NAME 'what to do'")
    if len(data) > MOST:
        raise InvalidInput(
            f"the message has {len(data):,} bytes; a prompt takes {MOST:,} at most",
            hint="put it into a file there (`mngr exec NAME 'cat >FILE' <FILE`), and send a message that names it",
        )
    return data, left_out


def send(
    mngr: Mngr,
    to: Reached,
    text: str | bytes,
    *,
    start: bool = False,
    force: bool = False,
    phases: Phases | None = None,
    wait_s: float | None = None,
) -> Sent:
    """Types a message at an agent's prompt, and sees to it that it was taken. `start`: host and agent are started first where
    they aren't up. `force`: also where the prompt isn't seen, or holds something. `wait_s`: so long the prompt is waited for.

    Raises NotSent (nothing was typed), NotTaken, InvalidInput, NotFound, Unreachable, TimedOut."""
    data, left_out = message(text)
    phases = phases or Phases(mngr.clock)
    if start:
        to, started = _started(mngr, to, phases)
        wait_s = FIRST_PROMPT_S if started and wait_s is None else wait_s
    token, kind = uuid.uuid4().hex, kind_of(mngr, to.type)
    seen = kind.prompt or any(rule.state == "finished" for rule in kind.states)
    if not seen and wait_s is not None:
        wait_s = min(wait_s, FIRST_SIGN_S)
    how: How = "force" if force else "" if wait_s is None else "first"
    end = mngr.clock.monotonic() + (PROMPT_S if wait_s is None else wait_s)
    waits = wait_s is not None or seen
    while True:
        left = max(0.0, end - mngr.clock.monotonic()) if waits else 0
        if wait_s is not None:
            phases(Step("wait for its prompt", at_most_s=wait_s))
        wait = round(min(left, _ONE_WAIT_S))

        def types(agent: Reached, wait: int = wait) -> Outcome | None:
            return talk.send(
                agent.place, agent.agent_id, token, data, prompt=kind.prompt, prompt_at=kind.prompt_at, wait_s=wait, how=how
            )  # fmt: skip

        try:
            to, outcome = _asked(mngr, to, types)
        except Conflict as down:
            if down.hint:
                down.hint = f"`mngr send --start {to.text} …` starts it first"
            raise
        if outcome.ending == "noprompt" and left > _ONE_WAIT_S:
            continue
        break
    if outcome.ending in ("proven", "likely"):
        return _sent(to, outcome, left_out)
    raise failure(to.text, outcome, wait_s)


def first(mngr: Mngr, host: HostView, agent: AgentView, text: str | bytes, phases: Phases) -> Sent:
    """Sends its first message to an agent that was made a moment ago, when its prompt is there. Raises as `send`."""
    [to] = find(mngr, [f"{agent.record.name}@{host.record.id}.{host.record.provider}"])
    to = msgspec.structs.replace(to, text=agent.record.name)
    return send(mngr, to, text, phases=phases, wait_s=FIRST_PROMPT_S)


def answer(mngr: Mngr, to: Reached, word: str, *, as_text: bool = False) -> Sent:
    """Answers the permission or question that an agent asks: `yes` or `no` by the keys of its type, a number by its digits, any
    other word (all if `as_text`) as a text, with Enter. Repeated, it answers the next question.

    Raises NotSent (it asks nothing, or that can't be seen; nothing was typed), NotTaken, InvalidInput, NotFound, Unreachable."""
    token, data, left_out, keys = uuid.uuid4().hex, b"", 0, list[str]()
    if not as_text and word.lower() in ("yes", "no"):
        keys = kind_of(mngr, to.type).answers.get(word.lower(), [])
        if not keys:
            raise InvalidInput(
                f"type {to.type} of {to.text} doesn't say which keys answer {word.lower()}",
                hint=f"`mngr screen {to.text}` shows what it asks: a number or a text (-m) answers, or set answers in [agent_types.{to.type}]",
            )
    elif not as_text and word.isascii() and word.isdigit() and len(word) < 4:
        keys = list(word)
    else:
        data, left_out = message(word)

    def types(agent: Reached) -> Outcome | None:
        return talk.answer(agent.place, agent.agent_id, token, keys, data)

    to, outcome = _asked(mngr, to, types)
    if outcome.ending in ("proven", "likely"):
        return _sent(to, outcome, left_out)
    raise failure(to.text, outcome, None)


def _sent(to: Reached, outcome: Outcome, left_out: int) -> Sent:
    return Sent(
        name=to.name, host=to.host, provider=to.provider, delivered="proven" if outcome.ending == "proven" else "likely",
        left_out=left_out, screen=outcome.screen,
    )  # fmt: skip


def _asked(mngr: Mngr, to: Reached, types: Callable[[Reached], Outcome | None]) -> tuple[Reached, Outcome]:
    """One round trip; another one, with a fresh look, where what was remembered isn't so, or the connection broke. The host
    knows what is typed by its token: it is typed once."""
    try:
        outcome = types(to)
    except MngrError as error:
        if to.looked and not isinstance(error, Unreachable):
            raise
        outcome = None
    if outcome and outcome.ending != "cut":
        return to, outcome
    former, to = to, look(mngr, to.address)
    if former.looked and to.agent_id != former.agent_id:
        raise NotFound(f"agent {former.name} is gone", hint="another one has its name by now")
    outcome = types(to)
    if outcome is None:
        raise NotFound(f"agent {to.text} is no longer on its host", hint="`mngr list` shows what there is")
    return to, outcome


def _started(mngr: Mngr, to: Reached, phases: Phases) -> tuple[Reached, bool]:
    """The agent once it is up, and whether it had to be started."""
    from mngr.ops import lifecycle

    target = run.agent_of(mngr, to.address)
    assert target.agent
    up = target.host.up and not target.host.sshd_down and target.agent.state in lifecycle.ALIVE
    if not up:
        [group] = names.groups([target])
        lifecycle.start(mngr, group, phases)
    return look(mngr, to.address), not up


def kind_of(mngr: Mngr, name: str) -> AgentType:
    """The type of that name, of an agent that is there already; one that says nothing, where the user's own config doesn't
    have it, or no longer."""
    from mngr.agents.types import find_type, known

    configured = mngr.own_types
    return find_type(name, configured, checked=False) if name in known(configured) else AgentType()


def screen(mngr: Mngr, to: Reached) -> Screen:
    """What an agent's terminal shows now; of one whose command has ended, what it showed last. Raises NotSent where it has
    no terminal (stopped), NotFound, Conflict, Unreachable."""
    try:
        seen = talk.screen(to.place, to.agent_id)
    except MngrError:
        if to.looked:
            raise
        seen = None
    if seen is None:
        to = look(mngr, to.address)
        seen = talk.screen(to.place, to.agent_id)
    if isinstance(seen, Screen):
        return seen
    raise NotSent(
        f"{to.text} has no terminal: it is stopped",
        "stopped",
        hint=f"`mngr logs {to.text}` shows what it showed; `mngr start {to.text}` starts it",
    )
