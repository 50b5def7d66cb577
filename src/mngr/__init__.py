"""mngr: coding agents in containers on machines you rent or own."""

__version__ = "0.1.0"
