"""How long to leave a provider alone, and when its owner is told."""

import random
from typing import Final

from shared.errors import ProviderUnavailable
from shared.jobs import Later
from shared.models.jobs import AnyJob

FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0
MOST_FAILURES: Final = 16
MOMENT_SECONDS: Final = 10.0


def delay_after(error: ProviderUnavailable, *, failures: int) -> float:
    """
    Give the seconds after which to try again: what the provider said, or more after each failure in a row.

    A quarter is left to chance, so that those whom one outage stopped do not come back together.
    """
    seconds = error.retry_after_seconds
    if seconds is None:
        seconds = min(FIRST_SECONDS * 2**failures, LONGEST_SECONDS)
    return max(1.0, seconds) * random.uniform(1, 1.25)  # noqa: S311 - only to spread


def later_after(job: AnyJob, error: ProviderUnavailable) -> Later:
    """
    Have a job tried again when the provider may answer again; it carries how often in a row that was so.

    A lease that others wait for ends a second before, so that the job finds it free.
    """
    again = job.model_copy(update={"failures": min(job.failures + 1, MOST_FAILURES)})
    return Later(again, delay_seconds=delay_after(error, failures=job.failures) + 1, reason=error.code)


def is_worth_telling(later: Later) -> bool:
    """Tell whether an owner should know of it: that is more than a moment, or not the first time in a row."""
    return later.reason is not None and (later.delay_seconds > MOMENT_SECONDS or later.job.failures > 1)
