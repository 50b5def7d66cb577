"""Snapshots: image and volume of one moment, restored here by id or from a file."""

from pathlib import Path

import pytest

from mngr.containers import snapshots
from mngr.model.errors import Conflict, NotFound
from mngr.model.notes import LeftOutOfSnapshot, MountKept
from mngr.model.progress import Step

from .conftest import RUN, Bench, docker, left


def test_a_snapshot_becomes_other_hosts(bench: Bench, tmp_path: Path) -> None:
    first = bench.create("first")
    bench.run(first, "echo volume > /mngr/work; echo image > /opt/made; chown 1234:1234 /mngr/work")
    bench.run(first, "mkdir -p /mngr/agents/agent-1; echo '{}' > /mngr/agents/agent-1/agent.json")
    saved = bench.provider.snapshot_create(first.id, "one", bench.told.append)
    assert bench.provider.snapshot_list(first.id).snapshots == [saved]
    assert saved.size_bytes
    assert bench.view(first).state == "running"
    assert docker("inspect", "-f", "{{.State.Status}}", f"mngr-{first.id}") == "running"
    file = tmp_path / "one.tar"
    bench.provider.snapshot_export(saved.id, file, bench.told.append)
    with pytest.raises(Conflict, match="is there already"):
        bench.provider.snapshot_export(saved.id, file, bench.told.append)
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
        assert bench.run(record, "ls /mngr/agents-of-snapshot") == "agent-1\nsnapshot.json"
        bench.provider.stop(record.id, bench.told.append)
        bench.provider.start(record.id, bench.told.append)
        bench.destroy(record)
    assert left() == []


def test_a_cut_short_snapshot_is_swept_and_the_host_goes_on(bench: Bench) -> None:
    record = bench.create("paused")
    snapshot_id = "snap-00000000000000ff"
    bench.provider.daemon.store.put(
        f"snapshots/{snapshot_id}.making", docker("exec", bench.provider.daemon.store.name, "cat", f"/state/hosts/{record.id}.json").encode()
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
    with bench.provider.daemon.hold(snapshot_id):
        assert any(snapshot_id == one.name for one in bench.provider.sweep().kept)
    assert any(snapshot_id == one.name for one in bench.provider.sweep().released)
    assert docker("inspect", "-f", "{{.State.Status}}", f"mngr-{record.id}") == "running"
    assert docker("images", "-q", snapshots.image_name(snapshot_id)) == ""
    bench.destroy(record)


def test_volumes_of_the_image_and_of_start_args_are_in_a_snapshot(
    bench: Bench, image: str, tmp_path: Path
) -> None:
    named, other = f"mngr-test-named-{RUN}", f"mngr-test-other-{RUN}"
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "Dockerfile").write_text(
        f"FROM {image}\nRUN mkdir -p '/data/of image' && echo old >'/data/of image/gone'\n"
        'VOLUME ["/data", "/root"]\n'
    )
    mounted = ["--volume", f"{named}:/cache", "--mount", f"type=volume,source={other},target=/data/in/it"]
    away = ["--volume", f"{outside}:/src", "--tmpfs", "/scratch"]
    try:
        first = bench.create("volumes", build_args=[str(tmp_path)], start_args=[*mounted, *away])
        bench.run(
            first,
            "rm '/data/of image/gone'; echo anonymous >/data/file; chown 1234:5 /data; ln -s file /data/link; echo home >/root/.own;"
            " echo named >/cache/file; echo inner >/data/in/it/file; echo bind >/src/file; echo mem >/scratch/file",
        )
        bench.told.clear()
        saved = bench.provider.snapshot_create(first.id, "one", bench.told.append)
        assert saved.volumes == ["/cache", "/data", "/data/in/it", "/root"]
        # What isn't in it is named before it is made.
        assert bench.told[:3] == [
            Step("snapshot"),
            LeftOutOfSnapshot(host="volumes", place="/scratch", why="a tmpfs"),
            LeftOutOfSnapshot(
                host="volumes", place="/src", why=f"{outside} of the machine that docker runs on"
            ),
        ]
        file = tmp_path / "one.tar"
        bench.provider.snapshot_export(saved.id, file, bench.told.append)
        bench.destroy(first)
        docker("volume", "rm", named, other)

        look = (
            "cat /data/file /data/link /root/.own /cache/file /data/in/it/file; stat -c %u:%g /data;"
            " ls '/data/of image'; ls -A /src; ls -d /mngr/.volumes 2>/dev/null; echo $MARK"
        )
        as_saved = "anonymous\nanonymous\nhome\nnamed\ninner\n1234:5\nnew"
        docker("volume", "create", named)
        docker("run", "--rm", "-v", f"{named}:/v", image, "sh", "-c", "echo mine >/v/file")
        for name, snapshot, args in (
            ("by-id", saved.id, []),
            ("by-file", str(file), ["-v", f"{named}:/cache", "-v", f"{other}:/data/in/it"]),
        ):
            bench.told.clear()
            record = bench.create(name, snapshot=snapshot, start_args=[*args, "--env", "MARK=new"])
            without = LeftOutOfSnapshot(host="volumes", place="/scratch", why="a tmpfs", restored=True)
            assert without in bench.told
            assert (MountKept(place="/cache") in bench.told) == bool(args)
            assert bench.run(record, look) == (as_saved.replace("named", "mine") if args else as_saved)
            bench.destroy(record)
        bench.provider.snapshot_destroy(saved.id)
    finally:
        docker("volume", "rm", "-f", named, other)
    assert left() == []
