"""Snapshots: image and volume of one moment, restored here by id or from a file."""

from pathlib import Path

import pytest

from mngr.model.errors import Conflict, NotFound
from mngr.vps_docker import snapshots

from .conftest import Bench, docker, left


def test_a_snapshot_becomes_other_hosts(bench: Bench, tmp_path: Path) -> None:
    first = bench.create("first")
    bench.run(first, "echo volume > /mngr/work; echo image > /opt/made; chown 1234:1234 /mngr/work")
    bench.run(first, "mkdir -p /mngr/agents/agent-1; echo '{}' > /mngr/agents/agent-1/agent.json")
    saved = bench.provider.snapshot_create(first.id, "one", bench.phases.append)
    assert bench.provider.snapshot_list(first.id).snapshots == [saved]
    assert saved.size_bytes
    assert bench.view(first).state == "running"
    assert docker("inspect", "-f", "{{.State.Status}}", f"mngr-{first.id}") == "running"
    file = tmp_path / "one.tar"
    bench.provider.snapshot_export(saved.id, file, bench.phases.append)
    with pytest.raises(Conflict, match="is there already"):
        bench.provider.snapshot_export(saved.id, file, bench.phases.append)
    bench.destroy(first)

    by_id = bench.create("by-id", snapshot=saved.id)
    bench.provider.snapshot_destroy(saved.id)
    bench.provider.snapshot_destroy(saved.id)
    assert bench.provider.snapshot_list().snapshots == []
    with pytest.raises(NotFound):
        bench.create("gone", snapshot=saved.id)
    by_file = bench.create("by-file", snapshot=str(file))
    for record in (by_id, by_file):
        assert bench.run(record, "cat /mngr/work /opt/made; stat -c %u /mngr/work") == "volume\nimage\n1234"
        assert record.host_key != first.host_key
        # Their agents don't come to life a second time.
        assert bench.view(record).agents == []
        assert bench.run(record, "ls /mngr/agents-of-snapshot") == "agent-1"
        bench.provider.stop(record.id, bench.phases.append)
        bench.provider.start(record.id, bench.phases.append)
        bench.destroy(record)
    assert left() == []


def test_a_cut_short_snapshot_is_swept_and_the_host_goes_on(bench: Bench) -> None:
    record = bench.create("paused")
    snapshot_id = "snap-00000000000000ff"
    bench.provider.parts.store.put(
        f"snapshots/{snapshot_id}.making", docker("exec", bench.provider.parts.store.name, "cat", f"/state/hosts/{record.id}.json").encode()
    )  # fmt: skip
    docker(
        "commit",
        "-c",
        f"LABEL mngr.snapshot={snapshot_id}",
        f"mngr-{record.id}",
        snapshots.image_name(snapshot_id),
    )
    docker("pause", f"mngr-{record.id}")
    assert "docker pause" in bench.view(record).problem
    with bench.provider.parts.hold(snapshot_id):
        assert any(snapshot_id in line for line in bench.provider.sweep().kept)
    assert any(snapshot_id in line for line in bench.provider.sweep().released)
    assert docker("inspect", "-f", "{{.State.Status}}", f"mngr-{record.id}") == "running"
    assert docker("images", "-q", snapshots.image_name(snapshot_id)) == ""
    bench.destroy(record)
