"""The host's growing delay, for idle queues and for exponential retries."""

import random


class Backoff:
    """`shortest` first, then `shortest` + (0.8 to 1.2) x 2^n x `shortest`, up to `longest`."""

    def __init__(self, shortest_seconds: float, longest_seconds: float) -> None:
        self._shortest, self._longest = shortest_seconds, longest_seconds
        self._steps = 0

    def reset(self) -> None:
        self._steps = 0

    def next_seconds(self) -> float:
        self._steps += 1
        if self._steps == 1:
            return min(self._shortest, self._longest)
        growth = 2.0 ** min(self._steps - 2, 30)
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 (spreads polls, guards nothing)
        return min(self._shortest + jitter * growth * self._shortest, self._longest)
