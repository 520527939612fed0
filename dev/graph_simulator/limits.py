"""The service's limits per application and mailbox, and the count of what was asked."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from dev.graph_simulator.clock import Clock, http_date
from dev.graph_simulator.errors import ConcurrencyExceeded, ServiceError, TooManyRequests

RetryAfterForm = Literal["integer", "fraction", "date", "absent"]


@dataclass(slots=True)
class LimitSettings:
    concurrency: int = 4
    window_requests: int = 10_000
    window_seconds: float = 600.0
    retry_after: RetryAfterForm = "integer"


@dataclass(slots=True)
class Usage:
    """Counters of one application on one mailbox. `peak` counts refused requests too: above 4 is the client's fault."""

    app_id: str
    mailbox_id: str
    in_flight: int = 0
    peak: int = 0
    requests: int = 0
    throttled: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    window: deque[float] = field(default_factory=deque)

    def as_json(self) -> dict[str, Any]:
        return {
            "app": self.app_id,
            "mailbox": self.mailbox_id,
            "inFlight": self.in_flight,
            "peakConcurrency": self.peak,
            "requests": self.requests,
            "throttled": dict(self.throttled),
            "routes": dict(self.routes),
        }


class Limits:
    def __init__(self, clock: Clock) -> None:
        self.settings = LimitSettings()
        self._clock = clock
        self._usage: dict[tuple[str, str], Usage] = {}
        self._blocked: dict[tuple[str | None, str], float] = {}

    def usage(self, app_id: str, mailbox_id: str) -> Usage:
        return self._usage.setdefault((app_id, mailbox_id), Usage(app_id, mailbox_id))

    def enter(self, usage: Usage) -> None:
        """
        Count a request in. Whoever entered must leave, refused or not.

        Raises a 429 when the request is over a limit; it counts all the same.
        """
        usage.in_flight += 1
        usage.requests += 1
        usage.peak = max(usage.peak, usage.in_flight)
        if refusal := self._refusal(usage):
            raise refusal

    def leave(self, usage: Usage) -> None:
        usage.in_flight -= 1

    def block(self, app_id: str | None, mailbox_id: str, seconds: float) -> None:
        """Refuse every request to a mailbox for a while, of one application or of all."""
        self._blocked[app_id, mailbox_id] = self._clock.now().timestamp() + seconds

    def reset(self) -> None:
        """Forget all counts, but not who is in flight."""
        for usage in self._usage.values():
            usage.peak, usage.requests = usage.in_flight, 0
            usage.throttled.clear()
            usage.routes.clear()
            usage.window.clear()

    def as_json(self) -> list[dict[str, Any]]:
        return [one.as_json() for one in self._usage.values()]

    def _refusal(self, usage: Usage) -> ServiceError | None:
        now = self._clock.now().timestamp()
        window = usage.window
        window.append(now)
        while window[0] < now - self.settings.window_seconds:
            window.popleft()
        if usage.in_flight > self.settings.concurrency:
            usage.throttled["concurrency"] += 1
            return ConcurrencyExceeded(self._retry_after(1))
        if (blocked_until := self._blocked_until(usage)) > now:
            usage.throttled["onDemand"] += 1
            return TooManyRequests(self._retry_after(blocked_until - now))
        if len(window) > self.settings.window_requests:
            usage.throttled["window"] += 1
            overflow = window[len(window) - self.settings.window_requests]
            return TooManyRequests(self._retry_after(overflow + self.settings.window_seconds - now))
        return None

    def _blocked_until(self, usage: Usage) -> float:
        return max(self._blocked.get((app_id, usage.mailbox_id), 0.0) for app_id in (None, usage.app_id))

    def _retry_after(self, seconds: float) -> dict[str, str]:
        return retry_after(seconds, self.settings.retry_after, self._clock.now())


def retry_after(seconds: float, form: RetryAfterForm, now: datetime) -> dict[str, str]:
    """Return the header in one of the forms in which it was seen. A date is by the clock that says `now`."""
    if form == "absent":
        return {}
    if form == "fraction":
        return {"Retry-After": f"{max(seconds, 0.001):.3f}"}
    if form == "date":
        return {"Retry-After": http_date(now + timedelta(seconds=seconds + 1))}
    return {"Retry-After": str(max(1, -int(-seconds // 1)))}
