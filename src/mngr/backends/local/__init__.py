"""Provider `local`: agents in tmux on this computer, in the directory they are created from."""

import msgspec

from mngr.providers.contract import Context, HostProvider


class LocalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[providers.local]` has no settings of its own."""


class _Backend:
    name = "local"
    config_type = LocalConfig

    def build(self, config: LocalConfig, context: Context) -> HostProvider:
        from mngr.backends.local.provider import LocalProvider

        return LocalProvider(context)


BACKEND = _Backend()
