"""What the journal keeps of rented machines: typed, without secrets, and as the builds before wrote it."""

from pathlib import Path

import msgspec
import pytest

from mngr.cli.swept_words import of_found
from mngr.journal import Intent, Journal
from mngr.journal.intent import encode
from mngr.model.errors import MngrError
from mngr.model.records import HostRecord, decode
from mngr.providers.contract import HostSpec, IdleRequest
from mngr.vps_docker import intents, tags
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.intents import CreatePlan, DestroyPlan, Owed, Plan, SnapshotPlan, WipePlan
from mngr.vps_docker.sweeping import sweep
from mngr.vps_docker.vps_client import MachineSpec
from support.rented import ManualClock, MemoryCloud, parts

HOST = "host-0123456789abcdef"
SNAPSHOT = "snapshot-0123456789abcdef"

MACHINE = """{
   "host_id": "host-0123456789abcdef",
   "name": "mngr-cloud-box-01234567",
   "plan": "vc2-1c-1gb",
   "region": "ewr",
   "image": "2136",
   "user_data": "",
   "tags": {},
   "public_key": "",
   "options": {"image_id": "docker"}
  }"""

#: As they lie on disks: written by builds that had no types for them.
WRITTEN = {
    "create": """{
 "provider": "cloud",
 "subject": "host-0123456789abcdef",
 "kind": "create",
 "at": 1790000000.5,
 "plan": {
  "machine": {MACHINE},
  "host_name": "box",
  "request": {
   "id": "host-0123456789abcdef",
   "name": "box",
   "image": "debian",
   "build_args": ["--vps-plan=vc2-1c-1gb"],
   "start_args": [],
   "idle": {"mode": null, "timeout_s": 60.0, "max_lifetime_s": null},
   "snapshot": "",
   "labels": {"a": "b"}
  },
  "host_keys": ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"],
  "account": "one@example.com"
 },
 "handle": {"asked_at": "1790000000", "id": "i-1"},
 "note": "",
 "format": 1
}
""".replace("{MACHINE}", MACHINE),
    "destroy": """{
 "provider": "cloud",
 "subject": "host-0123456789abcdef",
 "kind": "destroy",
 "at": 1790000000.5,
 "plan": {
  "machine": {MACHINE},
  "host_name": "box",
  "wipe": {"address": "192.0.2.7", "paid_until": "2027-01-10"},
  "account": "one@example.com"
 },
 "handle": {"id": "i-1"},
 "note": "destroy: not yet released: still there",
 "format": 1
}
""".replace("{MACHINE}", MACHINE),
    "wipe": """{
 "provider": "cloud",
 "subject": "host-0123456789abcdef",
 "kind": "wipe",
 "at": 1790000000.5,
 "plan": {
  "machine": {MACHINE},
  "host_name": "box",
  "wipe": {"address": "192.0.2.7", "paid_until": "2027-01-10"},
  "account": ""
 },
 "handle": {"id": "i-1"},
 "note": "not wiped yet: no answer",
 "format": 1
}
""".replace("{MACHINE}", MACHINE),
    "snapshot": """{
 "provider": "cloud",
 "subject": "snapshot-0123456789abcdef",
 "kind": "snapshot",
 "at": 1790000000.5,
 "plan": {
  "host_id": "host-0123456789abcdef",
  "host_name": "box"
 },
 "handle": {},
 "note": "",
 "format": 1
}
""",
}
ORDERED = intents.Ordered(
    host_id=HOST, name="mngr-cloud-box-01234567", plan="vc2-1c-1gb", region="ewr", image="2136",
    options={"image_id": "docker"},
)  # fmt: skip
OWED = Owed(address="192.0.2.7", paid_until="2027-01-10")
ONE = "one@example.com"
SPEC = HostSpec(
    id=HOST, name="box", image="debian", build_args=["--vps-plan=vc2-1c-1gb"], idle=IdleRequest(timeout_s=60),
    labels={"a": "b"},
)  # fmt: skip
READ: dict[str, Plan] = {
    "create": CreatePlan(
        machine=ORDERED, host_name="box", account=ONE, request=intents.request(SPEC),
        host_keys=["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"],
    ),
    "destroy": DestroyPlan(machine=ORDERED, host_name="box", account=ONE, wipe=OWED),
    "wipe": WipePlan(machine=ORDERED, host_name="box", wipe=OWED),
    "snapshot": SnapshotPlan(host_id=HOST, host_name="box"),
}  # fmt: skip


def on_disk(home: Path, kind: str) -> Intent:
    subject = SNAPSHOT if kind == "snapshot" else HOST
    (home / "journal").mkdir()
    (home / "journal" / f"cloud.{subject}.json").write_text(WRITTEN[kind])
    (entry,) = Journal(home / "journal").entries("cloud")
    assert entry.intent is not None, entry.error
    return entry.intent


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_older_builds_wrote_is_read(tmp_path: Path, kind: str) -> None:
    intent = on_disk(tmp_path, kind)
    assert intents.read(intent) == READ[kind]
    assert intents.host_name(intent) == "box"
    again = intents.written(intent, READ[kind])
    assert (again.kind, intents.read(again)) == (kind, READ[kind])
    assert msgspec.structs.replace(again, plan={}) == msgspec.structs.replace(intent, plan={})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("create", "host box (machine i-1) (its create was cut short)"),
        ("destroy", "host box (machine i-1) (its destroy was cut short)"),
        ("snapshot", f"snapshot {SNAPSHOT} of host box (gone with its host)"),
    ],
)
def test_the_sweep_ends_what_older_builds_began(tmp_path: Path, kind: str, said: str) -> None:
    on_disk(tmp_path, kind)
    cloud = MemoryCloud(ManualClock())
    if kind != "snapshot":
        cloud.put("i-1", {tags.PROVIDER: "cloud", tags.HOST_ID: HOST})
    cloud.clock.at = 1_900_000_000  # nothing that was paid for runs any more
    assert [of_found(one) for one in sweep(parts(tmp_path, cloud), False).released] == [said]
    assert not cloud.machines
    assert not Journal(tmp_path / "journal").entries()


def test_a_wipe_of_an_older_build_ends_with_what_was_paid(tmp_path: Path) -> None:
    on_disk(tmp_path, "wipe")
    cloud = MemoryCloud(ManualClock())
    cloud.clock.at = 1_900_000_000
    swept = sweep(parts(tmp_path, cloud), False)
    assert [(one.name, one.why) for one in swept.finished] == [("box", "wiped")]
    assert not Journal(tmp_path / "journal").entries()


def test_a_plan_that_cant_be_read_is_an_error_and_stays(tmp_path: Path) -> None:
    cloud = MemoryCloud(ManualClock())
    with Journal(tmp_path / "journal").hold("cloud", HOST) as held:
        held.write(Intent(provider="cloud", subject=HOST, kind="create", plan={"host_name": "box"}))
    one = parts(tmp_path, cloud)
    assert "can't be read" in sweep(one, False).errors[0].said
    from mngr.vps_docker.discovery import discover

    listing = discover(one, None)
    (problem,) = listing.errors
    assert (listing.hosts, "can't be read" in problem.error) == ([], True)
    assert len(Journal(tmp_path / "journal").entries()) == 1
    with pytest.raises(MngrError, match="can't be read"):
        intents.read(Intent(provider="cloud", subject=HOST, kind="paint", plan={}))


def test_no_secret_of_a_machine_or_host_gets_to_disk() -> None:
    machine = MachineSpec(
        host_id=HOST, name="m", plan="p", region="r", image="i", user_data="SECRET", public_key="SECRET"
    )
    spec = HostSpec(id=HOST, name="box", agent_files={"env.sh": b"SECRET"})
    plan = CreatePlan(machine=intents.ordered(machine), request=intents.request(spec))
    intent = intents.written(Intent(provider="cloud", subject=HOST, kind=""), plan)
    assert b"SECRET" not in encode(intent)
    kept = {field.name for field in msgspec.structs.fields(intents.Ordered)}
    assert kept == {"host_id", "name", "plan", "region", "image", "tags", "options"}
    kept = {field.name for field in msgspec.structs.fields(intents.Request)}
    assert kept == {
        "id", "name", "image", "user", "build_args", "start_args", "idle", "snapshot", "labels"
    }  # fmt: skip


OLD_RECORD = """{
 "id": "host-0123456789abcdef", "name": "box", "provider": "cloud", "backend": "memory", "created_at": "2026-11-01",
 "builder": "laptop-1", "image": "debian", "plan": "p", "region": "r", "address": "192.0.2.7", "ssh_port": 2222,
 "ssh_user": "root", "host_dir": "/mngr", "user": "", "tmux_label": "mngr", "host_key": "ssh-ed25519 CCCC",
 "ssh_trust": "pinned", "price_per_hour": 0.007, "currency": "USD",
 "idle": {"mode": "io", "timeout_s": 800, "max_lifetime_s": 0}, "labels": {},
 "handle": {"order": "77", "id": "i-1", "machine_host_key": "ssh-ed25519 AAAA", "price_per_month": "5.0"}, "format": 1
}"""


def test_a_record_of_an_older_build_has_its_fields() -> None:
    record = decode(OLD_RECORD, HostRecord)
    assert (record.machine_id, record.machine_key, record.price_per_month) == ("i-1", "ssh-ed25519 AAAA", 5.0)
    assert record.handle == {"order": "77", "id": "i-1"}
    assert msgspec.json.decode(msgspec.json.encode(record), type=HostRecord) == record
    remembered = msgspec.json.decode(f'{{"record": {OLD_RECORD}}}', type=Remembered)
    assert remembered.record == record
    assert tags.of_host("cloud", record)[tags.HOST_KEY] == "AAAA"


def test_a_record_of_a_local_container_stays_as_it_is() -> None:
    record = HostRecord(id=HOST, name="box", provider="docker", backend="docker", handle={"container": "c"})
    assert (record.machine_id, record.price_per_month, record.handle) == ("", None, {"container": "c"})
