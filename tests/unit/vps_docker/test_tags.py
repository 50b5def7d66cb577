"""Owner tags: whose a machine is, and from when on it is nobody's."""

from mngr.vps_docker import tags

HOST = "host-0123456789abcdef"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAILfkdVYAqCYCy5Oq/x+OKgt3lON83+Gw9W/Fn8ChmK3z"


def test_a_machine_that_is_being_built_reads_back() -> None:
    owner = tags.read(tags.building("vultr", HOST, "box", "laptop-1", 1000.5))
    assert (owner.provider, owner.host_id, owner.host_name, owner.builder) == (
        "vultr",
        HOST,
        "box",
        "laptop-1",
    )
    assert owner.until == 1000 + tags.LEASE_S
    assert not owner.ready


def test_abandoned_only_some_time_after_the_lease_and_never_when_ready() -> None:
    owner = tags.read(tags.building("vultr", HOST, "box", "laptop-1", 1000))
    end = 1000 + tags.LEASE_S
    assert not owner.abandoned(end + tags.MARGIN_S)
    assert owner.abandoned(end + tags.MARGIN_S + 1)
    ready = tags.read({**tags.building("vultr", HOST, "box", "laptop-1", 1000), tags.READY: "1"})
    assert not ready.abandoned(end * 10)


def test_what_others_wrote_into_tags_isnt_trusted() -> None:
    owner = tags.read(
        {tags.HOST_ID: "../etc", tags.UNTIL: "soon", tags.READY: "yes", tags.HOST_KEY: "* ssh-rsa A"}
    )
    assert owner == tags.Owner()


def test_a_machine_without_a_lease_is_never_abandoned() -> None:
    assert not tags.read({tags.HOST_ID: HOST}).abandoned(1e12)


def test_the_host_key_travels_as_a_tag() -> None:
    assert tags.key_tag(f"ssh-ed25519 {KEY} comment") == KEY
    assert tags.read({tags.HOST_KEY: KEY}).host_keys == (f"ssh-ed25519 {KEY}",)
    assert len(tags.read({tags.HOST_KEY: KEY, tags.NEXT_KEY: KEY}).host_keys) == 2


def test_machine_names_are_host_names_and_always_the_same() -> None:
    name = tags.machine_name("my_cloud", "Big_Box" * 20, HOST)
    assert name == tags.machine_name("my_cloud", "Big_Box" * 20, HOST)
    assert len(name) <= 63
    assert name.startswith("mngr-my-cloud-big-boxbig-box")
    assert name.endswith("-01234567")
    assert tags.machine_name("vultr", "box", HOST) == "mngr-vultr-box-01234567"
