"""How the service thinks of the hosts that it notifies: slow ones are notified late, dropped ones not at all."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from dev.graph_simulator.clock import Clock

WINDOW_SECONDS = STATE_SECONDS = 600.0
SLOW_ANSWER, LOST_ANSWER = 3.0, 10.0
SLOW_SHARE, LOST_SHARE = 0.10, 0.15
FEWEST_ANSWERS = 10  # before a host is judged; the service's own number is not known
_TOLERANCE = 0.05  # a timeout may fire a little early

EndpointState = Literal["good", "slow", "drop"]


@dataclass(slots=True)
class Endpoint:
    """One host: its answers of the last ten minutes, and what follows from them until `until`."""

    answers: deque[tuple[float, float]] = field(default_factory=deque)  # (when, how long it took), in seconds
    state: EndpointState = "good"
    until: float = 0.0


class Endpoints:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_host: dict[str, Endpoint] = {}

    def record(self, host: str, seconds: float) -> None:
        """Count an answer, and judge the host by all of its window."""
        now = self._clock.now().timestamp()
        endpoint = self._by_host.setdefault(host, Endpoint())
        endpoint.answers.append((now, seconds))
        while endpoint.answers[0][0] < now - WINDOW_SECONDS:
            endpoint.answers.popleft()
        if self.state(host) == "good" and (worse := _judged(endpoint)) != "good":
            endpoint.state, endpoint.until = worse, now + STATE_SECONDS

    def state(self, host: str) -> EndpointState:
        """Return the state; one that has lasted its ten minutes is over, and the host is judged anew."""
        endpoint = self._by_host.get(host)
        if endpoint is None:
            return "good"
        if endpoint.state != "good" and endpoint.until <= self._clock.now().timestamp():
            endpoint.state = "good"
            endpoint.answers.clear()
        return endpoint.state

    def as_json(self) -> list[dict[str, object]]:
        return [
            {"host": host, "state": self.state(host), "answers": len(one.answers)}
            for host, one in self._by_host.items()
        ]


def _judged(endpoint: Endpoint) -> EndpointState:
    total = len(endpoint.answers)
    if total < FEWEST_ANSWERS:
        return "good"
    if sum(took >= LOST_ANSWER - _TOLERANCE for _, took in endpoint.answers) > LOST_SHARE * total:
        return "drop"
    is_slow = sum(took >= SLOW_ANSWER - _TOLERANCE for _, took in endpoint.answers) > SLOW_SHARE * total
    return "slow" if is_slow else "good"
