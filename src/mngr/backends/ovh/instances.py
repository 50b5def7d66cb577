"""The configured instance that `mngr ovh …` is about, built without the room above."""

import os

from mngr.backends.ovh.provider import OvhProvider
from mngr.config import home as homes
from mngr.config.layers import load
from mngr.model.errors import InvalidInput
from mngr.providers import registry


def provider(name: str) -> OvhProvider:
    """Raises InvalidInput if `name` isn't an instance of backend ovh, or its settings are wrong."""
    home = homes.home()
    config = load(home)
    active = {one.name: one for one in registry.active_instances(config, home, os.environ)}
    instance = active.get(name) or registry.find_instance(name, config)
    if instance.backend != "ovh":
        raise InvalidInput(f"{name} is an instance of {instance.backend}, not of ovh")
    found = registry.build(instance, home, homes.laptop_id(home))
    assert isinstance(found, OvhProvider)
    return found
