"""Images: built from the user's context, made ready when something lacks, and what goes wrong with them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.containers import image as images
from mngr.containers import kept_images
from mngr.model.errors import MngrError

from .conftest import INSTANCE, RUN, Bench, docker, left


def test_an_image_is_built_from_the_context(bench: Bench, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "file ☃").write_text("hello")
    (context / "secret").write_text("x")
    (context / ".dockerignore").write_text("secret\n")
    dockerfile = tmp_path / "My.Dockerfile"
    dockerfile.write_text(
        'FROM mngr/agent:bookworm\nARG WORD\nCOPY . /made/\nRUN printf %s "$WORD" >/made/word\nUSER nobody\n'
    )
    record = bench.create(
        "built", build_args=[f"--file={dockerfile}", "--build-arg", "WORD=a 'b' \"c\"", str(context)]
    )
    assert bench.phases[:2] == ["build image", "container"]
    assert bench.run(record, "cd /made; cat file*; echo; ls; cat word; echo; id -un").splitlines() == [
        "hello", "file ☃", "word", "a 'b' \"c\"", "root",
    ]  # fmt: skip
    assert record.image == images.built_name(record.id)
    bench.destroy(record)
    assert [name for name in left() if record.id in name] == []


def test_a_failing_build_shows_its_end_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM mngr/agent:bookworm\nRUN echo it went wrong here && exit 7\n")
    with pytest.raises(MngrError, match=r"building the image from .* failed: ") as caught:
        bench.create("broken", build_args=[str(tmp_path)])
    assert "it went wrong here" in caught.value.details
    assert "returned a non-zero code: 7" in caught.value.message
    assert left() == []


@pytest.fixture(scope="module")
def lacking(image: str) -> Iterator[str]:
    """An image without rsync."""
    name = f"mngr-test-lacking:{RUN}"
    docker("build", "-t", name, "-", input=b"FROM mngr/agent:bookworm\nRUN dpkg --purge rsync\n")
    yield name
    docker("rmi", "-f", images.prepared_name(name), check=False)
    docker("rmi", "-f", name)


def test_what_lacks_is_installed_once_for_all_hosts_from_that_image(bench: Bench, lacking: str) -> None:
    first = bench.create("first", image=lacking)
    assert bench.phases == ["container", "packages", "ssh"]
    assert bench.run(first, "command -v rsync") == "/usr/bin/rsync"
    bench.told.clear()
    second = bench.create("second", image=lacking)
    assert bench.phases == ["container", "ssh"]
    assert (first.image, second.image) == (lacking, lacking)
    for record in (first, second):
        bench.destroy(record)


def test_an_image_s_onbuild_steps_are_for_the_user_s_own_builds(bench: Bench, lacking: str) -> None:
    name = f"mngr-test-onbuild:{RUN}"
    docker("build", "-t", name, "-", input=f"FROM {lacking}\nONBUILD RUN touch /onbuild\n".encode())
    try:
        record = bench.create("onbuild", image=name)
        assert bench.run(record, "command -v rsync; ls /onbuild 2>&1 || true").splitlines()[1:] == [
            "ls: cannot access '/onbuild': No such file or directory"
        ]
        bench.destroy(record)
    finally:
        docker("rmi", "-f", name, images.prepared_name(name), check=False)


def test_where_nothing_can_be_installed_the_message_says_what_lacks(bench: Bench, lacking: str) -> None:
    name = f"mngr-test-bare:{RUN}"
    docker("build", "-t", name, "-", input=f"FROM {lacking}\nRUN rm -f /usr/bin/apt-get\n".encode())
    try:
        with pytest.raises(
            MngrError,
            match=rf"the image {name} lacks rsync, and that can't be installed: the image has none of",
        ) as caught:
            bench.create("bare", image=name)
        assert "--image NAME" in caught.value.hint
    finally:
        docker("rmi", "-f", name)
    assert left() == []


def kept() -> set[str]:
    """The names, or ids where there are none, of the images of this instance that are kept for the next host."""
    show = ("--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "--no-trunc")
    rows = docker("image", "ls", "--filter", f"label=mngr.provider={INSTANCE}", *show).splitlines()
    names = {row.split(" ")["<none>" in row] for row in rows}
    return {name for name in names if name.startswith(("mngr-built:", "mngr-prepared:", "sha256:"))}


def test_an_unchanged_context_builds_and_installs_nothing_again(
    bench: Bench, lacking: str, tmp_path: Path
) -> None:
    def unused(days: float) -> set[str]:
        return {*kept_images.unused(bench.provider.daemon.docker, time.time() + days * 86400)} & kept()

    if others := kept():
        docker("rmi", *others)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {lacking}\nRUN cat /proc/sys/kernel/random/uuid >/made\n")
    first = bench.create("first", build_args=[str(tmp_path)])
    assert bench.phases == ["build image", "container", "packages", "ssh"]
    made = bench.run(first, "cat /made; command -v rsync")
    assert made.endswith("\n/usr/bin/rsync")
    before = kept()
    assert {name.partition(":")[0] for name in before} == {"mngr-built", "mngr-prepared"}
    for name, others in (("second", [first]), ("third", [])):  # also once there is no host from it any more
        bench.told.clear()
        again = bench.create(name, build_args=[str(tmp_path)])
        assert bench.phases == ["build image", "container", "ssh"]
        assert bench.run(again, "cat /made; command -v rsync") == made
        for record in (again, *others):
            bench.destroy(record)
    assert kept() == before
    assert unused(29) == set()
    assert unused(31) == before

    # What is changed takes the place of what was kept. What is in use stays.
    old = bench.create("old", build_args=[str(tmp_path)])
    dockerfile.write_text(dockerfile.read_text() + "RUN touch /changed\n")
    new = bench.create("new", build_args=[str(tmp_path)])
    bench.provider.stop(old.id, bench.told.append)
    assert unused(31) == set()
    bench.provider.start(old.id, bench.told.append)
    assert bench.run(old, "cat /made; ls /changed 2>&1 || true").startswith(made.partition("\n")[0])
    assert bench.run(new, "ls /changed") == "/changed"
    bench.destroy(old)
    bench.destroy(new)
    [nameless] = unused(1)
    docker("rmi", nameless)
    assert kept() == before

    # The package step of an image that is gone goes with the sweep.
    built, prepared = sorted(before)
    docker("rmi", built)
    assert any(prepared in str(line) for line in bench.provider.sweep(dry_run=True).released)
    assert kept() == {prepared}
    assert any(prepared in str(line) for line in bench.provider.sweep().released)
    assert kept() == set()


def test_nothing_is_installed_where_the_image_has_what_the_readme_names(bench: Bench, tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [line] = [line for line in readme.splitlines() if "apt-get install" in line and line.startswith("    ")]
    (tmp_path / "Dockerfile").write_text(
        f"FROM debian:bookworm-slim\nRUN apt-get update && apt-get install {line.partition('apt-get install')[2]}\n"
    )
    record = bench.create("whole", build_args=[str(tmp_path)], user="nobody")
    assert bench.phases == ["build image", "container", "ssh"]
    bench.destroy(record)
    assert {name.partition(":")[0] for name in kept()} == {"mngr-built"}
    docker("rmi", *kept())
