"""How long a provider asks us to wait."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_SECONDS: Final = 3600.0
"""Nobody is left alone for longer than that, whatever was told."""


def retry_after_seconds(value: str | None, date: str | None = None) -> float | None:
    """
    Read Retry-After: whole or fractional seconds, or a date. None when absent or not understood.

    A date is compared with the answer's own `date`, because the provider's clock is not ours; with ours when there is
    none.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, date)
    return None if math.isnan(seconds) else min(max(0.0, seconds), LONGEST_SECONDS)


def _seconds_until(value: str, date: str | None) -> float:
    moment, answered = _moment(value), _moment(date) if date else None
    if moment is None:
        return math.nan
    return (moment - (answered or datetime.now(UTC))).total_seconds()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
