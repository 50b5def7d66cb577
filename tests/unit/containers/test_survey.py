"""Reading what survey.sh printed: states, corrupt records, answers that were cut short."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.containers.survey import Seen, Stored, host_view, parse_store, parse_survey, state_of
from mngr.hosts.probe import HostFacts
from mngr.model.errors import Unreachable
from mngr.model.records import AgentRecord, HostRecord, encode

HOST = "host-0123456789abcdef"
RECORD = HostRecord(id=HOST, name="box", provider="docker", backend="docker", builder="laptop-x")
AGENT = AgentRecord(id="agent-0123456789abcdef", name="a1", created_at="2026-01-01T00:00:00Z")


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def answer(**parts: bytes) -> bytes:
    whole = {
        "containers": b"",
        "volumes": b"",
        "store": b"",
        **{k.replace("__", ":"): v for k, v in parts.items()},
    }
    rows = [
        *((len(value), key) for key, value in whole.items()),
        (len(b"".join(whole.values())), "insgesamt"),
    ]
    sizes = "".join(f"{size:8} {key}\n" for size, key in rows)
    return sizes.encode() + b"\0" + b"".join(whole.values()) + b"\0end"


def line(status: str = "Up 3 seconds", state: str = "running", name: str = f"mngr-{HOST}") -> bytes:
    return f"{name}|{state}|{status}|debian|2026|{HOST}|box|laptop-x|12|/mngr|127.0.0.1:20000\n".encode()


STORE = {f"hosts/{HOST}.json": encode(RECORD), f"hosts/{HOST}/agents/{AGENT.id}.json": encode(AGENT)}


def test_a_whole_answer() -> None:
    survey = parse_survey(
        answer(containers=line("Exited (0) 2 minutes ago", "exited"), store=tar(STORE), **{f"stop__{HOST}": tar({"stop/reason": b"idle since=1 last=boot mode=io timeout=8 at=9\n"})}),
        "docker",
    )  # fmt: skip
    seen = survey.containers[HOST]
    assert (seen.exit_code, seen.laptop, seen.until, seen.publish) == (0, "laptop-x", 12, "127.0.0.1:20000")
    view = host_view(survey.stored.hosts[HOST], seen, survey.stored)
    assert (view.state, [agent.record.name for agent in view.agents], view.agents[0].state) == ("paused", ["a1"], "stopped")  # fmt: skip
    assert view.idle is not None
    assert "idle since 1970-01-01T00:00:01Z" in view.idle.stop_reason


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (b"3\n", ("done", 3)),
        (b"0\n", ("done", 0)),
        (b"", ("stopped", None)),
        (b"x" * 5000, ("stopped", None)),
    ],
)
@pytest.mark.parametrize("status", ["Exited (0)", "Exited (143)", "Exited (137)"])
def test_an_agent_that_ended_before_its_host_is_done(
    code: bytes, shown: tuple[str, int | None], status: str
) -> None:
    folder = tar({"stop/reason": b"idle", f"stop/codes/{AGENT.id}": code, "stop/codes/../x": b"1"})
    survey = parse_survey(
        answer(containers=line(status, "exited"), store=tar(STORE), **{f"stop__{HOST}": folder}), "docker"
    )
    [agent] = host_view(RECORD, survey.containers[HOST], survey.stored).agents
    assert (agent.state, agent.exit_code) == shown


def test_a_stop_folder_that_was_cut_tells_what_came() -> None:
    whole = tar({"stop/reason": b"idle since=1", f"stop/codes/{AGENT.id}": b"3\n"})
    for cut in range(0, len(whole), 100):
        survey = parse_survey(
            answer(containers=line("Exited (0)", "exited"), **{f"stop__{HOST}": whole[:cut]}), "docker"
        )
        assert survey.containers[HOST].reason in ("idle since=1", "idle since=1"[: max(0, cut - 512)])


@given(st.data())
def test_a_cut_answer_is_never_an_empty_one(data: st.DataObject) -> None:
    whole = answer(containers=line(), store=tar(STORE))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(Unreachable):
        parse_survey(whole[:cut], "docker")


@given(st.data())
def test_a_cut_store_is_never_an_empty_one(data: st.DataObject) -> None:
    whole = tar(STORE).rstrip(b"\0")
    cut = data.draw(st.integers(1, len(whole)))
    with pytest.raises(Unreachable):
        parse_store(whole[:cut], "docker")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\0", b'{"id": "host-ffffffffffffffff", "name": "x", "provider": "p", "backend": "b"}', encode(RECORD).replace(b'"format": 1', b'"format": 99')])  # fmt: skip
def test_a_corrupt_record_is_an_error_row(content: bytes) -> None:
    stored = parse_store(tar({**STORE, f"hosts/{HOST}.json": content}), "docker")
    assert stored.hosts == {}
    assert stored.problems[f"{HOST}.json"].what == f"host {HOST}"
    assert stored.agents[HOST] == [AGENT]


def test_a_corrupt_agent_leaves_the_others() -> None:
    stored = parse_store(tar({**STORE, f"hosts/{HOST}/agents/agent-1.json": b"{"}), "docker")
    assert stored.agents[HOST] == [AGENT]
    view = host_view(
        RECORD, Seen(host_id=HOST, host_name="box", name="x", state="exited", exit_code=143), stored
    )
    assert "can't be read" in view.problem


def test_half_written_files_are_nothing() -> None:
    stored = parse_store(
        tar({**STORE, "hosts/.part.12": b"{", f"hosts/{HOST}/agents/.part.1": b"{"}), "docker"
    )
    assert stored.problems == {}


def test_a_begun_destroy_shows() -> None:
    stored = parse_store(tar({f"hosts/{HOST}.gone": encode(RECORD)}), "docker")
    assert stored.going == {HOST: RECORD}
    assert stored.hosts == {}


def test_a_container_somebody_ran_from_a_host_s_image_is_no_host() -> None:
    assert parse_survey(answer(containers=line(name="happy_turing")), "docker").containers == {}


@pytest.mark.parametrize(
    ("state", "code", "reason", "shown"),
    [
        ("running", None, "", "running"),
        ("paused", None, "", "running"),
        ("exited", 0, "idle since=1", "paused"),
        ("exited", 0, "", "paused"),
        ("exited", 124, "lifetime at=1", "stopped"),
        ("exited", 124, "", "stopped"),
        ("exited", 143, "idle since=1", "paused"),
        ("exited", 143, "lifetime at=1", "stopped"),
        ("exited", 143, "", "stopped"),
        ("exited", 137, "", "crashed"),
        ("exited", 255, "", "crashed"),
        ("exited", 1, "", "crashed"),
        ("created", None, "", "crashed"),
        ("restarting", 1, "", "crashed"),
        ("removing", None, "", "stopping"),
    ],
)
def test_states(state: str, code: int | None, reason: str, shown: str) -> None:
    seen = Seen(host_id=HOST, host_name="box", name="x", state=state, exit_code=code, reason=reason)
    assert state_of(seen)[0] == shown


def test_a_host_without_container_is_failed_and_keeps_its_agents() -> None:
    view = host_view(RECORD, None, Stored(agents={HOST: [AGENT]}))
    assert (view.state, view.agents[0].state) == ("failed", "unknown")


@pytest.mark.parametrize(("agents", "half_made"), [("agents=0", True), ("agents=1", False), ("", False)])
def test_a_host_that_stopped_itself_tells_whether_its_agent_ever_came(agents: str, half_made: bool) -> None:
    reason = f"idle since=1 last=boot mode=io timeout=8 at=9 {agents}".strip()
    seen = Seen(host_id=HOST, host_name="box", name="x", state="exited", exit_code=0, reason=reason)
    view = host_view(RECORD, seen, Stored(agents={HOST: [AGENT]}))
    assert [(one.state, one.half_made) for one in view.agents] == [("stopped", half_made)]


def test_on_a_rented_machine_a_host_without_idle_conf_is_no_reason_to_make_another() -> None:
    seen = Seen(host_id=HOST, host_name="box", name="x", state="running", facts=HostFacts())
    assert not host_view(RECORD, seen, Stored()).half_made
