"""Time spans as .NET writes them."""

import re
from datetime import timedelta
from typing import Final

_TIMESPAN: Final = re.compile(r"(-)?(?:(\d+)\.)?(\d{1,2}):([0-5]?\d)(?::([0-5]?\d)(?:\.(\d{1,7}))?)?")


def seconds_from(text: str) -> float:
    """Read `[-][d.]hh:mm[:ss[.fffffff]]`; raise ValueError for anything else."""
    found = _TIMESPAN.fullmatch(text.strip())
    if not found or int(found[3]) > 23:  # noqa: PLR2004 (hours of a day)
        raise ValueError(f"'{text}' is not a time span such as 00:05:00 or 1.00:00:00")
    fraction = float(f"0.{found[6]}") if found[6] else 0.0
    span = timedelta(days=int(found[2] or 0), hours=int(found[3]), minutes=int(found[4]), seconds=int(found[5] or 0))
    seconds = span.total_seconds() + fraction
    return -seconds if found[1] else seconds
