"""Dates as OVH writes them, and months as a calendar counts them."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from mngr.model.clock import from_iso
from mngr.simcloud.ovh.words import bad

DAY_S = 86400.0


def day(moment: float) -> str:
    """A date without a time: expirations are said no more exactly."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def add_months(moment: float, months: int) -> float:
    """The same day and hour some months on; the month's last day if it has no such day."""
    at = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return at.replace(year=year, month=month + 1, day=min(at.day, last)).timestamp()


def parse(text: str) -> float:
    """A date, with or without a time; without a zone it is UTC."""
    try:
        return datetime.fromtimestamp(from_iso(text), UTC).timestamp()
    except (ValueError, OverflowError):
        raise bad(f"Given data ({text}) is not valid for type datetime") from None
