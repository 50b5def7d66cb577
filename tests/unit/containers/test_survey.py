"""Reading what survey.sh printed: states, corrupt records, answers that were cut short."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.containers.survey import Seen, Stored, host_view, parse_store, parse_survey, state_of
from mngr.hosts import scripts
from mngr.hosts.probe import HostFacts
from mngr.model.errors import Unreachable
from mngr.model.records import AgentRecord, HostRecord, Idle, encode
from mngr.model.views import HostView, IdleView

HOST = "host-0123456789abcdef"
RECORD = HostRecord(id=HOST, name="box", provider="docker", backend="docker", builder="laptop-x")
AGENT = AgentRecord(id="agent-0123456789abcdef", name="a1", created_at="2026-01-01T00:00:00Z")


def tar(files: dict[str, bytes], at: int = 0) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), at
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


@pytest.mark.parametrize(
    ("status", "reason", "state", "at", "cause"),
    [
        ("Exited (0)", b"idle since=1 last=user mode=io timeout=800 at=801", "paused", 801.0, "idle"),
        ("Exited (0)", b"lifetime at=90", "stopped", 90.0, "lifetime"),
        ("Exited (124)", b"", "stopped", 77.0, "lifetime"),
        ("Exited (143)", b"", "stopped", 77.0, ""),
        ("Exited (137)", b"", "crashed", None, ""),
    ],
)
def test_a_host_that_is_down_tells_since_when_and_why(
    status: str, reason: bytes, state: str, at: float | None, cause: str
) -> None:
    folder = tar({**({"stop/reason": reason} if reason else {}), "stop/ended": b""}, at=77)
    parts = {"containers": line(status, "exited"), f"stop__{HOST}": folder}
    view = host_view(RECORD, parse_survey(answer(**parts), "docker").containers[HOST], Stored())
    assert (view.state, view.stopped_at, view.idle and view.idle.stop_cause) == (state, at, cause)


def test_of_a_host_that_runs_the_nearer_end_is_said() -> None:
    record = msgspec.structs.replace(RECORD, idle=Idle(max_lifetime_s=90))
    ends = []
    for kept_by_machine in (None, 1050.0):
        idle = IdleView(mode="io", timeout_s=800, stops_at=1700.0, stop_cause="idle")
        facts = HostFacts(idle=idle, started_at=1000.0)
        seen = Seen(host_id=HOST, host_name="box", name="x", state="running", facts=facts)
        shown = host_view(record, seen, Stored(), kept_by_machine).idle
        assert shown is not None
        ends.append((shown.stops_at, shown.lifetime_ends_at, shown.stop_cause))
    assert ends == [(1090.0, 1090.0, "lifetime"), (1050.0, 1050.0, "lifetime")]


def test_a_host_whose_end_has_begun_is_stopping_and_still_up() -> None:
    facts = HostFacts(idle=IdleView(mode="io", timeout_s=800), stopping_since=77.0)
    seen = Seen(host_id=HOST, host_name="box", name="x", state="running", facts=facts)
    view = host_view(RECORD, seen, Stored())
    assert (view.state, view.stopped_at, view.up) == ("stopping", 77.0, True)
    assert not HostView(record=RECORD, state="stopping").up  # one that is being destroyed


@pytest.mark.parametrize(("agents", "half_made"), [("agents=0", True), ("agents=1", False), ("", False)])
def test_a_host_that_stopped_itself_tells_whether_its_agent_ever_came(agents: str, half_made: bool) -> None:
    reason = f"idle since=1 last=boot mode=io timeout=8 at=9 {agents}".strip()
    seen = Seen(host_id=HOST, host_name="box", name="x", state="exited", exit_code=0, reason=reason)
    view = host_view(RECORD, seen, Stored(agents={HOST: [AGENT]}))
    assert [(one.state, one.half_made) for one in view.agents] == [("stopped", half_made)]


def test_on_a_rented_machine_a_host_without_idle_conf_is_no_reason_to_make_another() -> None:
    seen = Seen(host_id=HOST, host_name="box", name="x", state="running", facts=HostFacts())
    assert not host_view(RECORD, seen, Stored()).half_made


def test_a_store_that_doesnt_answer_in_time_is_said_to(tmp_path: Path) -> None:
    for name, text in (("docker", "exit 0"), ("timeout", "exit 124")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    argv = ["sh", "-c", scripts.text("survey"), "survey", "azure", "mngr-state-azure", "", "", "", "", "7"]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (1, "no answer within 7 s\n")
