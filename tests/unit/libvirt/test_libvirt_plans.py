"""Plans' names."""

import pytest

from mngr.backends.libvirt import plans
from mngr.backends.libvirt.plans import Size
from mngr.model.errors import InvalidInput


def test_a_plan_says_memory_processors_and_disk() -> None:
    assert plans.read("2048m-2c-20g") == plans.read("2g-2c-20g") == Size(2048, 2, 20)
    assert plans.name(2048, 2, 20) == plans.EXAMPLE


@pytest.mark.parametrize(
    "wrong", ["", "2048", "2048m", "2048m-2c", "2048m-2c-20", "-2048m-2c-20g", "2048m-2c-20g ", "٢g-2c-2g"]
)
def test_all_else_is_no_plan(wrong: str) -> None:
    with pytest.raises(InvalidInput) as told:
        plans.read(wrong)
    assert plans.EXAMPLE in told.value.hint
