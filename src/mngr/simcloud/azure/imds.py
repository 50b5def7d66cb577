"""The metadata service of a machine, at http://169.254.169.254: its identity's tokens, what it is, what is going to happen to it.

https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
"""

from __future__ import annotations

import re
import time
import uuid
from email.utils import formatdate
from typing import Any

from mngr.simcloud.azure import machine
from mngr.simcloud.azure.call import value_at
from mngr.simcloud.azure.principals import AUDIENCES
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State
from mngr.simcloud.http import Request, Response

VERSIONS = (
    "2017-12-01",
    "2018-02-01",
    "2019-08-01",
    "2020-06-01",
    "2020-07-01",
    "2021-02-01",
    "2021-12-13",
    "2023-07-01",
)
TOKEN, INFO, INSTANCE = "/metadata/identity/oauth2/token", "/metadata/identity/info", "/metadata/instance"


class Imds:
    """Of one machine, by its vmId; callable, as servers want it."""

    def __init__(self, state: State, id: str) -> None:
        self._state = state
        self._id = id

    def __call__(self, request: Request) -> Response:
        state = self._state
        with state.core.lock:
            state.core.catch_up()
            vm = state.resources.get(state.vms.get(self._id, ""))
            response = self._answer(request, vm) if vm else Response(404, {"error": "Not found"})
        response.headers.setdefault("Server", "IMDS/150.870.65.1854")
        return response

    def _answer(self, request: Request, vm: Resource) -> Response:
        path = request.path.rstrip("/").lower()
        if "x-forwarded-for" in request.headers:
            return _bad("Bad request. Requests with the header X-Forwarded-For aren't answered.")
        if request.headers.get("metadata", "").lower() != "true":
            return _bad("Bad request. Required metadata header not specified")
        if request.method not in ("GET", "HEAD") and "scheduledevents" not in path:
            return Response(405, {"error": "Method not allowed"})
        if path == "/metadata/versions":
            return Response(200, {"apiVersions": list(VERSIONS)})
        version = request.first("api-version") or ""
        if not re.fullmatch(r"20\d\d-\d\d-\d\d", version):
            return Response(
                400,
                {
                    "error": "Bad request. api-version is invalid or was not specified in the request.",
                    "newest-versions": list(VERSIONS[:-4:-1]),
                },
            )
        if path == TOKEN:
            return self._token(request, vm)
        if path == INFO:
            return Response(200, {"tenantId": self._state.principals.tenant})
        if path == "/metadata/scheduledevents":
            return self._events(request, vm)
        if path == INSTANCE or path.startswith(f"{INSTANCE}/"):
            return self._instance(request, vm, path.removeprefix(INSTANCE).strip("/"))
        return Response(404, {"error": "Not found"})

    def _token(self, request: Request, vm: Resource) -> Response:
        resource = request.first("resource") or ""
        who = self._state.principals.by_id(value_at(vm.more, "identity.principalId", str, ""))
        if not resource:
            return Response(
                400,
                {
                    "error": "invalid_request",
                    "error_description": "Required query variable 'resource' is missing",
                },
            )
        asked = request.first("client_id") or request.first("object_id") or request.first("msi_res_id")
        if who is None or (asked and asked.lower() not in (who.app, who.id)):
            return Response(400, {"error": "invalid_request", "error_description": "Identity not found"})
        if resource.rstrip("/") not in AUDIENCES:
            said = f"AADSTS500011: The resource principal named {resource} was not found in the tenant named Simulated."
            return Response(400, {"error": "invalid_resource", "error_description": said})
        issuer = f"https://sts.windows.net/{self._state.principals.tenant}/"
        made = self._state.principals.token(who, issuer, resource, 24 * 3600 - 1)
        now = int(time.time())
        return Response(
            200,
            {
                "access_token": made["access_token"],
                "client_id": who.app,
                "expires_in": str(made["expires_in"]),
                "expires_on": str(made["expires_on"]),
                "ext_expires_in": str(made["expires_in"]),
                "not_before": str(now - 300),
                "resource": resource,
                "token_type": "Bearer",
            },
        )

    def _instance(self, request: Request, vm: Resource, path: str) -> Response:
        found: Any = {"compute": self._compute(vm), "network": self._network(vm)}
        for part in path.split("/") if path else []:
            if isinstance(found, list):
                found = found[int(part)] if part.isdigit() and int(part) < len(found) else None
            else:
                found = (
                    next((value for name, value in found.items() if name.lower() == part), None)
                    if isinstance(found, dict)
                    else None
                )
            if found is None:
                return Response(404, {"error": "Not found"})
        wanted = (request.first("format") or ("json" if isinstance(found, (dict, list)) else "text")).lower()
        if wanted != "text":
            return (
                Response(200, found)
                if isinstance(found, (dict, list))
                else _bad("Bad request. Format json isn't for this value")
            )
        if isinstance(found, (dict, list)):
            keys = found if isinstance(found, dict) else range(len(found))
            found = "\n".join(f"{key}/" if isinstance(found[key], (dict, list)) else str(key) for key in keys)
        return Response(200, str(found).encode(), {"Content-Type": "text/plain; charset=utf-8"})

    def _compute(self, vm: Resource) -> dict[str, Any]:
        reference = value_at(vm.properties, "storageProfile.imageReference", dict, {})
        keys = value_at(vm.properties, "osProfile.linuxConfiguration.ssh.publicKeys", list, [])
        zones = vm.more.get("zones") or [""]
        return {
            "azEnvironment": "AzurePublicCloud",
            "evictionPolicy": vm.properties.get("evictionPolicy", ""),
            "location": vm.location,
            "name": vm.name,
            "offer": reference.get("offer", ""),
            "osType": "Linux",
            "placementGroupId": "",
            "platformFaultDomain": "0",
            "platformUpdateDomain": "0",
            "priority": vm.properties.get("priority", ""),
            "provider": "Microsoft.Compute",
            "publicKeys": [{"keyData": key.get("keyData", ""), "path": key.get("path", "")} for key in keys],
            "publisher": reference.get("publisher", ""),
            "resourceGroupName": vm.group,
            "resourceId": vm.id,
            "sku": reference.get("sku", ""),
            "subscriptionId": self._state.subscription,
            "tags": ";".join(f"{name}:{value}" for name, value in vm.tags.items()),
            "tagsList": [{"name": name, "value": value} for name, value in vm.tags.items()],
            "version": reference.get("exactVersion", ""),
            "vmId": vm.properties["vmId"],
            "vmScaleSetName": "",
            "vmSize": vm.properties["hardwareProfile"]["vmSize"],
            "zone": zones[0],
        }

    def _network(self, vm: Resource) -> dict[str, Any]:
        found = []
        for nic in machine.nics(self._state, vm):
            pairs = [
                {"privateIpAddress": one["properties"]["privateIPAddress"], "publicIpAddress": ""}
                for one in nic.properties["ipConfigurations"]
            ]
            found.append(
                {
                    "ipv4": {"ipAddress": pairs, "subnet": [{"address": "10.0.0.0", "prefix": "24"}]},
                    "ipv6": {"ipAddress": []},
                    "macAddress": nic.properties.get("macAddress", "").replace("-", ""),
                }
            )
        return {"interface": found}

    def _events(self, request: Request, vm: Resource) -> Response:
        """A Preempt before a spot machine is evicted; a POST that starts it lets it happen at once."""
        at = vm.inner.get("evict_at", 0)
        if request.method == "POST":
            if at:
                self._state.change(vm.key, inner={"evict_at": min(at, self._state.now())})
            return Response(200, None)
        event = {
            "EventId": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{vm.id}{at}")).upper(),
            "EventStatus": "Scheduled",
            "EventType": "Preempt",
            "ResourceType": "VirtualMachine",
            "Resources": [vm.name],
            "NotBefore": formatdate(at, usegmt=True),
            "Description": "",
            "EventSource": "Platform",
            "DurationInSeconds": -1,
        }
        return Response(200, {"DocumentIncarnation": 2 if at else 1, "Events": [event] if at else []})


def _bad(message: str) -> Response:
    return Response(400, {"error": message})
