"""How long to leave a provider alone."""

import random
from typing import Final

from shared.errors import ProviderUnavailable

FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0


def delay_after(error: ProviderUnavailable, *, failures: int = 2) -> float:
    """
    Give the seconds after which to try again: what the provider said, or more after each failure in a row.

    A quarter is left to chance, so that those whom one outage stopped do not come back together.
    """
    seconds = error.retry_after_seconds
    if seconds is None:
        seconds = min(FIRST_SECONDS * 2**failures, LONGEST_SECONDS)
    return max(1.0, seconds) * random.uniform(1, 1.25)  # noqa: S311 - only to spread
