"""What the contract's worlds share in this process."""

from mngr.testing.fixtures import fakes

__all__ = ["fakes"]
