"""A seed without its user data: keys that were injected stay on it."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

from mngr.vms import authorized, domain, files, guests, seed_keys
from mngr.vms.hypervisor import opened
from mngr.vms.seed_keys import Change
from support.vm_http import MADE, SPEC

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def keys_of(seed: Path) -> bytes:
    found = re.search(re.escape(seed_keys._mark(MADE.uuid)) + b"([A-Za-z0-9+/=]+)", seed.read_bytes())
    assert found
    return base64.b64decode(found.group(1))


def test_injected_keys_stay_on_a_seed_that_is_blanked(tmp_path: Path) -> None:
    here = opened("test:///default", {"LIBVIRT_STORAGE_PATH": str(tmp_path)})
    text = domain.write(SPEC, MADE).replace('type="qemu"', 'type="test"')
    vm = here.conn.defineXML(text)
    try:
        seed = files.files_of(here.folder, "one", MADE.uuid)
        files.write_seed(seed, SPEC, MADE.uuid, b"#!/bin/sh\necho of-the-user\n")
        change = Change(serial=1, name="mine", key=KEY, user="", present=True)
        authorized.write(here, vm, [change])
        seed_keys.write(seed.seed, MADE.uuid, "", [change])
        assert b"of-the-user" in seed.seed.read_bytes()
        for _ in range(2):
            guests.blank_user_data(here, "one", 1)
            assert b"of-the-user" not in seed.seed.read_bytes()
            assert KEY.encode() in keys_of(seed.seed)
    finally:
        vm.undefine()
