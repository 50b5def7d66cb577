"""Tags in narrow labels: whatever the value, it comes back, and every label is one that the cloud takes."""

import re

from hypothesis import given
from hypothesis import strategies as st

from mngr.vps_docker import narrow_tags, tags

LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAILfkdVYAqCYCy5Oq/x+OKgt3lON83+Gw9W/Fn8ChmK3z"
KEYS = st.sampled_from([tags.PROVIDER, tags.HOST_NAME, tags.HOST_KEY, tags.NEXT_KEY])
TAGS = st.dictionaries(KEYS, st.text(st.characters(codec="utf-8"), max_size=200))


@given(TAGS)
def test_any_value_comes_back_out_of_labels_that_the_cloud_takes(given_tags: dict[str, str]) -> None:
    made = narrow_tags.labels(given_tags)
    assert all(LABEL.fullmatch(value) for value in made.values())
    assert narrow_tags.read(made) == given_tags


@given(TAGS, TAGS, st.sets(KEYS))
def test_a_change_leaves_nothing_of_the_value_before_and_all_labels_of_others(
    before: dict[str, str], put: dict[str, str], drop: set[str]
) -> None:
    others = {"cost-centre": "42", "team": "a_b", "m_odd": "m_x"}
    made = narrow_tags.changed(others | narrow_tags.labels(before), put, drop - put.keys())
    left = {key: value for key, value in before.items() if key not in drop or key in put}
    assert narrow_tags.read(made) == {**others, **left, **put}


def test_what_fits_is_readable_and_a_host_key_takes_two_labels() -> None:
    made = narrow_tags.labels({tags.HOST_ID: "host-0123456789abcdef", tags.HOST_KEY: KEY})
    assert made[tags.HOST_ID] == "host-0123456789abcdef"
    assert set(made) == {tags.HOST_ID, tags.HOST_KEY, f"{tags.HOST_KEY}.2"}
    del made[f"{tags.HOST_KEY}.2"]
    assert narrow_tags.read(made) == {tags.HOST_ID: "host-0123456789abcdef"}
