"""Timer schedules: NCRONTAB expressions with seconds, and plain intervals."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from croniter import CroniterError, croniter

from dev.functions_host.errors import HostRefused
from dev.functions_host.timespan import seconds_from

_FIELD: Final = re.compile(r"[0-9A-Za-z,*/-]+")
_WORD: Final = re.compile(r"([A-Za-z]{3})[A-Za-z]*")
_SAMPLES: Final = 60


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a timer fires; all times are aware and in the local zone."""

    text: str
    next_after: Callable[[datetime], datetime]

    def is_frequent(self, now: datetime) -> bool:
        """Return whether any two firings are less than a minute apart; such a schedule is not monitored."""
        at = self.next_after(now)
        for _ in range(_SAMPLES):
            following = self.next_after(at)
            if following - at < timedelta(minutes=1):
                return True
            at = following
        return False


def read_schedule(text: str) -> Schedule:
    """Read 6 or 5 fields, or `hh:mm:ss`; raise HostRefused for anything else."""
    fields = text.split()
    if len(fields) == 1 and ":" in text:
        return Schedule(text, _every(text))
    if len(fields) not in {5, 6} or not all(_FIELD.fullmatch(field) for field in fields):
        raise HostRefused(f"the schedule '{text}' is no NCRONTAB expression and no time span")
    return Schedule(text, _cron(text, fields if len(fields) == 6 else ["0", *fields]))  # noqa: PLR2004 (with seconds)


def _every(text: str) -> Callable[[datetime], datetime]:
    try:
        seconds = seconds_from(text)
    except ValueError as exc:
        raise HostRefused(f"the schedule '{text}' is no time span") from exc
    if seconds <= 0:
        raise HostRefused(f"the schedule '{text}' must be longer than nothing")
    return lambda after: after + timedelta(seconds=seconds)


def _cron(text: str, fields: list[str]) -> Callable[[datetime], datetime]:
    expression = " ".join([*fields[:4], *(_WORD.sub(r"\1", field) for field in fields[4:])])
    if any(number not in "0123456" for number in re.findall(r"\d+", fields[5].split("/")[0])):
        raise HostRefused(f"the schedule '{text}' has a day of the week outside 0 to 6")
    if not croniter.is_valid(expression, second_at_beginning=True):
        raise HostRefused(f"the schedule '{text}' is no NCRONTAB expression")

    def next_after(after: datetime) -> datetime:
        local = after.astimezone().replace(tzinfo=None)  # fields are wall-clock times
        times = croniter(expression, local, day_or=False, second_at_beginning=True)
        try:
            following: datetime = times.get_next(datetime)
        except CroniterError as exc:
            raise HostRefused(f"the schedule '{text}' never fires") from exc
        return following.astimezone()

    return next_after
