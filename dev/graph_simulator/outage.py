"""The whole service out of reach for a while, by the machine's clock."""

import asyncio
import time
from dataclasses import dataclass

_LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Outage:
    ends: float = 0.0
    includes_entra: bool = False

    def begin(self, seconds: float, *, entra: bool) -> None:
        """Start, replace or, with zero seconds, end an outage."""
        self.ends, self.includes_entra = time.monotonic() + seconds, entra

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self.ends

    async def over(self) -> None:
        """Wait for the end, which may be moved meanwhile."""
        while self.is_on:  # noqa: ASYNC110 - time ends it, not an event
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, self.ends - time.monotonic())))
