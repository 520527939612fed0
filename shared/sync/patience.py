"""How long to leave a provider alone, and when its owner is told."""

import math
import random
from typing import Final

from shared.errors import ProviderUnavailable
from shared.jobs import Later
from shared.models.jobs import AnyJob

FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0
SHORT_SECONDS: Final = 5.0
MOST_FAILURES: Final = 16
MOMENT_SECONDS: Final = 10.0


def delay_after(error: ProviderUnavailable, *, failures: int) -> int:
    """
    Give the whole seconds after which to try again: what the provider said, or more after each failure in a row.

    Of what is not short a quarter is left to chance, so that those whom one outage stopped do not come back together.
    """
    seconds = error.retry_after_seconds
    if seconds is None:
        seconds = min(FIRST_SECONDS * 2**failures, LONGEST_SECONDS)
    if seconds > SHORT_SECONDS:
        seconds *= random.uniform(1, 1.25)  # noqa: S311 - only to spread
    return max(1, math.ceil(seconds))


def later_after(job: AnyJob, error: ProviderUnavailable) -> Later:
    """
    Have a job tried again when the provider may answer again; it carries how often in a row that was so.

    Whoever holds a lease has it end a second before, so that the job finds it free.
    """
    again = job.model_copy(update={"failures": min(job.failures + 1, MOST_FAILURES)})
    return Later(again, delay_seconds=delay_after(error, failures=job.failures), reason=error.code)


def is_worth_telling(later: Later) -> bool:
    """Tell whether an owner should know of it: that is more than a moment, or not the first time in a row."""
    return later.reason is not None and (later.delay_seconds > MOMENT_SECONDS or later.job.failures > 1)
