"""What a token allows."""

from collections.abc import Sequence
from typing import Literal

Scope = Literal["read", "lifecycle", "destructive"]
SCOPES: Sequence[Scope] = ("read", "lifecycle", "destructive")
"""Each allows what is before it, too."""


def allows(has: Scope, needs: Scope) -> bool:
    return SCOPES.index(has) >= SCOPES.index(needs)
