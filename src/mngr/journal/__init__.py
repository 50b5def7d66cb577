"""Intents on disk: what paid thing is about to be done. Knows no cloud."""

from mngr.journal.intent import Entry, Intent
from mngr.journal.store import Held, Journal

__all__ = ["Entry", "Held", "Intent", "Journal"]
