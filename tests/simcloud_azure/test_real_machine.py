"""A VM that is really there: it boots, tells what it is, deallocates itself from inside, and comes back with its disk and address."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.azure import Arm, machine, power, vm_path
from support.simcloud import Simcloud, until

pytestmark = pytest.mark.docker
ROLE = "c0ffee00-0000-4000-8000-000000000001"
DEALLOCATE = """
imds=http://169.254.169.254/metadata
token=$(curl -sS -H Metadata:true "$imds/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F" \
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
id=$(curl -sS -H Metadata:true "$imds/instance/compute/resourceId?api-version=2021-02-01&format=text")
curl -sS -X POST -H "Authorization: Bearer $token" -H 'Content-Length: 0' -w '\\n%{http_code}\\n' \
    "https://management.azure.com$id/deallocate?api-version=2024-07-01"
"""


@pytest.fixture
def real() -> Iterator[Simcloud]:
    """Twenty times as fast as Azure."""
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker daemon: run `scripts/dockerd start`")
    with Simcloud("azure", "--machines", "container", "--speed", "20", "--registered") as running:
        yield running


class Ssh:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", folder / "key"]
        subprocess.run(make, check=True)
        self.public = (folder / "key.pub").read_text().strip()

    def __call__(self, who: str, command: str) -> str:
        """The first time its host key is kept; from then on it must be the same."""
        options = [
            f"UserKnownHostsFile={self.folder / 'known'}",
            "StrictHostKeyChecking=accept-new",
            "BatchMode=yes",
        ]
        flags = [
            word for option in [*options, "ConnectTimeout=5", "IdentitiesOnly=yes"] for word in ("-o", option)
        ]
        argv = ["ssh", "-F", "none", "-i", str(self.folder / "key"), *flags, who, command]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip()}"


def test_a_vm_that_deallocates_itself(real: Simcloud, tmp_path: Path) -> None:
    arm, ssh = Arm(real), Ssh(tmp_path)
    vm = machine(
        arm,
        key=ssh.public,
        user_data=b"#cloud-config\nruncmd: [[touch, /var/from-user-data]]\n",
        tags={"a": "b"},
    )
    [seen] = real.resources("virtualMachines")
    who = f"mngr@{seen['address']}"
    first = "test -e /var/from-user-data && sudo -n sh -c 'echo kept >/root/kept; id -u; hostname'"
    assert until(lambda: (said := ssh(who, first)).startswith("0") and said, "user data", 60).split() == [
        "0",
        "one",
    ]
    assert "failed" in ssh(f"root@{seen['address']}", "true")

    rule = arm.group("Microsoft.Network/networkSecurityGroups/mngr-nsg/securityRules/ssh")
    allowed = arm("GET", rule).body["properties"]
    arm.done("DELETE", rule, expect=202)
    until(lambda: "timed out" in ssh(who, "true"), "its port to be closed", 30)
    arm.done("PUT", rule, {"properties": allowed}, expect=201)
    until(lambda: ssh(who, "echo open") == "open", "its port to be open again", 30)

    imds = "http://169.254.169.254/metadata"
    asked = f"curl -sS '{imds}/instance?api-version=2021-02-01'; echo; curl -sS -H Metadata:true '{imds}/instance/compute?api-version=2021-02-01'"
    without, compute = map(json.loads, ssh(who, asked).splitlines())
    assert "metadata header" in without["error"]
    assert (compute["resourceId"], compute["tags"], compute["vmSize"]) == (vm["id"], "a:b", "Standard_B2s")

    refused = ssh(who, DEALLOCATE).splitlines()
    assert refused[-1] == "403", refused
    error = json.loads(refused[-2])["error"]
    assert "Microsoft.Compute/virtualMachines/deallocate/action" in error["message"]
    _grant(arm, vm)
    assert ssh(who, DEALLOCATE).splitlines()[-1] == "403", "the role isn't known everywhere yet"
    real.advance(60)
    ssh(who, DEALLOCATE)  # whether it still hears the answer or not
    asked = [call for call in real.calls() if call["path"].endswith("/deallocate")]
    assert [call["status"] for call in asked] == [403, 403, 202]
    until(lambda: power(arm) == "deallocated", "it to be deallocated", 60)
    assert [line["open"] for line in real.bill()["lines"] if line["kind"] == "virtualMachine"] == [False]
    assert "failed" in ssh(who, "true")
    real.ask("POST", "/behaviour", {"activity_lag_s": 0})
    events = f"/subscriptions/{arm.sub}/providers/Microsoft.Insights/eventtypes/management/values"
    query = f"$filter=eventTimestamp ge '2020-01-01T00:00:00Z' and resourceUri eq '{vm['id']}'"
    last = arm("GET", f"{events}?{query}", expect=200).body["value"][0]
    assert last["operationName"]["value"] == "Microsoft.Compute/virtualMachines/deallocate/action"
    assert (last["caller"], last["status"]["value"]) == (vm["identity"]["principalId"], "Succeeded")

    arm.done("POST", f"{vm_path(arm)}/start", expect=202)
    until(
        lambda: ssh(who, "sudo -n cat /root/kept") == "kept",
        "it to be back, its host key and disk the same",
        60,
    )
    name = until(
        lambda: ssh(
            who,
            f"curl -sS -H Metadata:true '{imds}/instance/compute/name?api-version=2021-02-01&format=text'",
        ),
        "its metadata",
        20,
    )
    assert name == "one"
    ssh(who, "sudo -n poweroff")
    until(lambda: power(arm) == "stopped", "it to be off", 60)
    assert [line["open"] for line in real.bill()["lines"] if line["kind"] == "virtualMachine"] == [
        False,
        True,
    ]
    arm.done("DELETE", vm_path(arm), expect=202)
    real.settle()
    assert real.bill()["open"] == 0


def _grant(arm: Arm, vm: dict) -> None:
    """As prepare and create do: a role of one action, assigned at the VM itself."""
    actions = [
        "Microsoft.Compute/virtualMachines/deallocate/action",
        "Microsoft.Compute/virtualMachines/read",
    ]
    role = {
        "roleName": "mngr-self-deallocate",
        "assignableScopes": [arm.group()],
        "permissions": [{"actions": actions}],
    }
    made = arm(
        "PUT",
        f"{arm.group()}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}",
        {"properties": role},
        expect=201,
    )
    given = {"roleDefinitionId": made.body["id"], "principalId": vm["identity"]["principalId"]}
    path = f"{vm['id']}/providers/Microsoft.Authorization/roleAssignments/{ROLE}"
    until(lambda: arm("PUT", path, {"properties": given}).status == 201, "the identity to be known", 20)
