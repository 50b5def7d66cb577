"""Resource ids, `/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME…`: upper and lower case are the same."""

from __future__ import annotations

from dataclasses import dataclass

VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


@dataclass(frozen=True)
class Id:
    """`type` is with its namespace, `Microsoft.Network/virtualNetworks/subnets`; `names` one for each part of it. A list's has
    one name fewer."""

    subscription: str = ""
    group: str = ""
    type: str = ""
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""


def parse(id: str) -> Id:
    """What it names; of a resource that extends another one, the extension."""
    words = [word for word in id.split("/") if word]
    lower = [word.lower() for word in words]
    subscription = words[1] if lower[:1] == ["subscriptions"] and len(words) > 1 else ""
    group = words[3] if lower[2:3] == ["resourcegroups"] and len(words) > 3 else ""
    if "providers" not in lower[:-1]:
        return Id(subscription, group)
    last = len(lower) - 1 - lower[::-1].index("providers")
    namespace, rest = words[last + 1], words[last + 2 :]
    return Id(subscription, group, "/".join([namespace, *rest[::2]]), tuple(rest[1::2]))


def resource_id(subscription: str, group: str, type: str, *names: str) -> str:
    namespace, *types = type.split("/")
    parts = [f"/{kind}/{name}" for kind, name in zip(types, names, strict=True)]
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}{''.join(parts)}"


def below(scope: str, id: str) -> bool:
    """Whether that is the scope itself or in it."""
    scope, id = scope.lower().rstrip("/"), id.lower().rstrip("/")
    return id == scope or id.startswith(f"{scope}/")


def right(method: str, path: str) -> tuple[str, str]:
    """The action that a call needs, and the scope where."""
    words = [word for word in path.split("/") if word]
    if method == "POST":
        *words, verb = words
    else:
        verb = VERBS.get(method, "read")
    scope = "/" + "/".join(words)
    id = parse(scope)
    ending = f"{verb}/action" if method == "POST" else verb
    if id.subscription and id.type and "/" not in id.type and method != "POST":
        return f"Microsoft.Resources/subscriptions/providers/{ending}", f"/subscriptions/{id.subscription}"
    if id.type:
        extends = scope.lower().rfind("/providers/")
        where = scope[:extends] if _extends(id.type) else scope
        return f"{id.type}/{ending}", where or "/"
    if id.group:
        more = "/".join(["", *words[4:]])
        return f"Microsoft.Resources/subscriptions/resourceGroups{more.rstrip('/')}/{ending}", scope
    if len(words) > 1 and words[0].lower() == "subscriptions":
        kinds = {"resourcegroups": "/resourceGroups", "providers": "/providers", "resources": "/resources"}
        more = kinds.get(words[2].lower(), f"/{words[2]}") if len(words) > 2 else ""
        return f"Microsoft.Resources/subscriptions{more}/{ending}", f"/subscriptions/{words[1]}"
    return f"Microsoft.Resources/{'/'.join(words)}/{ending}", "/"


def _extends(type: str) -> bool:
    return type.lower().startswith(("microsoft.authorization/", "microsoft.resources/tags"))
