"""The simulator's time: the machine's own, moved on demand."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)

    def skew(self, seconds: float) -> None:
        """Set how far the clock is ahead of the machine's."""
        self.ahead = timedelta(seconds=seconds)


def iso(moment: datetime) -> str:
    """Write a moment with seconds and "Z", as message properties have it."""
    # strftime would drop the leading zeros of the year 1.
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def iso_precise(moment: datetime) -> str:
    """Write a moment with seven digits after the second, as subscriptions have it."""
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='microseconds')}0Z"


def http_date(moment: datetime) -> str:
    """Write a moment as HTTP headers have it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def moment_from(text: str) -> datetime:
    """
    Parse an OData date; digits beyond the microsecond are cut off, and no zone means UTC.

    Raises `ValueError` when it is no date.
    """
    head, dot, tail = text.partition(".")
    if dot:
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        text = f"{head}.{digits[:6].ljust(6, '0')}{tail[len(digits) :]}"
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
