"""Images: built from the user's context, made ready when something lacks, and what goes wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.containers import image as images
from mngr.model.errors import MngrError

from .conftest import RUN, Bench, docker, left


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
