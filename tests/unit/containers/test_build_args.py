"""`-b` arguments: what is the provider's, what docker's, and that mistakes are found before anything is paid."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.containers.build_args import dockerfile_path, split
from mngr.model.errors import InvalidInput

KNOWN = {"vps": ("region", "plan", "os"), "ovh": ("datacenter",)}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_example(context: Path) -> None:
    build = split(["--vps-plan=vc2-2c-4gb", "--file=Dockerfile", "."], KNOWN)
    assert build.options == {"plan": "vc2-2c-4gb"}
    assert build.context == "."
    assert build.dockerfile == "Dockerfile"
    assert build.builds


def test_no_docker_arguments_build_nothing() -> None:
    build = split(["--vps-plan", "x", "--ovh-datacenter=GRA"], KNOWN)
    assert build.options == {"plan": "x", "datacenter": "GRA"}
    assert not build.builds
    assert build.docker == []


def test_the_last_of_two_equal_options_wins() -> None:
    assert split(["--vps-plan=a", "--vps-plan=b"], KNOWN).options == {"plan": "b"}


@pytest.mark.parametrize(
    "args",
    [
        ["-f", "Dockerfile", "."],
        ["-fDockerfile", "."],
        ["-f Dockerfile", "."],
        ["--file", "Dockerfile", "."],
        ["--file Dockerfile", "."],
        [".", "--file=Dockerfile"],
    ],
)
def test_a_dockerfile_may_be_named_in_all_of_docker_s_ways(context: Path, args: list[str]) -> None:
    assert split(args, KNOWN).dockerfile == "Dockerfile"


def test_docker_s_own_flags_go_through_in_order(context: Path) -> None:
    args = ["--build-arg", "A=b c", "--build-arg=T=x'\"\n☃", "--no-cache", "--target", "dev", "."]
    assert split(args, KNOWN).docker == args[:-1]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_a_build_arg_s_value_arrives_unchanged(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    folder = tmp_path_factory.mktemp("context")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    assert split([f"--build-arg=V={value}", str(folder)], KNOWN).docker == [f"--build-arg=V={value}"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--vps-plam=x"], "unknown build argument --vps-plam"),
        (["--vps-plan"], "build argument --vps-plan lacks its value"),
        (["--vps-plan="], "build argument --vps-plan has an empty value"),
        (["--vps-plan", "--no-cache"], "build argument --vps-plan lacks its value"),
        (["--file=nowhere", "."], "Dockerfile nowhere can't be read: No such file or directory"),
        (["--file=Dockerfile"], "build arguments without a build context"),
        (["--no-cache"], "build arguments without a build context"),
        ([".", "--file"], "build argument --file lacks its value"),
        (["nowhere"], "build context nowhere: there is no such directory"),
        ([".", "."], "more than one build context: ., ."),
        (["-"], "the build context can't come from standard input"),
        ([".", "--fil=Dockerfile"], "unknown build argument --fil=Dockerfile"),
        (
            [".", "--tag=x"],
            "build argument --tag=x can't be used: the image's name is mngr's",
        ),
        ([".", "--build-arg", "1x=y"], "build argument --build-arg '1x' isn't KEY=VALUE"),
        (["."], "Dockerfile Dockerfile is empty"),
        ([""], "an empty build argument can't be used"),
    ],
)
def test_mistakes_are_named(context: Path, args: list[str], message: str) -> None:
    if message.endswith("is empty"):
        (context / "Dockerfile").write_text("")
    with pytest.raises(InvalidInput) as caught:
        split(args, KNOWN)
    assert caught.value.message == message
    assert caught.value.exit_code == 2


def test_an_unknown_option_names_the_nearest_and_all() -> None:
    with pytest.raises(InvalidInput) as caught:
        split(["--vps-regoin=ewr"], KNOWN)
    assert (
        caught.value.hint
        == "did you mean --vps-region? known: --ovh-datacenter, --vps-os, --vps-plan, --vps-region"
    )


def test_an_unreadable_dockerfile_is_named(context: Path) -> None:
    (context / "folder").mkdir()
    with pytest.raises(InvalidInput, match="Dockerfile folder can't be read: Is a directory"):
        split([".", "--file=folder"], KNOWN)


def test_a_dockerfile_inside_the_context_may_be_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/My.Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    build = split(["--file=My.Dockerfile", "app"], KNOWN)
    assert dockerfile_path(build) == Path("app/My.Dockerfile")


def test_a_url_is_the_daemon_s_to_read() -> None:
    build = split(["https://example.org/repo.git#main", "--file=sub/Dockerfile"], KNOWN)
    assert build.remote
    assert build.dockerfile == "sub/Dockerfile"
