"""`-s` arguments and image names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.containers.container import ContainerSpec, run_arguments
from mngr.containers.docker_flags import check_image
from mngr.containers.start_args import check_start_args, limits
from mngr.model.errors import InvalidInput


@pytest.mark.parametrize(
    "args",
    [
        ["--cpus=2", "--memory=4g"],
        ["--cpus", "1.5", "-m", "512m"],
        ["-m512m", "-e", "A=b c", "-eX", "--privileged", "--shm-size=1GB"],
        ["-v", "/data:/data:ro", "-p", "127.0.0.1:8080:80", "--gpus=all"],
        ["--label", "team=search", "--network=my-bridge"],
        ["-p", "8080:80/udp", "-p", "[::1]:8080-8081:80-81", "--pids-limit=-1", "--privileged=true"],
        [
            "-v",
            "data:/data",
            "-v",
            "./here:/there:ro",
            "-v",
            "/anonymous",
            "-v",
            "~/x:/y",
            "--ulimit",
            "nofile=1:2",
        ],
    ],
)
def test_what_docker_takes_goes_through_unchanged(args: list[str]) -> None:
    assert check_start_args(args) == args


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ([], (None, None)),
        (["--memory=0", "-v", "/x"], (None, None)),
        (["-m512m", "--cpus", "1.5"], (1.5, 0.5)),
        (["--memory=1g", "--memory=2GB"], (None, 2.0)),
        (["--memory=1073741824"], (None, 1.0)),
        (["--memory=2097152k"], (None, 2.0)),
    ],
)
def test_the_limits_of_a_host_are_read(args: list[str], found: tuple[float | None, float | None]) -> None:
    check_start_args(args)
    assert limits(args) == found


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_an_environment_value_arrives_unchanged(value: str) -> None:
    for args in ([f"--env=V={value}"], ["-e", f"V={value}"]):
        assert check_start_args(args) == args


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--name=x"], "start argument --name=x can't be used: the container's name is how mngr finds it again"),
        (["-d"], "start argument -d can't be used: a host always runs detached"),
        (["--pid=host"], "start argument --pid=host can't be used: process 1 of a host ends all processes that it sees"),
        (["--init"], "start argument --init can't be used: process 1 of a host is mngr's, which reaps orphans already"),
        (["--rm"], "start argument --rm can't be used: a stopped host has to stay there"),
        (["ubuntu"], "start argument 'ubuntu' is neither a flag nor a flag's value"),
        (["--cpus=two"], "--cpus=two isn't a number of CPUs"),
        (["--cpus=0"], "--cpus=0 isn't a number of CPUs"),
        (["--memory=4 gigs"], "--memory=4 gigs isn't a size"),
        (["--memory"], "start argument --memory lacks its value"),
        (["--memry=4g"], "unknown start argument --memry=4g"),
        (["--nosuch"], "unknown start argument --nosuch"),
        (["--some-new-flag=1"], "unknown start argument --some-new-flag=1"),
        (["--hostname", "--privileged"], "start argument --hostname lacks its value"),
        (["--privileged=maybe"], "start argument --privileged=maybe takes no value"),
        (["--pids-limit=many"], "--pids-limit=many can't be used"),
        (["--publish=a:b"], "--publish=a:b can't be used"),
        (["--volume=data:relative"], "--volume=data:relative can't be used"),
        (["--ulimit=nofile"], "--ulimit=nofile can't be used"),
        (["--env="], "--env can't be used"),
        (["-it"], "start argument -it isn't one that docker knows"),
        (["--"], "start argument -- can't be used"),
        (["--network=host"], "--network=host leaves the host without a reachable sshd"),
        (["--label=mngr.host-id=x"], "label 'mngr.host-id=x' can't be used: mngr.* labels name the owner"),
        (["-v", "/x:/mngr"], "--volume=/x:/mngr can't be used: /mngr is the host's own volume"),
        ([""], "an empty start argument can't be used"),
        (["--env=A=\0"], "start argument can't hold a NUL character"),
    ],
)  # fmt: skip
def test_mistakes_are_named(args: list[str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_start_args(args)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "image",
    ["debian", "debian:bookworm-slim", "ghcr.io/a/b:1.2", "localhost:5000/x", "a/b@sha256:" + "0" * 64, "sha256:" + "0" * 64],
)  # fmt: skip
def test_image_names(image: str) -> None:
    assert check_image(image) == image


@pytest.mark.parametrize("image", ["", "-v", "Debian", "a b", "a:", "x\ny", "../x", "a;b", "--rm", "a" * 500])
def test_what_is_no_image_name(image: str) -> None:
    with pytest.raises(InvalidInput, match="isn't an image's name"):
        check_image(image)


SPEC = ContainerSpec(
    host_id="host-0123456789abcdef", host_name="box_1", provider="docker", laptop="laptop-x", image="debian",
    public_key="ssh-ed25519 AAAA", publish="127.0.0.1:20000", labels={"team": "a,b", "mngr.provider": "forged"}, until=5,
)  # fmt: skip


def test_every_container_and_volume_names_its_owner() -> None:
    words = run_arguments(SPEC, "debian")
    labels = [words[at + 1] for at, word in enumerate(words) if word == "--label"]
    owner = {
        "mngr.provider=docker",
        "mngr.host-id=host-0123456789abcdef",
        "mngr.laptop=laptop-x",
        "mngr.until=5",
    }
    assert owner <= set(labels)
    assert "mngr.provider=forged" not in labels
    [volume] = [words[at + 1] for at, word in enumerate(words) if word == "--mount"]
    assert owner <= {part.removeprefix("volume-label=") for part in volume.split(",")}


def test_process_1_keeps_the_lifetime() -> None:
    import msgspec

    assert run_arguments(SPEC, "debian")[-2] == ""
    assert run_arguments(msgspec.structs.replace(SPEC, max_lifetime_s=90.5), "debian")[-2] == "90"
